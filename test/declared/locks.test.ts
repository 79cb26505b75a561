import type { Client } from 'pg'
import { expect, test } from 'vitest'
import {
  bigint,
  type LockMode,
  type SchemaStatement,
  schemaApply,
  schemaPlan,
  schemaUndo,
  text,
  varchar,
} from '../../src/index.ts'
import { bench, connected, query, TOKENS, USERS } from './declaring.ts'

const { database, settings } = bench()

/** Weakest first, as `pg_locks` spells them. */
const MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
]
const spelt = (mode: string): string =>
  mode
    .replace(/Lock$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase()

/** The strongest lock of this session on each table that was there before its transaction. */
async function taken(client: Client, before: ReadonlyMap<string, Table>): Promise<Record<string, string>> {
  const { rows } = await client.query<{ oid: string; mode: string }>(
    `SELECT relation::text AS oid, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL`,
  )
  const found: Record<string, string> = {}
  for (const [table, { oid }] of before)
    for (const lock of rows.filter((one) => one.oid === oid)) {
      const rank = MODES.indexOf(spelt(lock.mode))
      expect(rank).toBeGreaterThanOrEqual(0)
      if (rank > MODES.indexOf(found[table] ?? '')) found[table] = spelt(lock.mode)
    }
  return found
}

interface Table {
  readonly oid: string
  /** The file that its rows are in. */
  readonly node: string
}

async function facts(url: string): Promise<Map<string, Table>> {
  const rows = await query(
    url,
    `SELECT relname::text AS name, c.oid::text, pg_relation_filenode(c.oid)::text AS node FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'`,
  )
  return new Map(rows.map(({ name, oid, node }) => [name!, { oid: oid!, node: node! }]))
}

/** Carries them out by hand, and holds against each what it says of itself. */
async function judged(url: string, statements: readonly SchemaStatement[]): Promise<number> {
  const client = await connected(url)
  let compared = 0
  for (const { does, sql, transaction, locks, rewrites } of statements) {
    const before = await facts(url)
    if (!transaction) {
      expect(sql.length).toBe(1)
      await client.query(sql[0]!)
      continue
    }
    await client.query('BEGIN')
    for (const one of sql) await client.query(one)
    const found = await taken(client, before)
    await client.query('COMMIT')
    const said = Object.fromEntries(locks.map(({ table, mode }): [string, LockMode] => [table, mode]))
    for (const [table, mode] of Object.entries(said))
      expect([does, table, found[table]]).toEqual([does, table, mode])
    // What is not said stands in nobody's way but that of ACCESS EXCLUSIVE and EXCLUSIVE.
    for (const [table, mode] of Object.entries(found))
      if (said[table] === undefined)
        expect([does, table, MODES.indexOf(mode) < 2]).toEqual([does, table, true])
    const after = await facts(url)
    const isWritten = [...before].some(
      ([table, { node }]) => after.has(table) && after.get(table)!.node !== node,
    )
    expect([does, isWritten]).toEqual([does, rewrites])
    compared++
  }
  await client.end()
  return compared
}

test('a plan’s statements take the locks that they name, and rewrite nothing', async () => {
  const url = await database(USERS)
  const { statements } = await schemaPlan(settings(TOKENS, url))
  expect(await judged(url, statements)).toBeGreaterThan(10)
  expect((await schemaPlan(settings(TOKENS, url))).outcome).toBe('complete')
})

test('so do those of an undo', async () => {
  const url = await database(USERS)
  await schemaApply(settings(TOKENS, url))
  const { statements } = await schemaUndo(settings(TOKENS, url, { dryRun: true }))
  expect(await judged(url, statements)).toBeGreaterThan(6)
})

test('and the ways out of conflicts', async () => {
  const url =
    await database(`CREATE TABLE users (id bigint, a int DEFAULT 1, b text NOT NULL, c varchar(10), d bigint);
    INSERT INTO users SELECT n, n, 'x', 'y', n FROM generate_series(1, 10) AS n`)
  const config = {
    schema: {
      users: {
        columns: { a: bigint(), b: text(), c: varchar(10).default('z'), d: bigint().notNull() },
        comment: 'x',
      },
    },
  }
  const plan = await schemaPlan(settings(config, url))
  const ways = plan.conflicts.flatMap(({ conflict }) => conflict!.ways)
  expect(ways.filter(({ rewrites }) => rewrites).length).toBe(1)
  expect(await judged(url, ways)).toBeGreaterThan(7)
  expect((await schemaApply(settings(config, url))).exitCode).toBe(0)
})
