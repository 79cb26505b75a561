import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { literalOf } from '../connection/sqlite-key.ts'

/** A table and the temporary table of its rows that are set aside. */
export interface CascadeTable {
  /** Quoted and qualified. */
  readonly table: string
  readonly bad: string
  readonly keys: readonly string[]
}

/** Rows of `child` need a row of `parent`; both by index. Values are SQL over `t` and `p`. */
export interface CascadeLink {
  readonly child: number
  readonly parent: number
  readonly reason: number
  readonly childValues: readonly string[]
  readonly parentValues: readonly string[]
  readonly present: string
}

export interface Cascade {
  readonly tables: readonly CascadeTable[]
  readonly links: readonly CascadeLink[]
}

/**
 * Follows rows that are set aside to the rows that need them, and on from those, until no more are lost:
 * each step looks only at the children of what the step before lost, so that a long chain of rows
 * costs as much as its length. Returns for each table the rows lost: the reason, then the key's literals.
 */
export function cascade(
  context: { readonly database: DatabaseSync; readonly signal: { readonly aborted: boolean } },
  { tables, links }: Cascade,
): string[][][] {
  const { database } = context
  const fresh = tables.map((table, i) => new Fresh(database, table, i))
  const followers = new Map<CascadeLink, StatementSync>()
  const follow = (link: CascadeLink) => {
    const known = followers.get(link)
    if (known) return known
    const made = database.prepare(follower(database, tables, link, links.indexOf(link)))
    followers.set(link, made)
    return made
  }
  for (;;) {
    if (context.signal.aborted) return tables.map(() => [])
    for (const link of links) if (fresh[link.parent]!.rows > 0) follow(link).run()
    const moved = fresh.map((one) => one.advance())
    if (moved.every((rows) => rows === 0)) return fresh.map((one) => one.lost())
  }
}

const columns = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`)

/** The rows of one table that the last step lost, and those that this one loses. */
class Fresh {
  rows: number
  readonly #database: DatabaseSync
  readonly #table: CascadeTable
  readonly #index: number
  readonly #steps: readonly StatementSync[]

  constructor(database: DatabaseSync, table: CascadeTable, index: number) {
    this.#database = database
    this.#table = table
    this.#index = index
    const names = columns(table.keys.length, 'landfall_k')
    for (const kind of ['new', 'next', 'lost'])
      database.exec(
        `CREATE TEMP TABLE landfall_${kind}_${index} (${names.join(', ')}, landfall_reason, PRIMARY KEY (${names.join(', ')})) WITHOUT ROWID`,
      )
    database.exec(
      `CREATE TABLE IF NOT EXISTS ${table.bad} (${names.join(', ')}, landfall_reason INTEGER, PRIMARY KEY (${names.join(', ')})) WITHOUT ROWID;
       INSERT INTO temp.landfall_new_${index} SELECT * FROM ${table.bad}`,
    )
    this.rows = Number(database.prepare(`SELECT count(*) AS n FROM ${table.bad}`).get()!.n)
    this.#steps = [
      `DELETE FROM temp.landfall_new_${index}`,
      `INSERT INTO temp.landfall_new_${index} SELECT * FROM temp.landfall_next_${index}`,
      `INSERT INTO temp.landfall_lost_${index} SELECT * FROM temp.landfall_next_${index}`,
      `INSERT INTO ${table.bad} SELECT * FROM temp.landfall_next_${index}`,
      `DELETE FROM temp.landfall_next_${index}`,
    ].map((sql) => database.prepare(sql))
  }

  /** What this step lost becomes what the next one starts from; how many rows those are. */
  advance(): number {
    const [clear, take, ...keep] = this.#steps
    if (this.rows > 0) clear!.run()
    this.rows = Number(take!.run().changes)
    if (this.rows > 0) for (const step of keep) step.run()
    return this.rows
  }

  lost(): string[][] {
    const names = columns(this.#table.keys.length, 'landfall_k')
    const statement = this.#database.prepare(
      `SELECT landfall_reason, ${names.map(literalOf).join(', ')} FROM temp.landfall_lost_${this.#index}`,
    )
    statement.setReturnArrays(true)
    return (statement.all() as unknown as unknown[][]).map((row) => row.map(String))
  }
}

/** The statement of one step over one link; makes the index of the children by what they refer to. */
function follower(
  database: DatabaseSync,
  tables: readonly CascadeTable[],
  link: CascadeLink,
  number: number,
): string {
  const child = tables[link.child]!
  const parent = tables[link.parent]!
  const keys = columns(child.keys.length, 'landfall_k')
  const refs = columns(link.childValues.length, 'landfall_r')
  const edges = `temp.landfall_edges_${number}`
  database.exec(
    `CREATE TEMP TABLE landfall_edges_${number} AS SELECT ${link.childValues.map((value, i) => `${value} AS ${refs[i]}`).join(', ')}, ${child.keys.map((key, i) => `t.${key} AS ${keys[i]}`).join(', ')} FROM ${child.table} AS t WHERE ${link.present};
     CREATE INDEX temp.landfall_edge_${number} ON landfall_edges_${number} (${refs.join(', ')})`,
  )
  // A plus takes a column's affinity away, with which the index of a temporary table could not be used.
  const isNew = parent.keys.map((key, i) => `p.${key} = n.landfall_k${i + 1}`).join(' AND ')
  const isLost = parent.keys.map((key, i) => `b.landfall_k${i + 1} = +p.${key}`).join(' AND ')
  const survivor = link.parentValues.map((value, i) => `${value} = e.${refs[i]} COLLATE BINARY`).join(' AND ')
  const refers = link.parentValues.map((value, i) => `e.${refs[i]} = +${value} COLLATE BINARY`).join(' AND ')
  const isBad = `EXISTS (SELECT 1 FROM ${parent.bad} AS b WHERE ${isLost})`
  return `INSERT OR IGNORE INTO temp.landfall_next_${link.child}
    SELECT ${keys.map((key) => `e.${key}`).join(', ')}, ${link.reason}
      FROM temp.landfall_new_${link.parent} AS n CROSS JOIN ${parent.table} AS p CROSS JOIN ${edges} AS e
      WHERE ${isNew} AND ${refers}
        AND NOT EXISTS (SELECT 1 FROM ${child.bad} AS b WHERE ${keys.map((key) => `b.${key} = e.${key}`).join(' AND ')})
        AND NOT EXISTS (SELECT 1 FROM ${parent.table} AS p WHERE ${survivor} AND NOT ${isBad})`
}
