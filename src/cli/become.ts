import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LandfallError } from '../errors.ts'

/** The packages that came with this copy: programs among them are not the caller's. */
const OWN_PROGRAMS = join(fileURLToPath(import.meta.url), '../../../node_modules/.bin')

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
 * Errors: LF007 when there is no such program.
 */
export async function become(application: Application): Promise<number> {
  const environment = callersOwn(application.environment)
  const file = programOf(application.command, application.cwd, environment.PATH ?? '')
  const { args } = application
  if (process.execve === undefined) return await runAsChild(file, args, environment)
  flushCompileCache()
  likeNew()
  try {
    process.execve(file, [application.command, ...args], environment)
  } catch (cause) {
    throw notStarted(application.command, cause)
  }
  throw notStarted(application.command, null)
}

/**
 * What Node.js changes of a process and a new program would inherit: streams that do not block, at which
 * most programs stumble, and two signals that are ignored.
 */
function likeNew(): void {
  for (const stream of [process.stdout, process.stderr]) {
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
      .filter((folder) => resolve(folder) !== OWN_PROGRAMS)
      .join(delimiter)
  return found
}

/** As a shell finds it. */
function programOf(command: string, cwd: string, path: string): string {
  if (command.includes('/')) return resolve(cwd, command)
  for (const folder of path.split(delimiter)) {
    const file = join(resolve(cwd, folder === '' ? '.' : folder), command)
    if (isProgram(file)) return file
  }
  throw notStarted(command, null)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** Where a process cannot be replaced. Signals are passed on, the exit status is taken over. */
async function runAsChild(
  file: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit', env: environment })
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, pass)
  return await new Promise((done, fail) => {
    child.once('error', (cause) => fail(notStarted(file, cause)))
    child.once('exit', (status, signal) =>
      done(signal === null ? (status ?? 1) : 128 + (NUMBERS[signal] ?? 0)),
    )
  })
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

function notStarted(command: string, cause: unknown): LandfallError {
  const code = (cause as NodeJS.ErrnoException | null)?.code
  return new LandfallError(
    'LF007',
    `${JSON.stringify(command)} cannot be started${code ? ` (${code})` : ''}`,
    {
      hint: 'The migration is done. Name a program that is in PATH, or its path.',
      ...(cause === null ? {} : { cause }),
    },
  )
}
