import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { rowsCheck } from '../../src/compare/rows-check.ts'
import type { RowDifference, VerifiedTable, VerifyReport } from '../../src/contract/verify.ts'
import { renderMigrate } from '../../src/report/migrate.ts'
import { columns, PLAIN } from '../../src/report/text.ts'
import { renderVerify } from '../../src/report/verify.ts'
import { sampleReport } from './samples.ts'

/** What could steer a terminal, but for the ends of lines. */
const STEERS = /[^\P{Cc}\n]|\p{Cf}/u

function table(change: Partial<VerifiedTable> = {}): VerifiedTable {
  return {
    source: 'orders',
    target: 'public.orders',
    compared: 'rows',
    sourceRows: 12_345,
    targetRows: 12_345,
    setAside: 0,
    missing: 0,
    extra: 0,
    changed: 0,
    exact: true,
    incomplete: null,
    seconds: 1.5,
    ...change,
  }
}

function report(change: Partial<VerifyReport> = {}): VerifyReport {
  return {
    version: 1,
    command: 'verify',
    migration: 'shop',
    outcome: 'same',
    exitCode: 0,
    source: 'sqlite:shop.db',
    target: 'postgres://app@db.internal:5432/shop',
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 2.5,
    scope: { tables: null, sample: null, counts: false },
    tables: [table(), table({ source: 'Users', target: 'public.users', sourceRows: 5, targetRows: 5 })],
    differences: [],
    checks: [{ name: 'orders: foreign keys', result: 'pass', expected: '0 orphans', found: '0 orphans' }],
    repair: null,
    notes: [],
    ...change,
  }
}

const different = (tables: readonly VerifiedTable[], change: Partial<VerifyReport> = {}): VerifyReport =>
  report({ outcome: 'different', exitCode: 1, tables, ...change })

const changed = (key: string | null, ...names: string[]): RowDifference => ({
  table: 'orders',
  kind: 'changed',
  key,
  columns: names.map((column) => ({ column })),
})

const withValues = (source: string | null, target: string | null): VerifyReport =>
  different([table({ changed: 1 })], {
    differences: [{ ...changed('id = 17'), columns: [{ column: 'note', source, target }] }],
  })

describe('a verification that found all the same', () => {
  test('says so at once, with a table that adds up', () => {
    expect(renderVerify(report())).toBe(`Same: all 12,350 rows of 2 tables   shop, 2.50 s
  source sqlite:shop.db
  target postgres://app@db.internal:5432/shop

table                  rows compared  missing  extra  changed  set aside    time
orders                        12,345        0      0        0          0  1.50 s
Users -> public.users              5        0      0        0          0  1.50 s
in all                        12,350        0      0        0          0

1 check passed
`)
  })

  test('does not hide what was set aside', () => {
    const text = renderVerify(report({ tables: [table({ setAside: 3 })] }))
    expect(text).toMatch(/^Same: all 12,345 rows of 1 table, but for 3 set aside {3}shop/)
  })

  test('claims no more than was compared', () => {
    const sampled = renderVerify(
      report({ scope: { tables: ['orders', 'Users'], sample: 0.05, counts: false } }),
    )
    expect(sampled).toMatch(/^Same: the 12,350 rows that were chosen, in 2 tables /)
    expect(sampled).toContain('  scope  compared 2 tables only: orders, Users\n')
    expect(sampled).toContain('  scope  compared 5 % of the rows, chosen by their keys: 12,350 rows\n')
    const tenth = renderVerify(report({ scope: { tables: null, sample: 0.001, counts: false } }))
    expect(tenth).toContain('compared 0.1 % of the rows')
    const whole = renderVerify(report({ scope: { tables: null, sample: 1, counts: false } }))
    expect(whole).toContain('compared 100 % of the rows')
    const counted = renderVerify(
      report({
        scope: { tables: null, sample: null, counts: true },
        tables: [table({ compared: 'counts' })],
      }),
    )
    expect(counted).toMatch(/^Same numbers of rows in 1 table; values were not compared /)
    expect(counted).toContain('scope  compared only how many rows there are, not what is in them')
    expect(counted).toMatch(/^table +rows in source +in target +missing +extra +set aside +time$/m)
    expect(counted).toMatch(/^orders +12,345 +12,345 +0 +0 +0 +1\.50 s$/m)
  })
})

