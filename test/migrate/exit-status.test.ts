import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import type { ERRORS } from '../../src/errors.ts'
import { acquireLock } from '../../src/journal/lock.ts'
import { type Ended, landfall } from '../cli/run.ts'
import { bench } from './migrating.ts'

const { folder, sqlite, postgres } = bench()

let places = 0
async function place(
  source: string,
): Promise<{ cwd: string; to: string; run: (...more: string[]) => Promise<Ended> }> {
  const name = `place${++places}`
  const cwd = join(folder, name)
  mkdirSync(cwd)
  sqlite(source, join(name, 'app.db'))
  const to = await postgres()
  return {
    cwd,
    to,
    run: (...more) =>
      landfall(['migrate', '--from', 'sqlite:app.db', '--to', to, '--json', ...more], { cwd }),
  }
}

const GOOD = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 5), (2, 6)'
const BAD = `${GOOD}, (3, 'x')`
const code = ({ stdout }: Ended) => JSON.parse(stdout).error.code as keyof typeof ERRORS

test('0 and 5, then 1: the report has the documented shape', async () => {
  const { run } = await place(BAD)
  const refused = await run()
  expect(refused.status).toBe(5)
  expect(JSON.parse(refused.stdout)).toMatchObject({
    version: 1,
    command: 'migrate',
    error: { code: 'LF204', message: expect.stringContaining('id = 3') },
  })
  const aside = await run('--bad-rows', 'set-aside')
  expect(aside.status).toBe(1)
  const good = await place(GOOD)
  const done = await good.run()
  expect(done.status, done.stderr).toBe(0)
  for (const [{ stdout }, exitCode] of [
    [aside, 1],
    [done, 0],
  ] as const) {
    const report = JSON.parse(stdout)
    expect(report).toEqual({
      version: 1,
      command: 'migrate',
      run: '1',
      migration: 'app',
      outcome: 'done',
      exitCode,
      source: 'sqlite:app.db',
      target: expect.stringMatching(/^postgres:\/\//),
      resumed: false,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      seconds: expect.any(Number),
      phases: expect.any(Array),
      tables: [
        {
          source: 't',
          target: 'public.t',
          read: 2 + exitCode,
          loaded: 2,
          setAside: exitCode,
          seconds: expect.any(Number),
          rowsPerSecond: expect.any(Number),
          bytes: expect.any(Number),
        },
      ],
      rejects:
        exitCode === 0
          ? []
          : [{ table: 't', column: 'n', reason: expect.any(String), rows: 1, examples: ['id = 3'] }],
      checks: expect.arrayContaining([
        {
          name: 't: every row is accounted for',
          result: 'pass',
          expected: expect.any(String),
          found: expect.any(String),
        },
      ]),
      verification: {
        tables: [
          {
            source: 't',
            target: 'public.t',
            compared: 'rows',
            sourceRows: 2,
            targetRows: 2,
            setAside: exitCode,
            missing: 0,
            extra: 0,
            changed: 0,
            exact: true,
            incomplete: null,
            seconds: expect.any(Number),
          },
        ],
        differences: [],
      },
      leftOut: [],
      notes: expect.any(Array),
    })
    expect(report.phases.map((phase: { name: string }) => phase.name)).toEqual([
      'profile',
      'schema',
      'copy',
      'finish',
      'verify',
    ])
  }
})

test('2 for what is written wrongly', async () => {
  const { cwd, run } = await place(GOOD)
  expect(await run('--no-such-option')).toMatchObject({ status: 2 })
  expect(await run('--bad-rows', 'maybe')).toMatchObject({ status: 2 })
  const unknown = await run('--tables', 'tt')
  expect([unknown.status, code(unknown)]).toEqual([2, 'LF005'])
  writeFileSync(join(cwd, 'landfall.config.json'), '{ "badrows": "stop" }')
  const config = await run()
  expect([config.status, code(config)]).toEqual([2, 'LF002'])
})

test('3 for the source, 4 for the target', async () => {
  const { cwd, to, run } = await place(GOOD)
  const nothing = await landfall(['migrate', '--from', 'sqlite:none.db', '--to', to, '--json'], { cwd })
  expect([nothing.status, code(nothing)]).toEqual([3, 'LF101'])
  writeFileSync(
    join(cwd, 'text.db'),
    'this is no database, and it is longer than the header of one: '.repeat(20),
  )
  const text = await landfall(['migrate', '--from', 'sqlite:text.db', '--to', to, '--json'], { cwd })
  expect([text.status, code(text)]).toEqual([3, 'LF102'])
  const gone = await run('--to', 'postgres://nobody@127.0.0.1:1/none')
  expect([gone.status, code(gone)]).toEqual([4, 'LF301'])
})

test('6 while another run holds the lock, with its name', async () => {
  const { to, run } = await place(GOOD)
  const { settings } = parsePostgres(to, {})
  const session = await openPostgres(settings, { applicationName: 'landfall test' })
  try {
    const lock = await acquireLock(session, 'app', { host: 'other-machine', pid: 4711 })
    const refused = await run()
    expect([refused.status, code(refused)]).toEqual([6, 'LF401'])
    expect(refused.stdout).toContain('other-machine')
    await lock.release()
  } finally {
    await session.close()
  }
  expect((await run()).status).toBe(0)
})
