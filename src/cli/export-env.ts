import { Command, InvalidArgumentError } from 'commander'
import { LandfallError } from '../errors.ts'
import { EXPORT_PORT } from '../exporter/address.ts'
import { type ExportEvent, type ExportReport, exportEnv } from '../index.ts'
import { many, printable } from '../report/text.ts'
import { examples } from './options.ts'
import type { Shell } from './shell.ts'

interface Flags {
  readonly host: string
  readonly port: number
  readonly once?: boolean
  /** By commander's rule for `--no-…`: false when it was said. */
  readonly token: boolean
  readonly password: boolean
  readonly tokenEnv?: readonly string[]
  readonly json?: boolean
}

export function exportEnvCommand(shell: Shell): Command {
  return (
    new Command('export-env')
      .description(
        'hand the settings of a legacy database (DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD) to migrations that have the token',
      )
      .option('--host <address>', 'the address to listen on', '127.0.0.1')
      .option('--port <n>', 'the port to listen on', port, EXPORT_PORT)
      .option('--once', 'end with status 0 after the first hand-over')
      .option(
        '--token-env <names>',
        'variables that hold the token (default: PLUGIN_ENV_EXPORT_TOKEN, then PLUGIN_ADMIN_API_KEY)',
        variables,
      )
      .option('--no-token', 'ask for no token; on a loopback address only')
      .option('--no-password', 'the database asks for none, so that DB_PASSWORD may be empty')
      .option('--json', 'at the end a report object on standard output')
      .addHelpText(
        'after',
        examples('landfall export-env --once', 'landfall export-env --host 0.0.0.0 --port 8045 --once'),
      )
      // What was typed may be a token: it is neither repeated nor turned into --no-token.
      .allowExcessArguments()
      .showSuggestionAfterError(false)
      .action(async (flags: Flags, self: Command) => {
        if (self.args.length > 0) throw takesNone()
        shell.stopping = 'closing'
        const say = (text: string): void => shell.say(`${new Date().toISOString()} ${printable(text)}\n`)
        const exporter = await exportEnv({
          environment: shell.environment,
          host: flags.host,
          port: flags.port,
          once: flags.once === true,
          noToken: !flags.token,
          noPassword: !flags.password,
          ...(flags.tokenEnv === undefined ? {} : { tokenNames: flags.tokenEnv }),
          listener: (event) => say(told(event)),
        })
        for (const note of exporter.notes) say(`note: ${note}`)
        const token =
          exporter.tokenFrom === null ? 'no token is asked for' : `token from ${exporter.tokenFrom}`
        say(`listening on ${exporter.address}, hands over ${exporter.database}, ${token}`)
        const stop = (): void => void exporter.close()
        shell.signal.addEventListener('abort', stop)
        if (shell.signal.aborted) stop()
        const report = await exporter.ended
        shell.status = report.ended === 'once' ? 0 : 130
        shell.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : summary(report))
      })
  )
}

function takesNone(): LandfallError {
  return new LandfallError('LF001', 'export-env takes options, and no arguments', {
    hint: 'settings and token come from environment variables: landfall export-env --help',
  })
}

/** Whether they are names is looked at where what is wrong is not repeated. */
function variables(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((name) => name.trim())]
}

function told(event: ExportEvent): string {
  if (event.kind === 'handed-over') return `handed over to ${event.address}`
  if (event.kind === 'lost') return `not handed over: ${event.address} went away before all was sent`
  return `refused ${event.address}: ${event.why}`
}

function summary({ handedOver, refused }: ExportReport): string {
  return `Ended: ${many(handedOver, 'hand-over')}, ${many(refused, 'refusal')}.\n`
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new InvalidArgumentError('It must be a port: a whole number up to 65535, 0 for one that is free.')
}