describe('a verification that found differences', () => {
  const found = different(
    [table({ missing: 1, extra: 1, changed: 313, targetRows: 12_345 }), table({ source: 'b' })],
    {
      differences: [
        changed('id = 17', 'amount', 'note'),
        changed('id = 18', 'amount'),
        { table: 'orders', kind: 'missing', key: 'id = 20', columns: [] },
        { table: 'orders', kind: 'extra', key: null, columns: [] },
      ],
    },
  )

  test('says how many of which kind first, then names rows and columns', () => {
    const text = renderVerify(found)
    expect(text).toMatch(/^Different: 1 missing, 1 extra, 313 changed {3}shop/)
    expect(text).toMatch(/^orders +12,345 +1 +1 +313 +0 +1\.50 s$/m)
    expect(text).toContain(`
Differences
  orders id = 17: amount, note differ
  orders id = 18: amount differs
  orders id = 20: missing in the target
  orders (a row without a key): only in the target
  … and 311 more (--max-diffs lists more)
`)
  })

  test('says what to do, with the options of the command', () => {
    expect(renderVerify(found, PLAIN, " --from 'sqlite:my shop.db'")).toContain(`
To go on:
  landfall verify --show-values --from 'sqlite:my shop.db'   shows the values
  landfall verify --repair --from 'sqlite:my shop.db'   writes the missing and changed rows to the target
  landfall verify --repair --delete-extra --from 'sqlite:my shop.db'   also deletes what only the target has
`)
    const missing = renderVerify(different([table({ missing: 2 })]))
    expect(missing).toContain('landfall verify --repair ')
    expect(missing).not.toContain('--delete-extra')
    const extra = renderVerify(different([table({ extra: 2 })]))
    expect(extra).not.toContain('writes the missing')
    expect(extra).toContain('landfall verify --repair --delete-extra   deletes')
    expect(renderVerify(report())).not.toContain('To go on')
  })

  test('with none listed still says how many there are', () => {
    expect(renderVerify({ ...found, differences: [] })).toContain(
      '\nDifferences\n  315, none of them listed (',
    )
  })

  test('that were not all counted says at least', () => {
    const text = renderVerify(different([table({ changed: 500, exact: false })]))
    expect(text).toMatch(/^Different: at least 500 changed /)
    expect(text).toMatch(/^orders +12,345 +0 +0 +≥ 500 /m)
    expect(text).toContain('at least 500, none of them listed')
  })

  test('in numbers of rows alone leads to the rows', () => {
    const text = renderVerify(
      different([table({ compared: 'counts', missing: 2, targetRows: 12_343 })], {
        scope: { tables: null, sample: null, counts: true },
      }),
    )
    expect(text).toMatch(/^Different: 2 missing /)
    expect(text).not.toContain('Differences')
    expect(text).not.toContain('--repair')
    expect(text).toContain('  landfall verify   names the rows')
  })

  test('in a check alone names it', () => {
    const text = renderVerify(
      report({
        outcome: 'different',
        exitCode: 1,
        checks: [
          { name: 'sequence', result: 'fail', expected: 'above 9', found: '5', evidence: ['orders_id_seq'] },
        ],
      }),
    )
    expect(text).toMatch(/^Different: 1 check failed /)
    expect(text).toContain('failed  sequence: expected above 9, found 5\n  orders_id_seq\n')
    expect(text).not.toContain('To go on')
  })

  test('of rows and of something else names both, and says of each once', () => {
    const tables = [table({ changed: 1 }), table({ source: 'b', incomplete: 'it went away' })]
    const check = { name: 'x', result: 'fail', expected: '1', found: '2' } as const
    const checks = [
      check,
      { ...check, result: 'incomplete', name: 'y' } as const,
      ...tables.map((one) => rowsCheck(one, null)),
    ]
    const text = renderVerify(different(tables, { checks }))
    expect(text).toMatch(
      /^Different: 1 changed; 1 other check failed; 1 table not compared to the end, 1 check could not be made {3}/,
    )
    expect(text).toContain('\nfailed  x: expected 1, found 2\nincomplete  y: expected 1, found 2\n')
    expect(text.match(/it went away/g)).toHaveLength(1)
    expect(text).not.toContain('failed  orders')
  })
})

