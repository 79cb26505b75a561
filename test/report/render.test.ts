import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { LandfallError } from '../../src/errors.ts'
import { errorReport, renderError } from '../../src/report/error.ts'
import { renderMigrate } from '../../src/report/migrate.ts'
import { renderPlan } from '../../src/report/plan.ts'
import { renderStatus } from '../../src/report/status.ts'
import { columns, PLAIN } from '../../src/report/text.ts'
import { productsMove, samplePlan, sampleReport, sampleStatus } from './samples.ts'

describe('a plan', () => {
  test('shows every decision, and what blocks it last', () => {
    const text = renderPlan(samplePlan())
    for (const part of [
      'sqlite:shop.db (UTF-8)',
      'schema public',
      '1,204 rows',
      'soldAt -> sold_at',
      'timestamptz default now()',
      'converts epoch milliseconds to timestamptz',
      'bigint not null identity',
      'generated always as (id * 2) stored',
      'primary key (id)',
      'index products_sold ("sold_at" desc) where sold_at is not null',
      'foreign key (shop_id) -> shops (id) on delete cascade',
      'check qty_positive (qty >= 0)',
      '2 rows cannot be stored  qty: is text, not an integer',
      'view  v_sales  views are not carried over',
      'the source is in WAL mode',
    ]) {
      expect(text).toContain(part)
    }
    expect(text.slice(text.indexOf('Blocked'))).toContain('choose --bad-rows set-aside')
    expect(text.trimEnd().endsWith('Nothing was written.')).toBe(true)
  })

  test('fits a narrow terminal: what does not fit goes on under its own column', () => {
    const why = 'all values are whole numbers of milliseconds since 1970 and none lies before the year 1990'
    const [id, soldAt] = productsMove().columns
    const long = productsMove({ columns: [id!, { ...soldAt!, why }] })
    const target = {
      ...long.target,
      columns: long.target.columns.map((one) =>
        one.name === 'sold_at' ? { ...one, default: "timezone('UTC', date_trunc('second', now()))" } : one,
      ),
    }
    const note = 'the source is in WAL mode, and '.repeat(6)
    const style = { ...PLAIN, width: 80 }
    const plan = samplePlan({ moves: [{ ...long, target }], notes: [note.trim()] })
    const lines = renderPlan(plan, style).split('\n')
    const table = lines.slice(0, lines.indexOf('Blocked: 1 decision to take'))
    expect(Math.max(...table.map(columns))).toBeLessThanOrEqual(80)
    const at = lines.findIndex((line) => line.includes('soldAt -> sold_at'))
    const start = lines[at]!.indexOf('all values')
    expect(lines[at + 1]).toMatch(new RegExp(`^ {${start}}\\S`))
    expect(table.join(' ').replaceAll(/\s+/g, ' ')).toContain(`${why}; converts`)
    expect(table.join(' ').replaceAll(/\s+/g, ' ')).toContain("default timezone('UTC'")
    // Where nothing breaks lines, none is broken.
    expect(renderPlan(plan)).toContain(why)
    expect(renderPlan(plan)).toContain(note.trim())
  })

  test('says when only a part was profiled, and what will be set aside', () => {
    const plan = samplePlan({
      badRows: 'set-aside',
      blockers: [],
      moves: [productsMove({ profiledRows: 100 })],
    })
    expect(renderPlan(plan)).toContain('only 100 rows of 1,204 were profiled')
    expect(renderPlan(plan)).toContain('2 rows will be set aside')
    expect(renderPlan(plan)).toContain('ready, 2 rows will be set aside')
  })

  test('names from a database cannot steer the terminal', () => {
    const plan = samplePlan({ moves: [productsMove({ source: 'a\u001b[2Jb\nc\u202ed' })] })
    const text = renderPlan(plan)
    expect(text).toContain('a\\u{1b}[2Jb\\nc\\u{202e}d')
    expect(text).not.toContain('\u001b')
  })
})

