import type { DatabaseSync } from 'node:sqlite'
import fc, { type Arbitrary } from 'fast-check'
import { expect, test } from 'vitest'
import type { ColumnConfig, MigrationConfig } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'
import { arrives } from '../oracle/arrives.ts'
import { type Cell, insertCell, readCells, show } from '../oracle/cell.ts'
import * as hostile from '../oracle/hostile.ts'

const { sqlite, postgres, plan, migrate } = bench()

/** Values of each kind of column in one run. More of both for a long search: LANDFALL_RUNS=100. */
const VALUES = 60
const RUNS = Number(process.env.LANDFALL_RUNS ?? 3)

interface Kind {
  readonly declared: string
  readonly values: Arbitrary<Cell>
  readonly choice?: ColumnConfig
  /** The type of a column that is there already. */
  readonly there?: string
}

const { mostly, anything, nothing, clean } = hostile
const kind = (declared: string, values: Arbitrary<Cell>, more: Partial<Kind> = {}): Kind => ({
  declared,
  values: fc.oneof({ weight: 15, arbitrary: values }, { weight: 1, arbitrary: nothing }),
  ...more,
})

/** What a declaration proposes, with values that it suits, values that it nearly suits, and any. */
const DECLARED: readonly Kind[] = [
  kind('INTEGER', mostly(hostile.integers, anything)),
  kind(
    'SMALLINT',
    fc.integer({ min: -32768, max: 32767 }).map((n): Cell => ({ kind: 'integer', value: BigInt(n) })),
  ),
  kind('BOOLEAN', fc.constantFrom<Cell>({ kind: 'integer', value: 0n }, { kind: 'integer', value: 1n })),
  kind('BOOLEAN', hostile.words),
  kind('REAL', mostly(hostile.reals, anything)),
  kind('NUMERIC', mostly(fc.oneof(hostile.decimals, hostile.integers, hostile.reals), anything)),
  kind(
    'DECIMAL(10,2)',
    fc.integer({ min: -9e9, max: 9e9 }).map((n): Cell => ({ kind: 'real', value: n / 100 })),
  ),
  kind('TEXT', mostly(hostile.texts, anything)),
  kind('TEXT', hostile.brokenTexts),
  kind('VARCHAR(14)', hostile.texts),
  kind('VARCHAR(14)', clean.short),
  kind('BLOB', hostile.blobs),
  kind('BLOB', mostly(hostile.blobs, anything)),
  kind('JSON', mostly(hostile.jsons, anything)),
  kind('JSON', clean.documents),
  kind(
    'UUID',
    fc.uuid().map((one): Cell => ({ kind: 'text', bytes: Buffer.from(one) })),
  ),
  kind('UUID', hostile.uuids),
  kind('DATE', clean.dates),
  kind('DATE', hostile.dates),
  kind('TIME', clean.clocks),
  kind('DATETIME', clean.sqlite),
  kind('DATETIME', clean.naive),
  kind('TIMESTAMP', clean.zoned),
  kind('DATETIME', hostile.naive),
  kind('DATETIME', clean.epochs(10n ** 9n)),
  kind('DATETIME', clean.epochs(10n ** 12n)),
  kind('DATETIME', clean.epochs(10n ** 15n)),
  kind('DATETIME', hostile.epochs(10n ** 12n)),
  kind('DATETIME', hostile.julianDays),
  kind('DATETIME', hostile.secondsWithFraction),
  kind('DATETIME', mostly(hostile.naive, anything)),
  kind('', hostile.integers),
  kind('', fc.oneof(hostile.reals, hostile.integers)),
  kind('', fc.oneof(hostile.reals, hostile.integers, hostile.texts)),
  kind('', anything),
]

const CHOSEN: readonly Kind[] = [
  ...(
    [
      ['numeric', fc.oneof(hostile.decimals, hostile.integers, hostile.reals)],
      ['numeric(10,2)', fc.oneof(hostile.reals, hostile.integers)],
      ['numeric(20,4)', fc.oneof(hostile.reals, hostile.integers)],
      ['boolean', hostile.words],
      ['double precision', fc.oneof(hostile.reals, hostile.integers)],
      ['text', hostile.texts],
      ['varchar(6)', hostile.texts],
      ['bytea', fc.oneof(hostile.blobs, hostile.texts, hostile.brokenTexts)],
      ['json', hostile.jsons],
      ['jsonb', hostile.jsons],
      ['jsonb', clean.documents],
      ['jsonb', clean.documentsAndNumbers],
      ['uuid', hostile.uuids],
      ['date', hostile.dates],
      ['time', hostile.clocks],
      ['timestamp', hostile.naive],
      ['timestamp', hostile.epochs(10n ** 12n)],
      ['timestamptz', hostile.zoned],
      ['timestamptz', hostile.epochs(10n ** 9n)],
      ['timestamptz', fc.oneof(hostile.secondsWithFraction, hostile.reals)],
    ] as const
  ).map(([type, values]) =>
    kind(
      '',
      values === clean.documents || values === clean.documentsAndNumbers ? values : mostly(values, anything),
      { choice: { type } },
    ),
  ),
  kind('TEXT', fc.oneof(hostile.zoned, hostile.naive), { choice: { zone: 'UTC' } }),
  kind('TEXT', fc.oneof(hostile.zoned, hostile.naive), { choice: { zone: 'Etc/GMT-5' } }),
  kind('DATETIME', hostile.epochs(10n ** 12n), { choice: { epoch: 'ms' } }),
  kind('DATETIME', hostile.integers, { choice: { epoch: 's' } }),
  kind('DATETIME', fc.oneof(clean.naive, fc.constant<Cell>({ kind: 'text', bytes: Buffer.from('') })), {
    choice: { empty: 'null' },
  }),
  kind('TEXT', fc.oneof(hostile.texts, hostile.brokenTexts), { choice: { nul: 'strip' } }),
  kind('TEXT', fc.oneof(hostile.texts, hostile.brokenTexts), { choice: { invalidUtf8: 'replace' } }),
  kind('VARCHAR(9)', fc.oneof(hostile.texts, hostile.brokenTexts), {
    choice: { nul: 'strip', invalidUtf8: 'replace' },
  }),
  kind('', mostly(hostile.integers, anything), { there: 'smallint' }),
  kind('', mostly(hostile.integers, anything), { there: 'integer' }),
  kind('', mostly(fc.oneof(hostile.reals, hostile.integers), anything), { there: 'real' }),
]