test('what could not be compared is never called the same', () => {
  const tables = [table(), table({ source: 'logs', incomplete: 'the time of --max-time was over' })]
  const incomplete = report({
    outcome: 'incomplete',
    exitCode: 1,
    tables,
    checks: [
      { name: 'users: sequence', result: 'incomplete', expected: 'a sequence', found: 'no right to read it' },
    ],
  })
  const text = renderVerify(incomplete)
  expect(text).toMatch(
    /^Incomplete: no difference was found, but 1 table not compared to the end, 1 check could not be made {3}shop/,
  )
  expect(text).toContain('\nincomplete  logs: the time of --max-time was over\n')
  expect(text).toContain('incomplete  users: sequence: expected a sequence, found no right to read it')
  expect(text).not.toContain('Same')
  const check = renderVerify({ ...incomplete, tables: [table()] })
  expect(check).toMatch(/^Incomplete: no difference was found, but 1 check could not be made {3}/)
  const both = renderVerify(different([table({ changed: 1 }), tables[1]!]))
  expect(both).toMatch(/^Different: 1 changed; 1 table not compared to the end {3}/)
})

describe('values', () => {
  test('NULL, the word for it, the empty text and numbers are told apart', () => {
    expect(renderVerify(withValues(null, 'NULL'))).toContain('\n    note   source NULL   target "NULL"\n')
    expect(renderVerify(withValues('', null))).toContain('\n    note   source ""   target NULL\n')
    expect(renderVerify(withValues('-12.50', '1e-7'))).toContain('\n    note   source -12.50   target 1e-7\n')
    expect(renderVerify(withValues('12 ', '12'))).toContain('\n    note   source "12 "   target 12\n')
  })

  test('carry no control characters, and an escape is no text that looks like one', () => {
    const text = renderVerify(withValues('a\u001b[2J\n\u202e', 'a\\n"'))
    expect(text).toContain('source "a\\u{1b}[2J\\n\\u{202e}"   target "a\\\\n\\""')
    expect(text).not.toMatch(STEERS)
  })

  test('that look the same are shown by their characters', () => {
    expect(renderVerify(withValues('caf\u00e9', 'cafe\u0301'))).toContain(
      'source "caf\\u{e9}"   target "cafe\\u{301}"',
    )
    expect(renderVerify(withValues('a b', 'a\u00a0b'))).toContain('source "a b"   target "a\\u{a0}b"')
  })

  test('that are long are cut', () => {
    const text = renderVerify(withValues('x'.repeat(1_000_000), '9'.repeat(1_000_000)))
    expect(text).toMatch(/source "x{119}…" {3}target 9{119}…\n/)
  })

  test('that differ only behind what is shown are not shown as two that are the same', () => {
    expect(renderVerify(withValues('xyz…', 'xyz…'))).toContain('\n    note   both begin with "xyz…"\n')
  })

  test('of a missing and an extra row stand for one side each', () => {
    const columns = [{ column: 'a', source: '1' }]
    const text = renderVerify(
      different([table({ missing: 1, extra: 1 })], {
        differences: [
          { table: 'orders', kind: 'missing', key: 'id = 1', columns },
          { table: 'orders', kind: 'extra', key: 'id = 2', columns: [{ column: 'a', target: null }] },
        ],
      }),
    )
    expect(text).toContain('  orders id = 1: missing in the target\n    a   source 1\n')
    expect(text).toContain('  orders id = 2: only in the target\n    a   target NULL\n')
    expect(text).not.toContain('--show-values')
  })

  test('fit a narrow terminal one below the other, every space kept', () => {
    const style = { ...PLAIN, width: 40 }
    const text = renderVerify(withValues('left   side   of it', 'right   side   of it'), style)
    expect(text).toContain(
      '\n    note\n      source "left   side   of it"\n      target "right   side   of it"\n',
    )
  })
})

test('names from a database cannot steer the terminal', () => {
  const evil = 'a\u001b[2Jb\nc\u202ed'
  const text = renderVerify(
    different([table({ source: evil, target: evil, changed: 1, incomplete: evil })], {
      differences: [{ ...changed(`id = ${evil}`, evil), table: evil }],
      scope: { tables: [evil], sample: null, counts: false },
      repair: { inserted: 0, updated: 0, deleted: 0, extraLeft: 0, failed: [{ table: evil, reason: evil }] },
      notes: [evil],
      migration: evil,
    }),
    PLAIN,
    ` --tables ${evil}`,
  )
  expect(text).not.toMatch(STEERS)
  expect(text).not.toContain('b\nc')
})

