import type { CatalogSession } from './postgres.ts'
import {
  foreignKeysOf,
  indexesOf,
  MATERIALIZED,
  relationsOf,
  SEQUENCES,
} from './postgres-post-data-queries.ts'

/** A table, partitioned table or materialized view by its quoted and qualified name. */
export type RelationName = string
export type RelationKind = 'table' | 'partitioned table' | 'materialized view'

/** An index, by what the server prints of it; constraints are listed apart. */
export interface IndexDefinition {
  /** Quoted and qualified. */
  readonly name: string
  /** Quoted, as ALTER TABLE wants it. */
  readonly plainName: string
  readonly table: RelationName
  /** The index of a partitioned table is only a name for those of the partitions. */
  readonly tableKind: RelationKind
  readonly sql: string
  /** The index that it is a part of. */
  readonly parent: string | null
  /** The constraint that it stands behind. */
  readonly constraint: KeyDefinition | null
  /** `ALTER COLUMN … SET STATISTICS …` for expressions, as number of the column and target. */
  readonly statistics: readonly { readonly column: number; readonly target: number }[]
  readonly clustered: boolean
  readonly replicaIdentity: boolean
  /** Quoted names of extensions that it is dropped with. */
  readonly extensions: readonly string[]
}

export interface KeyDefinition {
  /** Quoted. */
  readonly name: string
  readonly kind: 'primary key' | 'unique' | 'exclusion'
  /** It can take an index that is there: exclusion constraints and WITHOUT OVERLAPS cannot. */
  readonly takesIndex: boolean
  /** What follows ADD CONSTRAINT and its name, without `options` and `deferrable`. */
  readonly sql: string
  /** ` WITH (…)` of the index, or empty. */
  readonly options: string
  /** ` DEFERRABLE INITIALLY DEFERRED`, or empty. */
  readonly deferrable: string
}

export interface ForeignKeyDefinition {
  /** Quoted. */
  readonly name: string
  readonly table: RelationName
  readonly parent: RelationName
  /** One of the two is partitioned: then keys of partitions hang on it. */
  readonly partitioned: boolean
  /** The source has looked at all rows. */
  readonly validated: boolean
  readonly enforced: boolean
  /** What follows ADD CONSTRAINT and its name, without NOT VALID. */
  readonly sql: string
}

export interface SequencePosition {
  /** Quoted and qualified. */
  readonly name: string
  /** Decimal text. */
  readonly last: string
  readonly called: boolean
  /** Whose columns own it or take their values from it. */
  readonly tables: readonly RelationName[]
  /** What follows ALTER SEQUENCE and its name. */
  readonly options: string
}

export interface PostData {
  /** Largest first; partitioned tables and materialized views among them. */
  readonly relations: readonly {
    readonly name: RelationName
    readonly kind: RelationKind
    /** All partitions below it. */
    readonly partitions: readonly RelationName[]
    /** Its own checks, which `pg_dump` makes with the table. */
    readonly checks: readonly { readonly name: string; readonly sql: string }[]
    /** NOT NULL constraints that are not valid: name and definition. */
    readonly notNulls: readonly { readonly name: string; readonly sql: string }[]
  }[]
  readonly indexes: readonly IndexDefinition[]
  readonly foreignKeys: readonly ForeignKeyDefinition[]
  readonly sequences: readonly SequencePosition[]
  /** Those that have content, each after those that it reads, also through views. */
  readonly materializedViews: readonly RelationName[]
  /** Quoted and qualified; no query can use them. */
  readonly invalidIndexes: readonly string[]
}

export interface PostDataOptions {
  /** What is left out, as `class/object` by oid: tables, foreign keys, indexes, sequences. */
  readonly skipped?: ReadonlySet<string>
}

/**
 * Everything of a PostgreSQL 12 to 18 that is better made when the rows are there, as the server itself
 * prints it. The session's `search_path` is emptied meanwhile, so it must not be shared while this runs;
 * it should be in a transaction with the source's snapshot. Nothing is written.
 */
export async function readPostData(
  session: CatalogSession,
  { skipped = new Set() }: PostDataOptions = {},
): Promise<PostData> {
  const [server] = (
    await session.query(
      `SELECT current_setting('server_version_num') AS number, current_setting('search_path') AS path`,
    )
  ).rows as readonly { number: string; path: string }[]
  if (server === undefined) throw new TypeError('the session returned no row')
  const version = Number(server.number)
  const read = async <Row>(text: string): Promise<Row[]> =>
    ((await session.query(text)).rows as readonly { json: string }[]).map(
      (row) => JSON.parse(row.json) as Row,
    )
  const wanted = <Row extends { readonly oid: string; readonly of?: readonly string[] }>(rows: Row[]) =>
    rows.filter(({ oid, of = [] }) => ![oid, ...of].some((id) => skipped.has(id)))
  const setPath = (path: string): Promise<unknown> =>
    session.query(`SELECT set_config('search_path', $1, false)`, [path])

  await setPath('')
  try {
    const relations = wanted(
      await read<PostData['relations'][number] & { oid: string }>(relationsOf(version)),
    )
    const indexes = wanted(
      await read<IndexDefinition & { oid: string; of: string[]; valid: boolean }>(indexesOf(version)),
    )
    const sequences = wanted(await read<SequenceRow>(SEQUENCES))
    return {
      relations,
      indexes: indexes.filter((index) => index.valid),
      invalidIndexes: indexes.filter((index) => !index.valid).map((index) => index.name),
      foreignKeys: wanted(
        await read<ForeignKeyDefinition & { oid: string; of: string[] }>(foreignKeysOf(version)),
      ),
      sequences: await positions(session, sequences),
      materializedViews: wanted(await read<{ oid: string; name: string }>(MATERIALIZED)).map(
        ({ name }) => name,
      ),
    }
  } finally {
    // After a failure the connection or its transaction may be gone: then so is the setting.
    await setPath(server.path).catch(() => undefined)
  }
}

interface SequenceRow {
  readonly oid: string
  readonly name: string
  readonly tables: readonly RelationName[]
  readonly options: string
}

/** A sequence is a relation of its own, so many are read as one statement. */
async function positions(
  session: CatalogSession,
  sequences: readonly SequenceRow[],
): Promise<SequencePosition[]> {
  const found: SequencePosition[] = []
  for (let start = 0; start < sequences.length; start += 200) {
    const some = sequences.slice(start, start + 200)
    const { rows } = await session.query(
      some
        .map(
          ({ name }, index) =>
            `SELECT ${index} AS i, last_value::text AS last, is_called AS called FROM ${name}`,
        )
        .join(' UNION ALL '),
    )
    for (const row of rows as readonly { i: number; last: string; called: boolean }[])
      found.push({ ...some[row.i]!, last: row.last, called: row.called })
  }
  return found
}