/** The ways that some column took. */
const taken = new Set<string>()

const columns = (kinds: readonly Kind[]) =>
  fc.tuple(...kinds.map(({ values }) => fc.array(values, { minLength: VALUES, maxLength: VALUES })))

function fill(database: DatabaseSync, kinds: readonly Kind[], values: readonly (readonly Cell[])[]): void {
  database.exec('BEGIN')
  for (const [at, { declared }] of kinds.entries()) {
    database.exec(`CREATE TABLE k${at}(id INTEGER PRIMARY KEY, v ${declared})`)
    for (const [id, cell] of values[at]!.entries()) insertCell(database, `k${at}`, id + 1, cell)
  }
  database.exec('COMMIT')
}

/** Moves everything at once, and asks of every single value whether it is what the oracle says. */
async function compare(kinds: readonly Kind[], values: readonly (readonly Cell[])[]): Promise<string[]> {
  const stored: ReadonlyMap<number, Cell>[] = []
  const from = sqlite((database) => {
    fill(database, kinds, values)
    stored.push(...kinds.map((_, at) => readCells(database, `k${at}`)))
  })
  const to = await postgres(
    `SELECT 1; ${kinds.map(({ there }, at) => (there ? `CREATE TABLE k${at}(id bigint PRIMARY KEY, v ${there});` : '')).join(' ')}`,
  )
  const choices = kinds.flatMap(({ choice }, at) => (choice ? [[`k${at}`, { columns: { v: choice } }]] : []))
  const config: MigrationConfig = { moves: { '*': {}, ...Object.fromEntries(choices) } }
  const planned = await plan(from, to, { config })
  await migrate(from, to, { config, options: { badRows: 'set-aside' } })
  const wrong: string[] = []
  for (const [at, { declared, choice }] of kinds.entries()) {
    const column = planned.moves.find((move) => move.source === `k${at}`)!.columns[1]!
    taken.add(column.way)
    const how = `${column.conversion ?? ''}${choice?.epoch ? ' sure' : ''}`
    const rows = await query(to, `SELECT id, v::text FROM public.k${at}`)
    const arrived = new Map(rows.map(([id, text]) => [Number(id), text ?? null]))
    const aside = await query(to, `SELECT key FROM landfall.rejects WHERE "table" = 'k${at}'`)
    const rejected = new Set(aside.map(([key]) => Number(key!.slice('id = '.length))))
    for (const [id, cell] of stored[at]!) {
      const expected = arrives(column.type, how, cell)
      const found = rejected.has(id) ? 'misfit' : arrived.get(id)
      const right =
        typeof expected === 'function' ? typeof found === 'string' && expected(found) : expected === found
      if (!right)
        wrong.push(
          `${declared} -> ${column.type} (${column.way}): ${show(cell)} gave ${JSON.stringify(found)}, not ${typeof expected === 'function' ? expected.toString() : JSON.stringify(expected)}`,
        )
    }
  }
  return wrong
}

test.each([
  ['declarations', DECLARED],
  ['choices', CHOSEN],
])('every value arrives as the oracle says, or is set aside: %s', { timeout: 600_000 }, async (_, kinds) => {
  await fc.assert(
    fc.asyncProperty(columns(kinds), async (values) => {
      expect((await compare(kinds, values)).slice(0, 20)).toEqual([])
    }),
    { numRuns: RUNS, endOnFailure: true, verbose: 0 },
  )
})

test('all ways were tried but those for values of megabytes', () => {
  const expected = [
    ...[
      'int2',
      'int4',
      'int8',
      'int8-halves',
      'boolean',
      'boolean-words',
      'float4',
      'float8',
      'float8-mixed',
    ],
    ...[
      'numeric',
      'numeric(10,2)',
      'text',
      'text-mixed',
      'varchar(6)',
      'varchar(14)',
      'bytea',
      'bytea-of-text',
    ],
    ...['json', 'json-numbers', 'jsonb', 'jsonb-numbers', 'uuid', 'uuid-any', 'date', 'time', 'julian'],
    ...['timestamp-plain', 'timestamp-naive', 'timestamp-zoned', 'timestamp-utc', 'timestamp-in Etc/GMT-5'],
    ...['epoch-s', 'epoch-ms', 'epoch-us', 'epoch-s-sure', 'epoch-ms-sure', 'epoch-real'],
    ...['text repaired nul', 'text repaired utf8', 'timestamp-naive empty-null'],
  ]
  expect(expected.filter((id) => !taken.has(id))).toEqual([])
})