test('fits a narrow terminal', () => {
  const long = 'a table with a name that is long beyond all reason and then goes on'
  const text = renderVerify(
    different([table({ source: long, changed: 1, incomplete: `${long} ${long}` })], {
      differences: [{ ...changed(`id = ${long}`, long, 'b'), table: long }],
      scope: { tables: [long, long], sample: 0.5, counts: false },
      notes: [`${long} ${long}`],
    }),
    { ...PLAIN, width: 80 },
    ' --from sqlite:a-database-with-a-name-that-is-long.db',
  )
  const lines = text.split('\n')
  expect(lines.slice(lines.indexOf('To go on:'))).toContain(
    '      writes the missing and changed rows to the target',
  )
  // A command is not broken, so that it can be copied.
  const prose = lines.filter((line) => !line.startsWith('  landfall '))
  expect(Math.max(...prose.map(columns))).toBeLessThanOrEqual(80)
})

test('is coloured by its outcome, and only when asked', () => {
  const style = { colors: pc.createColors(true), width: 100 }
  expect(renderVerify(report(), style)).toContain('\u001b[32mSame')
  expect(renderVerify(different([table({ changed: 1 })]), style)).toContain('\u001b[31mDifferent')
  expect(renderVerify(report({ outcome: 'incomplete', exitCode: 1 }), style)).toContain(
    '\u001b[33mIncomplete',
  )
  expect(renderVerify(report())).not.toContain('\u001b')
})

describe('a repair', () => {
  const repair = { inserted: 2, updated: 1, deleted: 0, extraLeft: 0, failed: [] }

  test('tells what it did, and the verdict is that of afterwards', () => {
    const text = renderVerify(report({ repair }))
    expect(text).toMatch(/^Same: all/)
    expect(text).toContain(
      'Repaired in the target: 2 inserted, 1 updated; what stands above is how it is now',
    )
  })

  test('tells what it left and what it could not do', () => {
    const text = renderVerify(
      different([table({ extra: 2 })], {
        repair: {
          ...repair,
          extraLeft: 2,
          failed: [{ table: 'users', reason: 'the target refuses the row' }],
        },
      }),
    )
    expect(text).toContain('  2 rows that only the target has were left there\n')
    expect(text).toContain('  failed  users: the target refuses the row\n')
    expect(text).toContain('landfall verify --repair --delete-extra   deletes')
    expect(text).not.toContain('writes the missing')
    const none = { inserted: 0, updated: 0, deleted: 0, extraLeft: 0, failed: [] }
    expect(renderVerify(report({ repair: none }))).toContain('No row had to be repaired')
  })
})

describe("a migration's verification", () => {
  test('is one line where all rows are the same', () => {
    const text = renderMigrate(
      sampleReport({ verification: { tables: [table(), table()], differences: [] } }),
    )
    expect(text).toMatch(/^Done {3}shop/)
    expect(text).toContain('\n1 check passed\n24,690 rows verified: all are the same in the target\n')
  })

  test('shows the tables that are not the same, the rows, and what to do', () => {
    const verification = {
      tables: [table({ source: 'a', target: 'public.a' }), table({ changed: 1 })],
      differences: [changed('id = 17', 'amount')],
    }
    const text = renderMigrate(sampleReport({ exitCode: 1, verification }), {
      options: ' --to postgres://h/d',
    })
    expect(text).toMatch(/^Done, with differences {3}shop/)
    const part = text.slice(text.indexOf('Verified: 1 changed'))
    expect(part).toMatch(/^orders +12,345 +0 +0 +1 /m)
    expect(part).not.toMatch(/^a /m)
    expect(part).toContain('  orders id = 17: amount differs\n')
    expect(part).toContain('  landfall verify --repair --to postgres://h/d   writes')
    const again = renderMigrate(sampleReport({ outcome: 'nothing-to-do', exitCode: 1, verification }))
    expect(again).toMatch(/^Nothing to do, but the target differs /)
  })

  test('that was not made or not ended is not passed over', () => {
    expect(renderMigrate(sampleReport(), { options: ' --from sqlite:a.db' })).toContain(
      '\nnot verified   landfall verify --from sqlite:a.db   compares every row\n',
    )
    expect(renderMigrate(sampleReport({ outcome: 'dry-run' }))).not.toContain('not verified')
    const verification = { tables: [table({ incomplete: 'it went away' })], differences: [] }
    const text = renderMigrate(sampleReport({ exitCode: 1, verification }))
    expect(text).toMatch(/^Done, 2 rows set aside, not everything could be compared /)
    expect(text).toContain('Not verified to the end: 1 table\n')
    expect(text).toContain('incomplete  orders: it went away')
  })
})
