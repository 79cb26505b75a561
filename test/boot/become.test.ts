import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN } from '../cli/run.ts'
import { ask } from '../faults/state.ts'
import { needs } from '../support/needs.ts'
import { testServer } from '../support/postgres.ts'
import { Applications, type Place, run, start, whenSaid } from './applications.ts'

let applications: Applications
/** Where the migration is done. */
let done: Place
beforeAll(async () => {
  applications = new Applications(await testServer())
  done = await applications.place()
  expect(await start(done, [])).toMatchObject({ status: 0, stdout: '' })
})
afterAll(() => applications.remove())

const python = needs('python3')
const onLinux = test.skipIf(!existsSync('/proc/self/status'))
const onLinuxPython = existsSync('/proc/self/status') ? python : test.skip
/** Deletes what replaces a process, before anything of Landfall is loaded. */
const WITHOUT_EXECVE = ['--import', 'data:text/javascript,delete process.execve']

describe('the process becomes the application', () => {
  test('of the same number, on the first start and on the next one; standard output is its own', async () => {
    const place = await applications.place()
    const first = await start(place, ['--', 'sh', '-c', 'echo $$'])
    expect(first).toMatchObject({ status: 0, stdout: `${first.pid}\n` })
    expect(first.stderr).toMatch(/^landfall shop is done: 2 rows, /m)
    expect(await ask(place.url, 'SELECT name FROM users ORDER BY id')).toEqual([
      { name: 'Ada' },
      { name: 'Grace' },
    ])
    const next = await start(place, ['--', 'sh', '-c', 'echo $$'])
    expect(next).toMatchObject({ status: 0, stdout: `${next.pid}\n` })
    // One line, and no warning of Node.js.
    expect(next.stderr).toMatch(/^landfall shop is done since \S+ \(looked up in \d\.\d\d s\)\n$/)
  })

  test('whose exit status it has', async () => {
    expect(await start(done, ['--', 'sh', '-c', 'exit 7'])).toMatchObject({ status: 7, signal: null })
  })

  test('and which gets its signals, deadly ones too', async () => {
    const died = await start(done, ['--', 'sh', '-c', 'echo ready; exec sleep 60'], {
      onStart: (child) => whenSaid(child, 'ready', () => child.kill('SIGTERM')),
    })
    expect(died).toMatchObject({ status: null, signal: 'SIGTERM' })
    const handled = await start(
      done,
      ['--', 'sh', '-c', 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.05; done'],
      { onStart: (child) => whenSaid(child, 'ready', () => child.kill('SIGTERM')) },
    )
    expect(handled).toMatchObject({ status: 3, stdout: 'ready\nterm\n' })
  })

  test('and SIGTERM at any moment is heard by one of the two', async () => {
    for (let round = 0; round < 12; round++) {
      const { status, signal, stdout } = await start(
        done,
        ['--', 'sh', '-c', 'echo started; exec sleep 60'],
        {
          onStart: (child) => void setTimeout(() => child.kill('SIGTERM'), 100 + 250 * Math.random()),
        },
      )
      if (stdout === '') expect(signal ?? status).toSatisfy((end) => end === 'SIGTERM' || end === 130)
      else expect({ stdout, signal }).toEqual({ stdout: 'started\n', signal: 'SIGTERM' })
    }
  })

  python('and at a terminal Ctrl-C, once', async () => {
    const application = `
import os, signal, sys, time, termios
count = 0
def heard(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, heard)
print('terminal', [os.isatty(f) for f in (0, 1, 2)], bool(termios.tcgetattr(0)[3] & termios.ICANON))
print('ready', flush=True)
time.sleep(0.5)
time.sleep(0.5)
print('heard', count, flush=True)
sys.exit(4)`
    const terminal = `
import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
sent = False
while True:
    try:
        part = os.read(master, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if not sent and b'ready\\r\\n' in seen:
        sent = True
        os.write(master, b'\\x03')
print(seen.decode())
print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`
    for (const node of [[], WITHOUT_EXECVE]) {
      const words = [process.execPath, ...node, BIN, 'boot', '--', 'python3', '-c', application]
      const { stdout } = await run('python3', ['-c', terminal, ...words], {
        cwd: done.cwd,
        env: { DATABASE_URL: done.url },
      })
      expect(stdout).toContain('terminal [True, True, True] True')
      expect(stdout).toContain('heard 1')
      expect(stdout).toContain('status 4')
    }
  })
})

describe('the application inherits', () => {
  const input = randomBytes(1_000_000)
  const digest = createHash('sha256').update(input).digest('hex')

  test('all of standard input', async () => {
    expect((await start(done, ['--', 'sha256sum'], { input })).stdout).toBe(`${digest}  -\n`)
    // A pipe of the shell, where the one above is a socket; and a start that migrates.
    const words = 'cat | "$0" "$1" boot -- sha256sum'
    const place = await applications.place()
    for (const { cwd, url } of [done, place]) {
      const piped = await run('sh', ['-c', words, process.execPath, BIN], {
        cwd,
        env: { DATABASE_URL: url },
        input,
      })
      expect(piped).toMatchObject({ status: 0, stdout: `${digest}  -\n` })
    }
  })

  const BLOCKING = 'import fcntl, os; print([bool(fcntl.fcntl(f, 3) & os.O_NONBLOCK) for f in (0, 1, 2)])'

  python('streams that block', async () => {
    expect((await start(done, ['--', 'python3', '-c', BLOCKING])).stdout).toBe('[False, False, False]\n')
    const piped = `true | "$0" "$1" boot -- python3 -c "$2" 2>&1 | cat`
    const { stdout } = await run('sh', ['-c', piped, process.execPath, BIN, BLOCKING], {
      cwd: done.cwd,
      env: { DATABASE_URL: done.url },
    })
    expect(stdout).toMatch(/^landfall shop is done .*\n\[False, False, False\]\n$/)
  })

  python('so that what it writes to a slow reader arrives', async () => {
    const words = `"$0" "$1" boot -- python3 -c 'import os, sys; d = b"x" * 3000000
while d: d = d[os.write(1, d):]' | (sleep 1; wc -c)`
    const { stdout } = await run('sh', ['-c', words, process.execPath, BIN], {
      cwd: done.cwd,
      env: { DATABASE_URL: done.url },
    })
    expect(Number(stdout)).toBe(3_000_000)
  })

  onLinux('no signal that is ignored or held back', async () => {
    const { stdout } = await start(done, ['--', 'sh', '-c', 'exec grep -E "Sig(Ign|Blk)" /proc/self/status'])
    expect(stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n')
  })

  onLinuxPython('no file and no connection, on the first start and on the next one', async () => {
    const listed = ['python3', '-c', 'import os; print(sorted(map(int, os.listdir("/proc/self/fd"))))']
    const plain = await run(listed[0]!, listed.slice(1), { cwd: done.cwd })
    const place = await applications.place()
    for (const here of [place, done]) {
      const { stdout } = await start(here, ['--', ...listed])
      expect(stdout).toBe(plain.stdout)
    }
    let backends: unknown
    await start(done, ['--', 'sh', '-c', 'echo ready; exec sleep 60'], {
      onStart: (child) =>
        whenSaid(child, 'ready', async () => {
          backends = await ask(
            done.url,
            `SELECT application_name FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          )
          child.kill('SIGKILL')
        }),
    })
    expect(backends).toEqual([])
  })

  test('its arguments as they are, its environment and its folder', async () => {
    const words = ['a b', '"', "'", '', '$HOME', '*', '--json', '--', '-x', 'é\n', '\\']
    const script = 'for a; do printf "[%s]" "$a"; done; printf "%s|%s" "$LANDFALL_TEST" "$PWD"'
    const { stdout } = await start(done, ['--', 'sh', '-c', script, 'sh', ...words], {
      env: { LANDFALL_TEST: 'a=b c' },
    })
    expect(stdout).toBe(`${words.map((word) => `[${word}]`).join('')}a=b c|${done.cwd}`)
  })
})

describe('where a process cannot be replaced, the application is a child', () => {
  test('whose exit status, signals and streams are passed on', async () => {
    const plain = await start(done, ['--', 'sh', '-c', 'echo $$; exit 7'], { node: WITHOUT_EXECVE })
    expect(plain.status).toBe(7)
    expect(Number(plain.stdout)).not.toBe(plain.pid)
    expect(plain.stderr).toMatch(/^landfall shop is done since .*\n$/)
    const input = randomBytes(1_000_000)
    const read = await start(done, ['--', 'sha256sum'], { node: WITHOUT_EXECVE, input })
    expect(read.stdout).toBe(`${createHash('sha256').update(input).digest('hex')}  -\n`)
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const) {
      const script = `trap "echo heard; exit 3" ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`
      const ended = await start(done, ['--', 'sh', '-c', script], {
        node: WITHOUT_EXECVE,
        onStart: (child) => whenSaid(child, 'ready', () => child.kill(signal)),
      })
      expect(ended).toMatchObject({ status: 3, stdout: 'ready\nheard\n' })
    }
    const killed = await start(done, ['--', 'sh', '-c', 'kill -9 $$'], { node: WITHOUT_EXECVE })
    expect(killed.status).toBe(128 + 9)
  })

  test('and one that is missing is the same error', async () => {
    const missing = await start(done, ['--', 'no-such-program'], { node: WITHOUT_EXECVE })
    expect(missing).toMatchObject({ status: 127, stdout: '' })
  })
})
