import { DatabaseSync } from 'node:sqlite'
import { afterAll } from 'vitest'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { comparisonOf } from '../../src/compare/comparison.ts'
import type { CompareInput, TableOutcome } from '../../src/compare/model.ts'
import type { Repaired } from '../../src/compare/repair.ts'
import { holdingTarget } from '../../src/compare/target-snapshot.ts'
import { compareUnordered } from '../../src/compare/unordered.ts'
import type { Depth } from '../../src/compare/unordered-localise.ts'
import { repairUnordered } from '../../src/compare/unordered-repair.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { openSource, type SqliteSource } from '../../src/connection/sqlite-source.ts'
import { parseConnection } from '../../src/connection/url.ts'
import type { ChunkBounds } from '../../src/journal/model.ts'
import type { Plan } from '../../src/plan/model.ts'
import { type Ask, type Bench, query } from '../migrate/migrating.ts'

/** Of a repair without a run: nobody holds a lock, and nothing is written down. */
const UNRECORDED = {
  before: { sql: 'SELECT 1', values: [] },
  after: { sql: 'SELECT $1::int8, $2::int8, $3::int8', values: [] },
}

/** What a test asks of a comparison, besides the table. */
export interface Wish extends Partial<Omit<CompareInput, 'listing'>> {
  readonly showValues?: boolean
  readonly most?: number
  readonly depth?: Depth
  /** After the moment from which on no row is deleted. */
  readonly meanwhile?: () => Promise<unknown>
  /** Looks on while the source works. */
  readonly watched?: (source: SqliteSource) => SqliteSource
}

/** A source and the target that it was moved into. */
export interface Pair {
  readonly url: string
  readonly plan: Plan
  /** Carry out statements. */
  source(sql: string): Promise<void>
  target(sql: string): Promise<(string | null)[][]>
  compare(table: string, wish?: Wish): Promise<TableOutcome>
  repair(table: string, deleteExtra: boolean, wish?: Wish): Promise<Repaired>
}

/** Moves new sources; both sides are then the same. Sources stay open until the file's tests have ended. */
export function pairs(bench: Bench): (fill: Parameters<Bench['sqlite']>[0], ask?: Ask) => Promise<Pair> {
  const open = new Map<string, SqliteSource>()
  afterAll(async () => {
    for (const source of open.values()) await source.close()
  })

  async function reading(path: string): Promise<SqliteSource> {
    const source = open.get(path) ?? (await openSource(path, { readers: 2 }))
    open.set(path, source)
    return source
  }

  return async (fill, ask = {}) => {
    const path = bench.sqlite(fill)
    const url = await bench.postgres()
    const plan = await bench.plan(path, url, ask)
    await bench.migrate(path, url, ask)
    const connection = parseConnection(url, { HOME: '/nonexistent' })
    if (connection.engine !== 'postgres') throw new TypeError('not PostgreSQL')
    const access = { postgres: connection.settings, label: 'the target' }
    const session = await openPostgres(connection.settings, { applicationName: 'landfall test' })
    const catalog = await readPostgresCatalog(session, { schemas: ['public'] })
    await session.close()

    async function inputOf(table: string, wish: Wish): Promise<CompareInput> {
      const { showValues = true, most = 100, depth: _, meanwhile: __, watched, ...rest } = wish
      return {
        source: watched?.(await reading(path)) ?? (await reading(path)),
        access,
        comparison: comparisonOf(
          plan.moves.find((one) => one.source === table)!,
          '0',
          catalog.tables.find((one) => one.name === table) ?? null,
        ),
        ranges: [{ after: null, upTo: null }],
        sample: null,
        listing: { most, showValues },
        jobs: 2,
        isOver: () => false,
        progress: () => {},
        memory: null,
        ...rest,
      }
    }

    return {
      url,
      plan,
      async source(sql) {
        await open.get(path)?.close()
        open.delete(path)
        const database = new DatabaseSync(path)
        database.exec(sql)
        database.close()
      },
      target: (sql) => query(url, sql),
      compare: async (table, wish = {}) => await compareUnordered(await inputOf(table, wish), wish.depth),
      async repair(table, deleteExtra, wish = {}) {
        const input = { ...(await inputOf(table, wish)), record: UNRECORDED }
        const { groupRows } = wish.depth ?? {}
        if (!deleteExtra) return await repairUnordered({ ...input, deletable: null }, groupRows)
        return await holdingTarget(access, async (deletable) => {
          await wish.meanwhile?.()
          return await repairUnordered({ ...input, deletable }, groupRows)
        })
      },
    }
  }
}

/** For the source: a table of the numbers from 1 in its column `value`. */
export const series = (most: number): string =>
  `(WITH RECURSIVE s (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < ${most}) SELECT value FROM s)`

/** Ranges of a rowid that end at these numbers. */
export function rangesAt(...ends: readonly number[]): ChunkBounds[] {
  const bounds = [null, ...ends.map((end) => [String(end)]), null]
  return ends.concat(0).map((_, i) => ({ after: bounds[i]!, upTo: bounds[i + 1]! }))
}

/** An outcome without what is shown of it. */
export function numbers(outcome: TableOutcome): Omit<TableOutcome, 'differences'> {
  const { differences: _, ...rest } = outcome
  return rest
}
