import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { constants as system } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LandfallError } from '../errors.ts'
import { written } from './written.ts'

/** The packages that came with this copy: programs among them are not the caller's. */
const OWN_PROGRAMS = real(join(fileURLToPath(import.meta.url), '../../../node_modules/.bin'))

/** Where a program is looked for when the environment has no PATH. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

export interface Application {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Replaces this process by the application: same process number, so that signals, exit status and streams
 * are its own, and nothing of Landfall is left. Does not return; where the operating system cannot
 * do that, the application runs as a child, and its exit status is returned.
 *
 * Errors: LF007 when there is no such program; the reason of `signal` when it came to that.
 */
export async function become(application: Application, signal: AbortSignal): Promise<number> {
  const environment = callersOwn(application.environment)
  const file = programOf(application.command, application.cwd, environment.PATH ?? DEFAULT_PATH)
  const { command, args } = application
  flushCompileCache()
  await Promise.all([written(process.stdout), written(process.stderr)])
  // A signal that has come but was not heard of yet would be lost with this program.
  await turn()
  signal.throwIfAborted()
  if (process.execve === undefined) return await runAsChild(file, args, environment)
  likeNew()
  try {
    process.execve(file, [command, ...args], environment)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // A script without a first line that says what runs it is one of the shell's.
    if (code === 'ENOEXEC') process.execve('/bin/sh', ['sh', file, ...args], environment)
    throw notStarted(command, code, cause)
  }
  throw notStarted(command)
}

/**
 * What Node.js changes of a process and a new program would inherit: streams that do not block, at which
 * most programs stumble, and two signals that are ignored. (A stream that nobody has touched is a file that
 * blocks, but the import of a module is enough to touch all three.)
 */
function likeNew(): void {
  // From here on a signal ends the process, as it would end one that has just been started.
  for (const signal of PASSED_ON) process.removeAllListeners(signal)
  for (const stream of [process.stdin, process.stdout, process.stderr]) {
    const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => void } }
    handle?.setBlocking?.(true)
  }
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) {
    const nothing = (): void => {}
    // Whoever is the last to stop listening leaves the signal as the system has it.
    process.on(signal, nothing).off(signal, nothing)
  }
}

/** The environment without what `npx` puts before the caller's PATH in a checkout of Landfall. */
function callersOwn(environment: Application['environment']): Record<string, string> {
  const own = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  )
  const found: Record<string, string> = Object.fromEntries(own)
  if (found.PATH !== undefined)
    found.PATH = found.PATH.split(delimiter)
      .filter((folder) => real(resolve(folder)) !== OWN_PROGRAMS)
      .join(delimiter)
  return found
}

/** A folder may be reached by several names. */
function real(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

/** As a shell finds it. */
function programOf(command: string, cwd: string, path: string): string {
  if (command.includes('/')) {
    const file = resolve(cwd, command)
    const code = obstacle(file)
    if (code === null) return file
    throw notStarted(command, code)
  }
  for (const folder of path.split(delimiter)) {
    const file = join(resolve(cwd, folder === '' ? '.' : folder), command)
    if (obstacle(file) === null) return file
  }
  throw notStarted(command, 'ENOENT')
}

/** Why this file is no program; null where it is one. */
function obstacle(file: string): string | null {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile() ? null : 'EISDIR'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'ENOENT'
  }
}

/** Where a process cannot be replaced. Signals are passed on, the exit status is taken over. */
async function runAsChild(
  file: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<number> {
  let child: ChildProcess | null = null
  for (const signal of PASSED_ON) {
    if (!(signal in system.signals)) continue
    const before = process.listeners(signal)
    // Ctrl-C at a terminal reaches the whole group: passed on, it would be a second one. Listened to before
    // the child is there, for it may be signalled before `spawn` returns.
    process.on(signal, () => {
      if (process.stderr.isTTY !== true || !OF_TERMINALS.has(signal)) child?.kill(signal)
    })
    for (const listener of before) process.off(signal, listener)
  }
  child = spawn(file, args, { stdio: 'inherit', env: environment })
  const { promise, resolve: end, reject } = Promise.withResolvers<number>()
  child.once('error', (cause) => reject(notStarted(file, (cause as NodeJS.ErrnoException).code, cause)))
  child.once('exit', (status, signal) => end(signal === null ? (status ?? 1) : 128 + system.signals[signal]))
  return await promise
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
const OF_TERMINALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP'])

function notStarted(command: string, code?: string, cause?: unknown): LandfallError {
  return new LandfallError(
    'LF007',
    `${JSON.stringify(command)} cannot be started${code ? ` (${code})` : ''}`,
    {
      hint: 'Name a program that is in PATH, or its path. What was to be migrated is done.',
      ...(cause === undefined ? {} : { cause }),
    },
  )
}
