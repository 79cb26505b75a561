import type { DatabaseSync } from 'node:sqlite'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ColumnConfig, MigrateReport, MigrationConfig, Plan } from '../../src/index.ts'
import { type Bench, query } from '../migrate/migrating.ts'

/** The row cannot be stored: it is refused, or goes to `landfall.rejects`. */
export const ASIDE = Symbol('set aside')

/** One column of the source with what must become of it. */
export interface ColumnCase {
  readonly title: string
  /** As declared in the source. */
  readonly declared: string
  /** Each value as SQLite's literal or as bound, and its text in the target. */
  readonly values: readonly (readonly [source: string | number, target: string | null | typeof ASIDE])[]
  /** The type in the target. */
  readonly type: string
  /** What the config says of the column. */
  readonly choice?: ColumnConfig
  /** The column's type in a table that is there already. */
  readonly there?: string
  /** The plan's reason for the type, or a part of it. */
  readonly why?: string
  readonly conversion?: string | null
  /** Why the values that are set aside do not fit. */
  readonly reason?: string
  /** Target SQL over `v` instead of its text. */
  readonly shown?: string
}

export interface Together {
  readonly plan: () => Plan
  readonly report: () => MigrateReport
  readonly to: () => string
}

/**
 * Moves a table for each case in one migration and compares type, reason, every value, and what is
 * set aside. Each case is a table `c0`, `c1`, … with the key `id` from 1 and a column `v`.
 */
export function together(name: string, bench: Bench, cases: readonly ColumnCase[], pragma = ''): Together {
  let planned: Plan
  let report: MigrateReport
  let to: string
  describe(name, () => {
    beforeAll(async () => {
      const from = bench.sqlite((database) => fill(database, cases, pragma))
      to = await bench.postgres(
        cases
          .map((one, at) => (one.there ? `CREATE TABLE c${at}(id bigint PRIMARY KEY, v ${one.there});` : ''))
          .join(' ') || 'SELECT 1',
      )
      const config: MigrationConfig = {
        moves: {
          '*': {},
          ...Object.fromEntries(
            cases.flatMap(({ choice }, at) => (choice ? [[`c${at}`, { columns: { v: choice } }]] : [])),
          ),
        },
      }
      planned = await bench.plan(from, to, { config })
      report = await bench.migrate(from, to, { config, options: { badRows: 'set-aside' } })
    })
    test.each(cases.map((one, at) => [one.title, one, `c${at}`] as const))('%s', async (_, one, table) => {
      await compare(one, table, planned, report, to)
    })
  })
  return { plan: () => planned, report: () => report, to: () => to }
}

function fill(database: DatabaseSync, cases: readonly ColumnCase[], pragma: string): void {
  database.exec(`${pragma}; BEGIN`)
  for (const [at, { declared, values }] of cases.entries()) {
    database.exec(`CREATE TABLE c${at}(id INTEGER PRIMARY KEY, v ${declared})`)
    for (const [value] of values) {
      if (typeof value === 'string') database.exec(`INSERT INTO c${at}(v) VALUES (${value})`)
      else database.prepare(`INSERT INTO c${at}(v) VALUES (?)`).run(value)
    }
  }
  database.exec('COMMIT')
}

async function compare(one: ColumnCase, table: string, plan: Plan, report: MigrateReport, to: string) {
  const aside = one.values.flatMap(([, target], at) => (target === ASIDE ? [at + 1] : []))
  const column = plan.moves.find((move) => move.source === table)!.columns[1]!
  const blockers = plan.blockers.filter((blocker) => blocker.table === table)
  expect(column.type, column.why).toBe(one.type)
  if (one.why !== undefined) expect(column.why).toContain(one.why)
  if (one.conversion !== undefined) expect(column.conversion).toBe(one.conversion)
  if (aside.length === 0) expect(blockers).toEqual([])
  else {
    expect(blockers).toMatchObject([{ code: 'LF204', column: 'v' }])
    expect(blockers[0]!.message).toBe(
      `${table}.v ${one.reason ?? column.misfitReason} in ${aside.length} of ${one.values.length} rows`,
    )
    expect(blockers[0]!.examples.map((shown) => shown.split(' (')[0])).toEqual(
      aside.map((id) => `id = ${id}`),
    )
  }
  const rows = await query(to, `SELECT id, ${one.shown ?? 'v::text'} FROM public.${table} ORDER BY id`)
  expect(rows).toEqual(
    one.values.flatMap(([, target], at) => (target === ASIDE ? [] : [[String(at + 1), target]])),
  )
  const rejects = await query(to, `SELECT key FROM landfall.rejects WHERE "table" = '${table}' ORDER BY id`)
  expect(rejects.flat()).toEqual(aside.map((id) => `id = ${id}`))
  const counts = report.tables.find(({ source }) => source === table)!
  expect([counts.read, counts.loaded, counts.setAside]).toEqual([
    one.values.length,
    one.values.length - aside.length,
    aside.length,
  ])
}