describe('a finished run', () => {
  test('ends with a table that adds up', () => {
    const lines = renderMigrate(sampleReport()).split('\n')
    expect(lines[0]).toBe('Done   shop, 12.3 s')
    const products = lines.find((line) => line.startsWith('products'))
    expect(products).toMatch(/^products +3,999,998 +2 +4\.00 s +1\.00 M\/s$/)
    expect(lines.find((line) => line.startsWith('Shops -> public.shops'))).toHaveLength(products!.length)
    expect(lines.find((line) => line.startsWith('in all'))).toMatch(/4,000,008 +2 +4\.00 s +1\.00 M\/s/)
    expect(lines).toContain('1 check passed')
  })

  test('shows what was set aside, and what failed or could not be compared', () => {
    const text = renderMigrate(
      sampleReport({
        exitCode: 1,
        rejects: [{ table: 'products', column: 'qty', reason: 'is text', rows: 2, examples: ['id = 2'] }],
        checks: [
          { name: 'a', result: 'fail', expected: '1', found: '2', evidence: ['id = 7'] },
          { name: 'b', result: 'incomplete', expected: '1', found: 'nothing' },
        ],
      }),
    )
    expect(text).toContain('Done, with differences')
    expect(text).toContain('products.qty  is text  2 rows\n    id = 2; …')
    expect(text).toContain('failed  a: expected 1, found 2\n  id = 7')
    expect(text).toContain('incomplete  b: expected 1, found nothing')
  })

  test('with rows set aside alone says how many, causes first, and how to look at them', () => {
    const reject = {
      table: 'orders',
      column: 'customer',
      rows: 1,
      examples: ['a = 1, b = 2', 'a = 1, b = 3'],
    }
    const report = sampleReport({
      exitCode: 1,
      phases: [
        { name: 'profile', seconds: 4.1 },
        { name: 'copy', seconds: 12.6 },
      ],
      rejects: [
        { ...reject, reason: 'refers to no row of customers that is kept' },
        { ...reject, table: 'customers', reason: 'is text' },
      ],
      leftOut: [
        { kind: 'view', name: 'v', why: 'x' },
        { kind: 'trigger', name: 't', why: 'x' },
        { kind: 'view', name: 'w', why: 'x' },
      ],
    })
    const text = renderMigrate(report)
    expect(text).toMatch(/^Done, 2 rows set aside {3}shop/)
    expect(text).toContain('\n  phases profile 4.10 s, copy 12.6 s\n')
    expect(text.indexOf('customers.customer  is text')).toBeLessThan(text.indexOf('orders.customer'))
    expect(text).toContain('    a = 1, b = 2; a = 1, b = 3\n')
    expect(text).toContain(
      `\n  psql 'postgres://app@db.internal:5432/shop' -c 'select "table", key, "column", reason from landfall.rejects'\n`,
    )
    expect(renderMigrate(report, { embedded: 'running' })).toContain('psql "$(landfall embedded url)"')
    expect(renderMigrate(report, { embedded: 'stopped' })).toContain('psql "$(landfall embedded start)"')
    expect(text).toContain('Left out: 2 views, 1 trigger (landfall plan lists them)')
    const dry = renderMigrate({ ...report, outcome: 'dry-run' })
    expect(dry).toContain('Will be set aside')
    expect(dry).not.toContain('psql')
  })

  test('says how to go on with the embedded server', () => {
    expect(renderMigrate(sampleReport(), { embedded: 'stopped' })).toContain('landfall embedded start')
    expect(renderMigrate(sampleReport(), { embedded: 'running' })).toContain('landfall embedded stop')
    expect(renderMigrate(sampleReport())).not.toContain('embedded')
  })

  test('nothing to do and a dry run say so', () => {
    expect(renderMigrate(sampleReport({ outcome: 'nothing-to-do' }))).toMatch(/^Nothing to do: everything/)
    expect(renderMigrate(sampleReport({ outcome: 'nothing-to-do', exitCode: 1 }))).toMatch(
      /^Nothing to do, but a check did not pass/,
    )
    expect(renderMigrate(sampleReport({ outcome: 'dry-run' }))).toMatch(/^Dry run: nothing was written/)
  })
})

