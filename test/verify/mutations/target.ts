import { Client } from 'pg'
import { ident, qualified } from '../../../src/connection/quote.ts'
import type { TableSpec } from './schema.ts'

export interface TargetColumn {
  readonly source: string
  readonly target: string
  readonly type: string
}

/** A row of the target: where it is, and the text form of each column. */
export interface Row {
  readonly ctid: string
  readonly values: readonly (string | null)[]
}

/** A table of the target as it is now. */
export interface TargetTable {
  readonly spec: TableSpec
  /** Qualified and quoted. */
  readonly name: string
  /** Those that the migration fills, without those that the target computes. */
  readonly columns: readonly TargetColumn[]
  /** Positions of the key's columns; empty where the target has none. */
  readonly key: readonly number[]
  readonly rows: readonly Row[]
}

/** Texts of values depend on these, and the same text must mean the same value. */
const SETTINGS =
  "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 3; SET client_min_messages = 'error'"

/** The test's own view of a target, with nothing of what it tests. */
export class TargetView {
  readonly #client: Client
  readonly #specs: readonly TableSpec[]

  private constructor(client: Client, specs: readonly TableSpec[]) {
    this.#client = client
    this.#specs = specs
  }

  static async open(url: string, specs: readonly TableSpec[]): Promise<TargetView> {
    const client = new Client({
      connectionString: url,
      types: { getTypeParser: () => (text: string) => text },
    })
    await client.connect()
    await client.query(SETTINGS)
    return new TargetView(client, specs)
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  async rows(sql: string): Promise<(string | null)[][]> {
    const answer = await this.#client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
    return (Array.isArray(answer) ? answer.at(-1) : answer).rows
  }

  async tables(): Promise<TargetTable[]> {
    const types = new Map<string, string>()
    for (const [table, column, type] of await this.rows(
      `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''`,
    ))
      types.set(`${table}\0${column}`, type!)
    const tables: TargetTable[] = []
    for (const spec of this.#specs) {
      const all = [...spec.columns, ...(spec.generated === null ? [] : [{ source: 'g', target: 'g' }])]
      const columns = all.flatMap(({ source, target }): TargetColumn[] => {
        const type = types.get(`${spec.target}\0${target}`)
        return type === undefined ? [] : [{ source, target, type }]
      })
      const name = qualified('public', spec.target)
      const texts = columns.map((column) => `${ident(column.target)}::text`)
      const found = await this.rows(`SELECT ctid::text, ${texts.join(', ')} FROM ${name} ORDER BY ctid`)
      tables.push({
        spec,
        name,
        columns,
        key: spec.keyColumns.map((key) => columns.findIndex((column) => column.source === key)),
        rows: found.map(([ctid, ...values]) => ({ ctid: ctid!, values })),
      })
    }
    return tables
  }

  /** Keeps the rows as they are, to be compared with. */
  async keep(): Promise<void> {
    const copies = this.#specs.map(
      ({ target }) => `CREATE TABLE ${qualified('kept', target)} AS TABLE ${qualified('public', target)}`,
    )
    await this.rows(`CREATE SCHEMA kept; ${copies.join('; ')}`)
  }

  /** The tables whose rows are not those that were kept. */
  async unlikeKept(tables: readonly TargetTable[]): Promise<string[]> {
    const differing: string[] = []
    for (const { spec, columns, name } of tables) {
      const texts = columns.map((column) => `${ident(column.target)}::text`).join(', ')
      const [now, then] = [
        `SELECT ${texts} FROM ${name}`,
        `SELECT ${texts} FROM ${qualified('kept', spec.target)}`,
      ]
      const [row] = await this.rows(
        `SELECT count(*) FROM ((${now} EXCEPT ALL ${then}) UNION ALL (${then} EXCEPT ALL ${now})) AS d`,
      )
      if (row![0] !== '0') differing.push(spec.target)
    }
    return differing
  }
}
