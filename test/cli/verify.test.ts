import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, describe, expect, test } from 'vitest'
import { verifyOptionsLikewise, withDatabases, withPlanning } from '../../src/cli/options.ts'
import { share, timeSpan, wholeOrNone } from '../../src/cli/verification.ts'
import { landfall } from './run.ts'

const cwd = mkdtempSync(join(tmpdir(), 'landfall-verify-cli-'))
afterAll(() => rmSync(cwd, { recursive: true }))
const run = (...args: string[]) => landfall(args, { cwd })

describe('what makes no sense ends with 2 and says what would', () => {
  test.each([
    [['--delete-extra'], '--delete-extra deletes nothing without --repair', '--repair --delete-extra'],
    [['--counts', '--sample', '0.5'], 'there is none for --sample to choose', '--sample 0.05'],
    [['--counts', '--repair'], 'does not tell which rows differ', 'landfall verify --repair'],
    [['--sample', '5%', '--repair'], 'would leave the rows that were not chosen', 'landfall verify --repair'],
    [['--repair', '--no-record'], 'kept in the journal', 'landfall verify --no-record'],
    [['--sample', '0'], 'above 0 and at most 1: 0.05 or 5%', 'landfall verify --help'],
    [['--sample', '101%'], 'above 0 and at most 1: 0.05 or 5%', 'landfall verify --help'],
    [['--max-time', '10'], 'with its unit: 500ms, 30s, 10m or 2h', 'landfall verify --help'],
    [['--max-diffs', '-1'], 'whole number from 0 on', 'landfall verify --help'],
    [['--bad-rows', 'stop'], "unknown option '--bad-rows'", ''],
    [['--show-value'], "unknown option '--show-value'", 'did you mean --show-values?'],
    [['app.db'], 'too many arguments', 'did you mean --from sqlite:app.db?'],
    [[], 'no source is named', 'landfall verify --from sqlite:app.db'],
  ])('%j', async (args, message, hint) => {
    const { status, stdout, stderr } = await run('verify', ...args)
    expect(stderr).toMatch(/^error LF001 {2}/)
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test('under --json as one object', async () => {
    const { status, stdout } = await run('db:verify', '--delete-extra', '--json')
    expect(status).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, command: 'verify', error: { code: 'LF001' } })
  })
})

test('the alias is the same command, and migrate can leave it out', async () => {
  const help = await run('verify', '--help')
  expect(help).toMatchObject({ status: 0, stderr: '' })
  expect((await run('db:verify', '--help')).stdout).toBe(help.stdout)
  const migrate = (await run('migrate', '--help')).stdout
  for (const option of ['--no-verify', '--max-diffs', '--show-values']) expect(migrate).toContain(option)
  // Said although it is so anyway.
  const said = await run('migrate', '--verify', '--from', 'sqlite:gone.db')
  expect(said).toMatchObject({ status: 3, stderr: expect.stringContaining('LF101') })
})

describe('values of options', () => {
  test('a share', () => {
    expect(['0.05', '.5', '1', '5%', '5 %', '100%', '0.1%', '1.0'].map(share)).toEqual([
      0.05, 0.5, 1, 0.05, 0.05, 1, 0.001, 1,
    ])
    for (const wrong of ['0', '0%', '1.01', '101%', '-0.5', '5%%', '1e-3', 'x', '', ' ', '%', '.', '0,5']) {
      expect(() => share(wrong), wrong).toThrow(/share of the rows/)
    }
  })

  test('a time, in seconds', () => {
    expect(['500ms', '30s', '10m', '2h', '1.5h'].map(timeSpan)).toEqual([0.5, 30, 600, 7200, 5400])
    for (const wrong of [
      '10',
      '0s',
      '-1s',
      '10 minutes',
      '1h30m',
      '1d',
      'm',
      '',
      '1e3s',
      `${'9'.repeat(400)}h`,
    ]) {
      expect(() => timeSpan(wrong), wrong).toThrow(/a time above 0/)
    }
  })

  test('a whole number that may be none', () => {
    expect(['0', '100', '1_000'].map(wholeOrNone)).toEqual([0, 100, 1000])
    for (const wrong of ['', '_', '-1', '1.5', '1e3', 'x', '9007199254740993']) {
      expect(() => wholeOrNone(wrong), wrong).toThrow(/whole number from 0/)
    }
  })

  test('of a migration are given on to verify where it takes them, but never a secret', () => {
    const likewise = (...args: string[]) =>
      verifyOptionsLikewise(
        withPlanning(withDatabases(new Command('migrate')))
          .option('--restart')
          .option('--no-record')
          .parse(args, { from: 'user' }),
      )
    expect(likewise()).toBe('')
    expect(likewise('--restart', '--no-record', '--json', '--bad-rows', 'stop', '--profile-rows', '9')).toBe(
      '',
    )
    expect(likewise('--from', 'sqlite:my app.db', '--names', 'snake', '--tables', 'a,"b, c"')).toBe(
      ` --from 'sqlite:my app.db' --tables 'a,"b, c"' --names snake`,
    )
    expect(likewise('--to', 'postgres://app:s3cr3t@host/db', '--names', 'snake')).toBe(
      ' with the same options',
    )
  })
})
