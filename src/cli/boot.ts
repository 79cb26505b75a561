import { Command } from 'commander'
import { type BootOptions, boot, bootStatus } from '../boot.ts'
import { LandfallError } from '../errors.ts'
import { renderBoot, renderBootStatus } from '../report/boot.ts'
import { become } from './become.ts'
import { examples, type PlanFlags, withDatabases, withPlanning } from './options.ts'
import { plainView } from './progress.ts'
import type { Shell } from './shell.ts'

type Flags = PlanFlags & Pick<BootOptions, 'wait'> & { readonly check?: boolean }

export function bootCommand(shell: Shell): Command {
  return withPlanning(withDatabases(new Command('boot')))
    .description('migrate if that is not done yet, then become the application; others that start wait')
    .argument('[command...]', 'after --: the application and its arguments; without: end when it is done')
    .option('--check', 'say where it stands and change nothing: status 0 where an application may start')
    .option('--wait <time>', 'wait so long for another instance, e.g. 90s, 30m, 2h (default: 30m)')
    .addHelpText(
      'after',
      examples(
        'landfall boot -- uvicorn app:app --port 8000',
        'landfall boot --wait 2h -- node server.js',
        'landfall boot --check',
      ).concat('\n\nWith a command everything is told on standard error, the report of --json too.'),
    )
    .action(async (words: readonly string[], flags: Flags) => {
      if (flags.check === true) await check(shell, flags, words)
      else await start(shell, flags, words)
    })
}

async function check(
  shell: Shell,
  { check: _, json, ...flags }: Flags,
  words: readonly string[],
): Promise<void> {
  if (words.length > 0) {
    throw new LandfallError('LF001', '--check starts no application', {
      hint: 'landfall boot --check && …',
    })
  }
  const report = await bootStatus(undefined, flags, shell)
  shell.status = report.exitCode
  shell.print(json ? `${JSON.stringify(report, null, 2)}\n` : renderBootStatus(report, shell.outStyle))
}

/** Standard output is the application's: everything that is told goes to standard error. */
async function start(
  shell: Shell,
  { json, ...flags }: Flags,
  [command, ...args]: readonly string[],
): Promise<void> {
  if (command !== undefined) shell.print = (text) => shell.say(text)
  shell.stopping = 'stopping'
  // The application may share the terminal, and other instances do.
  const { listen, close } = plainView(shell)
  const report = await boot(undefined, { ...flags, progress: listen, signal: shell.signal }, shell).finally(
    close,
  )
  if (json && command === undefined) shell.print(`${JSON.stringify(report, null, 2)}\n`)
  else shell.say(json ? `${JSON.stringify(report)}\n` : renderBoot(report, shell.errStyle))
  if (command === undefined) return
  const { cwd, environment } = shell
  shell.status = await become({ command, args, cwd, environment }, shell.signal)
}