describe('a status', () => {
  test('shows how far, who holds the lock, and how to go on', () => {
    expect(renderStatus(sampleStatus('running'))).toContain('web-1, process 4711')
    const text = renderStatus(sampleStatus('interrupted'))
    expect(text).toMatch(/products +1,000 +400 +1 +1\/3 +33 %/)
    expect(text).toContain('the same landfall migrate command goes on')
    expect(text).not.toContain('steps')
    const finishing = sampleStatus('interrupted').migrations.map((one) => ({ ...one, phase: 'finish' }))
    expect(renderStatus({ ...sampleStatus('interrupted'), migrations: finishing })).toContain(
      'steps   0 of 7 after loading',
    )
    expect(renderStatus({ ...sampleStatus('done'), migrations: [] })).toContain('No migration')
  })
})

describe('an error', () => {
  const error = new LandfallError('LF204', 'products.qty cannot be stored as integer', {
    hint: 'first\nsecond',
    place: { table: 'products', column: 'qty', key: 'id = 2' },
    details: { blockers: samplePlan().blockers },
  })

  test('teaches: code, place, both ends, choices, hint, where to read on', () => {
    expect(renderError(error, { source: 'sqlite:shop.db', target: 'postgres://app@h/shop' })).toBe(
      `error LF204  products.qty cannot be stored as integer: 2 of 1204 rows hold text
  rows   id = 2 ("toto"); id = 3 ("12,5")
  source sqlite:shop.db     target postgres://app@h/shop
  choose --bad-rows set-aside
         moves.products.columns.qty { type: 'text' } or { convert: sql\`…\` }
  nothing was written.     landfall docs LF204
`,
    )
  })

  test('with several decisions shows each, and one without shows its place and hint', () => {
    const [blocker] = samplePlan().blockers
    const several = new LandfallError('LF205', 'both', { details: { blockers: [blocker, blocker] } })
    expect(renderError(several)).toMatch(/^error LF205 {2}2 decisions to take before anything is written\n/)
    expect(renderError(several).match(/choose --bad-rows set-aside/g)).toHaveLength(2)
    const plain = new LandfallError('LF104', 'first\nsecond', {
      hint: 'this\nor that',
      place: { table: 'products', column: 'qty', key: 'id = 2' },
    })
    expect(renderError(plain)).toBe(`error LF104  first
             second
  at     table products, column qty, id = 2
  try    this
         or that
  landfall docs LF104
`)
  })

  test('goes on under its own beginning in a narrow terminal', () => {
    const long = new LandfallError('LF104', 'one two three four five six seven eight nine ten eleven')
    expect(renderError(long, {}, { ...PLAIN, width: 40 })).toMatch(
      /^error LF104 {2}one two three four five six\n {13}seven eight nine ten eleven\n/,
    )
  })

  test('that is expected has no stack; a bug has one, and neither shows a password', () => {
    expect(renderError(error)).not.toContain('render.test')
    const bug = new TypeError('bad postgres://app:se:cr@et@host/db', {
      cause: new Error("host=h password='s e' x"),
    })
    const text = renderError(bug)
    expect(text).toContain('LF900')
    expect(text).toContain('render.test')
    expect(text).toContain('postgres://***@host/db')
    expect(text).not.toMatch(/se:cr|et@|s e'/)
    expect(JSON.stringify(errorReport(bug, 'plan'))).not.toMatch(/se:cr|et@/)
  })

  test('for machines keeps everything', () => {
    expect(errorReport(error, 'migrate')).toMatchObject({
      version: 1,
      command: 'migrate',
      error: { code: 'LF204', hint: 'first\nsecond', place: { table: 'products' } },
    })
    expect(errorReport('odd', 'plan').error).toMatchObject({ code: 'LF900', message: 'odd', hint: null })
  })

  test('is coloured only when asked', () => {
    expect(renderError(error)).not.toContain('\u001b')
    expect(renderError(error, {}, { colors: pc.createColors(true), width: 80 })).toContain('\u001b[31m')
  })
})
