import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, describe, expect, test } from 'vitest'
import { migrateLikewise, names, whole, withDatabases, withPlanning } from '../../src/cli/options.ts'
import { landfall } from './run.ts'

const cwd = mkdtempSync(join(tmpdir(), 'landfall-usage-'))
afterAll(() => rmSync(cwd, { recursive: true }))
const run = (...args: string[]) => landfall(args, { cwd })

describe('what cannot be understood ends with 2 and a suggestion', () => {
  test.each([
    [['migrat'], 'did you mean migrate?'],
    [['migrate', '--tabels', 'a'], 'did you mean --tables?'],
    [['migrate', '--bad-rows', 'skip'], 'stop, set-aside'],
    [['migrate', '--jobs', '0'], 'whole number'],
    [['migrate', '--from'], 'argument missing'],
    [['plan'], 'try    landfall plan --from sqlite:app.db'],
    [['plan', '--xyzzy'], 'try    landfall plan --help'],
    [['migrate', '--jobs', 'x'], 'try    landfall migrate --help'],
    [['plan', 'app.db'], 'did you mean --from sqlite:app.db?'],
    [['status', 'postgres://me@host/db'], 'did you mean --to postgres://me@host/db?'],
    [['migrate'], '--from sqlite:app.db'],
    [['docs', 'LF24'], 'did you mean LF204?'],
    [['plan', '--config', 'gone.ts'], 'does not exist'],
  ])('%j', async (args, hint) => {
    const { status, stdout, stderr } = await run(...args)
    expect(stderr).toMatch(/^error LF00[12] {2}/)
    expect(stderr).toContain(hint)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test('no command shows the help', async () => {
    const { status, stderr } = await run()
    expect(status).toBe(2)
    expect(stderr).toContain('Usage: landfall')
  })
})

test('under --json a failure is one object on standard output, with the same status', async () => {
  const { status, stdout, stderr } = await run('plan', '--from', 'mysql://u:secret@h/d', '--json')
  expect(status).toBe(2)
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    command: 'plan',
    error: { code: 'LF003', place: null },
  })
  const usage = await run('embedded', 'start', '--jsn', '--json')
  expect(JSON.parse(usage.stdout)).toMatchObject({ command: 'embedded start', error: { code: 'LF001' } })
  expect(stdout + stderr).not.toContain('secret')
})

test('a password on the command line is not repeated', async () => {
  const url = 'postgres://app:s3cr3t@host/db'
  for (const args of [
    [url],
    ['migrate', url],
    [`--form=${url}`],
    ['migrate', `--form=${url}`],
    ['docs', url],
  ]) {
    const { status, stdout, stderr } = await run(...args)
    expect(status).toBe(2)
    expect(stdout + stderr).not.toContain('s3cr3t')
  }
})

test('help and version end with 0, on standard output', async () => {
  const help = await run('migrate', '--help')
  expect(help).toMatchObject({ status: 0, stderr: '' })
  expect(help.stdout).toContain('--bad-rows')
  expect(help.stdout).toContain('Examples:')
  expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await run('db:migrate', '--help')).stdout).toBe(help.stdout)
})

test('docs explains a code in any case, and lists all without one', async () => {
  expect((await run('docs', 'lf204')).stdout).toContain('What to do')
  expect((await run('docs')).stdout).toMatch(/^LF001 .*\n(LF\d{3} .*\n)+$/)
  expect(JSON.parse((await run('docs', 'LF204', '--json')).stdout)).toMatchObject({ code: 'LF204', exit: 5 })
})

test('NO_COLOR wins over FORCE_COLOR', async () => {
  const coloured = await landfall(['docs', 'LF204'], { cwd, env: { FORCE_COLOR: '1', NO_COLOR: '' } })
  expect(coloured.stdout).toContain('\u001b[')
  const plain = await landfall(['docs', 'LF204'], { cwd, env: { FORCE_COLOR: '1', NO_COLOR: '1' } })
  expect(plain.stdout).not.toContain('\u001b[')
})

