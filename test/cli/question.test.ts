import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { needs } from '../support/needs.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { BIN, landfall } from './run.ts'

/** Makes a terminal of its own for what it runs. */
const test = needs('script')

describe('a question', () => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-question-'))
  let server: TestServer
  let args: string[]

  beforeAll(async () => {
    server = await testServer()
    const db = new DatabaseSync(join(folder, 'shop.db'))
    db.exec(
      'create table "us\u001b[31mers" (id integer primary key); insert into "us\u001b[31mers" values (1)',
    )
    db.close()
    args = ['migrate', '--from', 'sqlite:shop.db', '--to', await server.database()]
    expect(await landfall(args, { cwd: folder })).toMatchObject({ status: 0 })
  })
  afterAll(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  /** What a person at a terminal sees, and the exit status; `answer` is typed when the question is there. */
  function atTerminal(words: readonly string[], answer: string): Promise<{ status: number; seen: string }> {
    const command = [process.execPath, BIN, ...words].map((word) => `'${word}'`).join(' ')
    return new Promise((resolve) => {
      const child = spawn('script', ['-qefc', command, '/dev/null'], {
        cwd: folder,
        env: { ...process.env, CI: '', TERM: 'xterm' },
      })
      let seen = ''
      let answered = false
      child.stdout.on('data', (part: Buffer) => {
        seen += part
        if (answered || !seen.includes('[y/N]')) return
        answered = true
        child.stdin.write(answer)
      })
      child.on('close', (status) => resolve({ status: status ?? -1, seen }))
    })
  }

  test('is asked on the terminal; anything but a yes changes nothing', async () => {
    const no = await atTerminal([...args, '--restart'], '\r')
    expect(no).toMatchObject({ status: 5, seen: expect.stringContaining('you said no') })
    expect(no.seen).toContain('The migration shop is done. Take it back')
    // What is in a name does not reach the terminal as a command.
    expect(no.seen).toContain('dropped   public.us\\u{1b}[31mers [y/N]')
    const stopped = await atTerminal([...args, '--restart'], '\u0003')
    expect(stopped.status).toBe(130)
    expect(await landfall(args, { cwd: folder })).toMatchObject({
      stdout: expect.stringContaining('Nothing to do'),
    })
    expect(await atTerminal([...args, '--restart'], 'y\r')).toMatchObject({ status: 0 })
  })

  test('without a terminal is a refusal that names --yes', async () => {
    const refused = await landfall([...args, '--restart'], { cwd: folder })
    expect(refused).toMatchObject({ status: 5, stderr: expect.stringContaining('--yes') })
    expect(refused.stderr).toContain('error LF206')
    expect(await landfall([...args, '--restart', '--yes'], { cwd: folder })).toMatchObject({ status: 0 })
  })
})
