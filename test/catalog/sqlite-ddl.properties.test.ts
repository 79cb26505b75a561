import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'

/** A constraint as it can be written, and what the catalog must say of it. */
interface Fragment {
  readonly sql: string
  readonly check?: { readonly name: string | null; readonly expression: string }
  readonly key?: { readonly name: string | null; readonly deferrable: string }
  readonly collation?: string
}

const FRAGMENTS: readonly Fragment[] = [
  { sql: 'NOT NULL ON CONFLICT FAIL' },
  { sql: 'CONSTRAINT nn NOT NULL' },
  { sql: 'NULL' },
  { sql: 'DEFAULT 1.5e-3' },
  { sql: "DEFAULT x'00'" },
  { sql: 'DEFAULT - 1' },
  { sql: 'DEFAULT "check"' },
  { sql: "CONSTRAINT d DEFAULT ((1 -- )\n + 2) || 'check (')" },
  { sql: 'COLLATE nocase', collation: 'nocase' },
  { sql: 'COLLATE "RTRIM"', collation: 'RTRIM' },
  { sql: 'UNIQUE ON CONFLICT REPLACE' },
  { sql: `CHECK (x <> 'a)''b')`, check: { name: null, expression: `x <> 'a)''b'` } },
  { sql: 'CONSTRAINT "c,1" CHECK ((x > (0)))', check: { name: 'c,1', expression: 'x > (0)' } },
  { sql: 'CONSTRAINT [c"2] CHECK (x -- )\n < 5)', check: { name: 'c"2', expression: 'x -- )\n < 5' } },
  { sql: 'REFERENCES p(z) ON DELETE SET DEFAULT ON UPDATE NO ACTION', key: { name: null, deferrable: 'no' } },
  { sql: 'REFERENCES "p" MATCH SIMPLE DEFERRABLE', key: { name: null, deferrable: 'immediate' } },
  { sql: 'REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED', key: { name: null, deferrable: 'no' } },
  {
    sql: 'CONSTRAINT `f``1` REFERENCES P(z) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED',
    key: { name: 'f`1', deferrable: 'deferred' },
  },
]
const COLUMN = fc.record({
  type: fc.constantFrom(
    '',
    'INT',
    'VARCHAR(10)',
    'DECIMAL(10, -2)',
    'DOUBLE PRECISION',
    '"check"',
    "'a type'",
  ),
  fragments: fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 5 }),
  generated: fc.constantFrom(null, `x || ')'`, '(x) + (1)', '[x]/* ( */*2'),
})
const SPACE = fc.constantFrom(' ', '\n\t', "/* , ( ' */", ' -- ")\n')

test('whatever is written in whatever order, the text says what was meant', () => {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE p(id INTEGER PRIMARY KEY, z UNIQUE)')
  const property = fc.property(fc.array(COLUMN, { minLength: 1, maxLength: 4 }), SPACE, (columns, space) => {
    const lines = columns.map(({ type, fragments, generated }, i) => {
      // SQLite wants no default on a generated column.
      const written = fragments.filter(
        ({ sql }) => generated === null || !/^(CONSTRAINT d )?DEFAULT/.test(sql),
      )
      const parts = written.map(({ sql }) => sql)
      if (generated !== null) parts.splice(i % (parts.length + 1), 0, `AS (${generated})`)
      return { written, generated, sql: [`"c ${i}"`, type, ...parts].join(space) }
    })
    database.exec(`CREATE TABLE t(x${space},${lines.map((line) => line.sql).join(`${space},`)}${space})`)
    try {
      const table = readSqliteCatalog(database).tables.find(({ name }) => name === 't')
      const all = lines.flatMap((line) => line.written)
      expect(table?.checks).toEqual(all.flatMap(({ check }) => check ?? []))
      expect(table?.foreignKeys.map(({ name, deferrable }) => ({ name, deferrable }))).toEqual(
        all.flatMap(({ key }) => key ?? []),
      )
      expect(
        table?.columns.slice(1).map((column) => [column.collation, column.generated?.expression ?? null]),
      ).toEqual(
        lines.map((line) => [
          line.written.findLast(({ collation }) => collation)?.collation ?? null,
          line.generated,
        ]),
      )
    } finally {
      database.exec('DROP TABLE t')
    }
  })
  fc.assert(property, { numRuns: 300 })
  database.close()
})
