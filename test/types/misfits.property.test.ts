import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openReadOnly } from '../../src/connection/sqlite-open.ts'
import { converted } from '../../src/types/label.ts'
import { type Way, width } from '../../src/types/model.ts'
import { propose, proposeFor } from '../../src/types/propose.ts'
import { emptyAsNull } from '../../src/types/way.ts'
import { bench } from '../migrate/migrating.ts'
import { insertCell, readCells, show } from '../oracle/cell.ts'
import { anything } from '../oracle/hostile.ts'

const { sqlite } = bench()
const ENCODINGS = ['UTF-8', 'UTF-16le'] as const
const DECLARED = [
  'INTEGER',
  'SMALLINT',
  'BOOLEAN',
  'REAL',
  'DECIMAL(8,2)',
  'TEXT',
  'VARCHAR(5)',
  'VARCHAR(999999)',
].concat(['BLOB', 'JSON', 'UUID', 'DATE', 'TIME', 'DATETIME', ''])
const TYPES = [
  'smallint',
  'integer',
  'bigint',
  'boolean',
  'real',
  'double precision',
  'numeric',
  'numeric(8,2)',
]
  .concat([
    'text',
    'citext',
    'varchar(5)',
    'char(5)',
    'bytea',
    'json',
    'jsonb',
    'uuid',
    'date',
    'time',
    'interval',
  ])
  .concat(['timestamp', 'timestamptz'])
const WISHES = [
  {},
  { zone: 'UTC' },
  { zone: 'Asia/Shanghai' },
  { epoch: 's' },
  { epoch: 'ms' },
  { epoch: 'us' },
].concat([{ nul: 'strip' }, { invalidUtf8: 'replace' }] as never[]) as Parameters<typeof proposeFor>[1][]

/** Every way there is, once. */
function allWays(encoding: string): Way[] {
  const found = [
    ...DECLARED.flatMap((declared) => propose(declared, encoding).ways),
    ...TYPES.flatMap((type) => WISHES.flatMap((wish) => proposeFor(type, wish, encoding))),
    converted('text', 'v'),
  ]
  return [
    ...new Map([...found, ...found.map(emptyAsNull)].map((way) => [`${way.id} ${way.type}`, way])).values(),
  ]
}

test('ids of ways are unique, and what is wider is a way of the same type', () => {
  for (const encoding of ENCODINGS) {
    const lists = [
      ...DECLARED.map((declared) => propose(declared, encoding).ways),
      ...TYPES.flatMap((type) => WISHES.map((wish) => proposeFor(type, wish, encoding))),
    ]
    for (const ways of lists) {
      expect(new Set(ways.map((way) => way.id)).size).toBe(ways.length)
      for (const way of ways) {
        const wider = ways.find((one) => one.id === way.wider)
        if (wider) expect([wider.type, ways.indexOf(wider) > ways.indexOf(way)]).toEqual([way.type, true])
      }
    }
  }
})

/**
 * The profile first runs `quickMisfit` and tests the bytes of texts in bulk, then `misfit` where that
 * found something: what it did not find must fit.
 */
test.each(ENCODINGS)(
  'the quick tests and the exact one agree, and what fits can be read: %s',
  (encoding) => {
    fc.assert(
      fc.property(fc.array(anything, { minLength: 300, maxLength: 300 }), (cells) => {
        for (const affinity of ['', 'NUMERIC', 'TEXT', 'REAL']) {
          const path = sqlite((database) => {
            database.exec(
              `PRAGMA encoding = '${encoding}'; BEGIN; CREATE TABLE t(id INTEGER PRIMARY KEY, v ${affinity})`,
            )
            // In UTF-16 every text of the generator is read as such bytes: mostly nonsense, as it should be.
            for (const [at, cell] of cells.entries()) insertCell(database, 't', at + 1, cell)
            database.exec('COMMIT')
          })
          const database = openReadOnly(path)
          try {
            const stored = readCells(database, 't')
            for (const way of allWays(encoding)) {
              // Only proposed where SQLite itself makes reals of integers.
              if (/^float8( empty|$)/.test(way.id) && affinity !== 'REAL') continue

              const quick = way.quickMisfit('v') ?? '0'
              const bytes = way.bytes ? 'NOT landfall_text_ok(CAST(v AS BLOB))' : '0'
              const rows = database
                .prepare(
                  `SELECT id, (${way.misfit('v') ?? '0'}) AS bad, (${quick}) AS quick, (${bytes}) AS bytes FROM t`,
                )
                .all()
              const fits: number[] = []
              for (const { id, bad, quick, bytes } of rows) {
                const seen = Boolean(quick) || Boolean(bytes)
                const right = way.bytes ? !bad || seen : Boolean(bad) === Boolean(quick)
                if (!right || (quick && !bad))
                  throw new Error(
                    `${way.id}, affinity "${affinity}": ${show(stored.get(Number(id))!)} is ${bad ? 'a' : 'no'} misfit`,
                  )
                if (!bad) fits.push(Number(id))
              }
              const read = way.read('v')
              expect(read.length).toBe(width(way.carrier))
              database
                .prepare(
                  `SELECT ${read.join(', ')}, ${way.equal('v').join(', ')} FROM t WHERE id IN (${fits.join(', ')})`,
                )
                .all()
            }
          } finally {
            database.close()
          }
        }
      }),
      { numRuns: 2, endOnFailure: true },
    )
  },
  120_000,
)