test('a reader that closes the pipe early is no failure', async () => {
  const { status, stderr } = await landfall(['docs'], { cwd, onStart: (child) => child.stdout?.destroy() })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('a TypeScript config is loaded, in a CommonJS package too, and its mistakes are told', async () => {
  writeFileSync(join(cwd, 'package.json'), '{ "type": "commonjs" }')
  const config = (body: string) =>
    writeFileSync(join(cwd, 'c.ts'), `import { defineMigration, env, sql } from 'landfall'\n${body}`)
  const plan = () => run('plan', '--config', 'c.ts')
  config(
    `const name: string = 'x'; export default defineMigration({ name, source: env('LANDFALL_TEST_UNSET') })`,
  )
  expect((await plan()).stderr).toContain(
    'error LF004  source: the environment variable LANDFALL_TEST_UNSET is not set',
  )
  config(`export default defineMigration({ moves: { orders: { colums: {} } } } as object)`)
  expect((await plan()).stderr).toContain(
    'error LF002  c.ts: moves.orders.colums: unknown key; did you mean columns?',
  )
  config(`export default { source: env('sqlite:app.db') }`)
  expect((await plan()).stderr).toContain('error LF002  env()')
  config(`throw new Error('out of order')`)
  expect((await plan()).stderr).toContain('error LF002  c.ts cannot be loaded: out of order')
  config('export const x = 1')
  expect((await plan()).stderr).toContain('has no default export')
  config('export default {')
  const broken = await plan()
  expect(broken.stderr).toContain('error LF002  c.ts cannot be loaded')
  expect(broken.stderr).toContain('Node.js 24 or later shows where: node c.ts')
  expect(broken.status).toBe(2)
})

test('init refuses to overwrite before it looks at anything', async () => {
  writeFileSync(join(cwd, 'there.ts'), 'mine')
  const { status, stderr } = await run('init', '--from', 'sqlite:gone.db', '--config', 'there.ts')
  expect(status).toBe(2)
  expect(stderr).toContain('--force')
})

test('the embedded server that is not there is not made by asking for it', async () => {
  const { status, stderr } = await run('embedded', 'url')
  expect(status).toBe(4)
  expect(stderr).toContain('landfall embedded start')
  expect((await run('embedded', 'stop')).stdout).toContain('No embedded PostgreSQL was running')
  expect(existsSync(join(cwd, '.landfall'))).toBe(false)
})

describe('values of options', () => {
  test('names', () => {
    expect(names('a,b')).toEqual(['a', 'b'])
    expect(names(' a , "b, c" ,"say ""x"""', ['z'])).toEqual(['z', 'a', 'b, c', 'say "x"'])
    for (const wrong of ['', 'a,', ',a', 'a"b', '"a']) expect(() => names(wrong)).toThrow(/names with commas/)
  })

  test('are given back as typed, but never a secret', () => {
    const likewise = (...args: string[]) =>
      migrateLikewise(withPlanning(withDatabases(new Command('plan'))).parse(args, { from: 'user' }))
    expect(likewise()).toBe('landfall migrate')
    expect(
      likewise(
        '--from',
        'sqlite:my app.db',
        '--json',
        '--bad-rows=set-aside',
        '--tables',
        'a,"b, c","it\'s"',
      ),
    ).toBe(`landfall migrate --from 'sqlite:my app.db' --tables 'a,"b, c",it'\\''s' --bad-rows set-aside`)
    for (const url of [
      'postgres://app:s3cr3t@host/db',
      'postgres://host/db?password=s3cr3t',
      'postgres://host/db?p%61ssword=s3cr3t',
      'postgres://app%3As3cr3t@host/db',
    ]) {
      expect(likewise('--to', url)).not.toContain('s3cr3t')
    }
    expect(likewise('--to', 'postgres://me@host/db')).toBe('landfall migrate --to postgres://me@host/db')
  })

  test('whole numbers', () => {
    expect(whole('1_000')).toBe(1000)
    for (const wrong of ['0', '-1', '1.5', '1e3', 'x', '', '9007199254740993']) {
      expect(() => whole(wrong)).toThrow(/whole number/)
    }
  })
})
