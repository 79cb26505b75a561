import type { ServerFields, Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'

/** An UPDATE of a target's table as `t`. */
export interface Update {
  readonly target: string
  /** SQL of the new value of each column, by its name. */
  readonly set: ReadonlyMap<string, string>
  /** SQL, `FROM … WHERE …`: which rows, and where their values come from. */
  readonly rows: string
}

const UNIQUE_VALUE_TAKEN = '23505'

/**
 * Carries out an UPDATE after which unique values are unique, though rows may exchange them on the way: the
 * server compares them row by row. Then they are given up first, where they may be NULL. Returns how many
 * rows there were. Only within a transaction.
 */
export async function updateUnique(session: Session, update: Update): Promise<number> {
  const { target, set, rows } = update
  const statement = (values: readonly string[]): string =>
    `UPDATE ${target} AS t SET ${values.join(', ')} ${rows}`
  await session.query('SAVEPOINT landfall_update')
  let first: unknown
  for (const given: string[] = []; ; ) {
    try {
      if (given.length > 0) await session.query(statement(given.map((name) => `${ident(name)} = NULL`)))
      const { rowCount } = await session.query(
        statement([...set].map(([name, value]) => `${ident(name)} = ${value}`)),
      )
      return rowCount
    } catch (error) {
      // Whatever giving up was refused for is not what is wrong with the rows.
      first ??= error
      if (!(error instanceof LandfallError) || error.details?.sqlstate !== UNIQUE_VALUE_TAKEN) throw first
      await session.query('ROLLBACK TO SAVEPOINT landfall_update')
      const more = await mayBeGivenUp(session, update, error.details)
      const others = more.filter((name) => set.has(name) && !given.includes(name))
      if (others.length === 0) throw first
      given.push(...others)
    }
  }
}

/** Columns of the constraint that may be NULL. Where others refer to them, these would follow. */
async function mayBeGivenUp(
  session: Session,
  { target }: Update,
  { schema, constraint }: ServerFields,
): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT a.attname::text AS name FROM pg_catalog.pg_class i
      JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
      JOIN pg_catalog.pg_index x ON x.indexrelid = i.oid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid
        AND a.attnum = ANY ((x.indkey::pg_catalog.int2[])[0:x.indnkeyatts - 1])
      WHERE n.nspname = $1 AND i.relname = $2 AND NOT a.attnotnull
        AND (x.indrelid = ${literal(target)}::pg_catalog.regclass OR x.indrelid IN (
          SELECT p.relid FROM pg_catalog.pg_partition_tree(${literal(target)}::pg_catalog.regclass) AS p))
        AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_constraint c
          WHERE c.contype = 'f' AND c.confrelid = x.indrelid AND a.attnum = ANY (c.confkey))`,
    [schema ?? '', constraint ?? ''],
  )
  return rows.map(({ name }) => name)
}
