import { CommanderError } from 'commander'
import { isExpected, LandfallError } from '../errors.ts'
import { errorReport, renderError } from '../report/error.ts'
import { withoutSecrets } from '../report/text.ts'
import type { Shell } from './shell.ts'

/** Tells a failure, as text or under `--json` as an object, and gives the exit status. */
export function tellFailure(thrown: unknown, shell: Shell): number {
  const error = understood(thrown, shell)
  if (error === null) return 0
  if (shell.json) {
    shell.print(`${JSON.stringify(errorReport(error, shell.command), null, 2)}\n`)
    // A stack helps whoever has to mend the bug; the object is for machines.
    if (!isExpected(error)) shell.say(renderError(error, shell.ends, shell.errStyle))
  } else {
    shell.say(renderError(error, shell.ends, shell.errStyle))
  }
  return error instanceof LandfallError ? error.exitCode : 70
}

/** The parser's and Node's own errors in our words; null for help and version, which are no failures. */
function understood(thrown: unknown, shell: Shell): unknown {
  if (thrown instanceof CommanderError) return usage(thrown, shell.command)
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new LandfallError('LF403', 'interrupted', {
      hint: 'run the same command again: it goes on where it stopped',
      cause: thrown,
    })
  }
  return thrown
}

function usage(error: CommanderError, command: string): LandfallError | null {
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return null
  const [first = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const hint =
    suggestion?.replace(/^\(Did you mean (.*)\?\)$/, 'did you mean $1?') ??
    asOption(error, command) ??
    help(command)
  return new LandfallError('LF001', withoutSecrets(first), { hint })
}

/** A database that was named without an option before it. */
function asOption(error: CommanderError, command: string): string | undefined {
  if (error.code !== 'commander.excessArguments') return undefined
  const [, given = ''] = /but got 1: (.*)\.$/s.exec(error.message) ?? []
  if (/^postgres(ql)?:/.test(given) && /^(migrate|plan|verify|init|status)$/.test(command)) {
    return `did you mean --to ${withoutSecrets(given)}?`
  }
  if (given === '' || given.includes('://') || !/^(migrate|plan|verify|init)$/.test(command)) return undefined
  return `did you mean --from sqlite:${withoutSecrets(given.replace(/^sqlite:/, ''))}?`
}

function help(command: string): string {
  return command === '' ? 'landfall --help' : `landfall ${command} --help`
}
