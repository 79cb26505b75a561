import { resolve } from 'node:path'
import { Command } from 'commander'
import { findEmbedded, startEmbedded } from '../connection/embedded.ts'
import { endEmbedded, keepEmbedded } from '../connection/embedded-use.ts'
import { LandfallError } from '../errors.ts'
import { examples } from './options.ts'
import type { Shell } from './shell.ts'

interface Flags {
  readonly json?: boolean
}

/** What the three commands print under `--json`; `url` may hold the password that opens the server. */
interface EmbeddedReport {
  readonly version: 1
  readonly command: string
  readonly running: boolean
  readonly url: string | null
}

export function embeddedCommand(shell: Shell): Command {
  const folder = (): string => resolve(shell.cwd, '.landfall')
  const group = new Command('embedded')
    .description('the embedded PostgreSQL under .landfall')
    .helpCommand(false)
    .addHelpText(
      'after',
      examples('landfall embedded start', 'psql "$(landfall embedded url)"', 'landfall embedded stop'),
    )
  group.addCommand(
    new Command('start')
      .description('start it, or find it running, and print the way to it')
      .option('--json', 'as JSON')
      .action(async (flags: Flags) => {
        const server = await startEmbedded({ folder: folder() })
        keepEmbedded(folder())
        for (const note of server.notes) shell.say(`note: ${note}\n`)
        tell(shell, flags, 'embedded start', server.url, `${server.url}\n`)
      }),
  )
  group.addCommand(
    new Command('stop')
      .description('stop it; what is in it stays')
      .option('--json', 'as JSON')
      .action(async (flags: Flags) => {
        const stopped = await endEmbedded(folder())
        const text = stopped
          ? 'The embedded PostgreSQL is stopped.\n'
          : 'No embedded PostgreSQL was running.\n'
        tell(shell, flags, 'embedded stop', null, text)
      }),
  )
  group.addCommand(
    new Command('url')
      .description('print the way to it')
      .option('--json', 'as JSON')
      .action(async (flags: Flags) => {
        const server = await findEmbedded({ folder: folder() })
        if (server === null)
          throw new LandfallError('LF301', 'the embedded PostgreSQL is not running', {
            hint: 'landfall embedded start',
          })
        tell(shell, flags, 'embedded url', server.url, `${server.url}\n`)
      }),
  )
  return group
}

function tell(shell: Shell, flags: Flags, command: string, url: string | null, text: string): void {
  const report: EmbeddedReport = { version: 1, command, running: url !== null, url }
  shell.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : text)
}
