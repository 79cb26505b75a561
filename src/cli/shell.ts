import pc from 'picocolors'
import type { Environment } from '../config/env.ts'
import { LandfallError } from '../errors.ts'
import type { Ends } from '../report/error.ts'
import type { Style } from '../report/text.ts'

/** What a command knows of the process it runs in, and how it tells its outcome. */
export interface Shell {
  readonly cwd: string
  readonly environment: Environment
  /** The report: standard output. */
  print(text: string): void
  /** Everything else: standard error. */
  say(text: string): void
  readonly outStyle: Style
  readonly errStyle: Style
  /** Lines on standard error can be drawn over. */
  readonly live: boolean
  /** Aborted by the first Ctrl-C or SIGTERM, with an LF403 as its reason. */
  readonly signal: AbortSignal
  /** Where `say` goes while progress is drawn; null when it is not. */
  sayAbove: ((text: string) => void) | null
  /** What the first Ctrl-C tells while the command stops cleanly; null: it ends the process at once. */
  stopping: string | null
  /** As typed, e.g. `embedded start`; for `--json`. */
  command: string
  json: boolean
  /** Labels for error messages, as soon as they are known. */
  ends: Ends
  status: number
  /** The report could not be written for a reason that is not the reader's. */
  lostReport: boolean
}

/** Connects a shell to this process: its streams, colours and signals. */
export function processShell(): Shell {
  const controller = new AbortController()
  const shell: Shell = {
    cwd: process.cwd(),
    environment: process.env,
    print: (text) => void process.stdout.write(text),
    say(text) {
      if (shell.sayAbove === null) process.stderr.write(text)
      else shell.sayAbove(text)
    },
    outStyle: styleOf(process.stdout),
    errStyle: styleOf(process.stderr),
    live: process.stderr.isTTY === true && process.env.TERM !== 'dumb' && !isSet(process.env.CI),
    signal: controller.signal,
    sayAbove: null,
    stopping: null,
    command: '',
    json: false,
    ends: {},
    status: 0,
    lostReport: false,
  }
  quietWhenNobodyReads(process.stdout)
  tellLostReport(shell)
  quietWhenNobodyReads(process.stderr)
  stopOnSignals(shell, controller)
  return shell
}

function styleOf(stream: NodeJS.WriteStream): Style {
  // A terminal that does not tell its width (0 columns) is taken for a plain one.
  const width = stream.isTTY === true ? stream.columns || 80 : Number.POSITIVE_INFINITY
  return { colors: pc.createColors(wantsColors(stream)), width }
}

/** NO_COLOR wins over FORCE_COLOR; otherwise colours go to terminals only. */
function wantsColors(stream: NodeJS.WriteStream): boolean {
  if (isSet(process.env.NO_COLOR)) return false
  if (isSet(process.env.FORCE_COLOR)) return process.env.FORCE_COLOR !== '0'
  return stream.isTTY === true && process.env.TERM !== 'dumb'
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false'
}

/** `landfall plan | head` closes the pipe early. Nobody reads on, but a migration goes on to its end. */
function quietWhenNobodyReads(stream: NodeJS.WriteStream): void {
  stream.on('error', () => {})
}

/** A full disk behind `> report.json`: the work is done, but its report is not there. */
function tellLostReport(shell: Shell): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (NOBODY_READS.has(error.code ?? '')) return
    shell.say(`standard output cannot be written (${error.code})\n`)
    shell.lostReport = true
  })
}

const NOBODY_READS = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'])

function stopOnSignals(shell: Shell, controller: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted || shell.stopping === null) process.exit(130)
      shell.say(`${shell.stopping}… (once more to stop at once)\n`)
      controller.abort(interrupted(name))
    })
  }
}

function interrupted(signal: string): LandfallError {
  return new LandfallError('LF403', `interrupted by ${signal === 'SIGINT' ? 'Ctrl-C' : signal}`, {
    hint: 'run the same command again: it goes on where it stopped',
  })
}
