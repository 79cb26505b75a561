import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN, landfall } from '../cli/run.ts'
import type { PrivateServer } from '../faults/private-server.ts'
import { ask } from '../faults/state.ts'
import { CONFIG, contentsOf, STATE, Starts, startsServer, wrongIn } from './starts.ts'

let server: PrivateServer
let starts: Starts
let expected: string

beforeAll(async () => {
  server = await startsServer()
  starts = new Starts(server.url)
  await starts.prepare(300)
  const alone = await starts.round(1, await starts.backend(), null)
  expect(alone.started[0]).toMatchObject({ status: 0 })
  expected = await contentsOf(alone.backend)
})
afterAll(async () => {
  starts.remove()
  await server.stop('immediate')
  await server.remove()
})

describe('processes that start together', () => {
  test('migrate once, and no application starts before that is done', async () => {
    const round = await starts.round(8, await starts.backend(), null)
    expect(await wrongIn(round, expected)).toEqual([])
    const told = round.started.map(({ stderr }) => stderr)
    expect(told.filter((text) => /^copy/m.test(text))).toHaveLength(1)
    expect(
      told.filter((text) => /wait: .*is being run by .*, process \d+/.test(text)).length,
    ).toBeGreaterThan(0)
  })

  test.each([0, 150, 400, 800])(
    'lose the one that migrates after %i ms, and another takes over',
    async (after) => {
      const round = await starts.round(5, await starts.backend(), { who: 'runner', after })
      expect(await wrongIn(round, expected)).toEqual([])
    },
  )

  test.each([200, 900])('lose any one of them after %i ms', async (after) => {
    const round = await starts.round(5, await starts.backend(), { who: 'anyone', after })
    expect(await wrongIn(round, expected)).toEqual([])
  })

  test('wait for one that is slow, and does not die', async () => {
    const backend = await starts.backend()
    const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: starts.plugin }
    const slow = spawn(process.execPath, [BIN, 'boot', '--config', CONFIG], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => slow.once('close', resolve))
    while (!(await isRunning(backend))) await sleep(5)
    slow.kill('SIGSTOP')
    const waits = await landfall(['boot', '--config', CONFIG, '--wait', '2s'], { cwd: '/', env })
    expect(waits.status).toBe(6)
    expect(waits.stderr).toContain('error LF406')
    expect(waits.stderr).toContain(`process ${slow.pid}`)
    const check = await landfall(['boot', '--config', CONFIG, '--check'], { cwd: '/', env })
    expect(check).toMatchObject({ status: 1, stdout: expect.stringContaining('running') })
    slow.kill('SIGCONT')
    expect(await ended).toBe(0)
    expect(await contentsOf(backend)).toBe(expected)
  })

  test('do nothing again when it is done, nor when the row is reset', async () => {
    const backend = await starts.backend()
    const first = await starts.round(1, backend, null)
    expect(await wrongIn(first, expected)).toEqual([])
    const rows = () => ask(backend, 'SELECT xmin::text, * FROM antigravity_accounts ORDER BY id')
    const before = await rows()
    const second = await starts.round(3, backend, null)
    expect(second.started.every(({ status, stderr }) => status === 0 && /is done since/.test(stderr))).toBe(
      true,
    )
    await ask(backend, `DELETE FROM ${STATE}`)
    const third = await starts.round(3, backend, null)
    expect(third.started.every(({ status }) => status === 0)).toBe(true)
    expect(await rows()).toEqual(before)
    expect(await contentsOf(backend)).toBe(expected)
  })

  test('stop on SIGTERM while they wait or migrate, and the next start goes on', async () => {
    const backend = await starts.backend()
    const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: starts.plugin }
    const stopped = await landfall(['boot', '--config', CONFIG, '--', 'echo', 'application'], {
      cwd: '/',
      env,
      onStart: (child) => {
        void (async () => {
          while (!(await isRunning(backend))) await sleep(5)
          child.kill('SIGTERM')
        })()
      },
    })
    expect(stopped).toMatchObject({ status: 130, stdout: '' })
    expect(await ask(backend, `SELECT status FROM ${STATE}`)).toEqual([{ status: 'pending' }])
    expect(await wrongIn(await starts.round(2, backend, null), expected)).toEqual([])
  })
})

async function isRunning(backend: string): Promise<boolean> {
  const rows = await ask<{ status: string }>(backend, `SELECT status FROM ${STATE}`).catch(() => [])
  return rows[0]?.status === 'running'
}
