import { Command } from 'commander'
import { loadTargetSettings } from '../config/settings.ts'
import { status } from '../index.ts'
import { renderStatus } from '../report/status.ts'
import { type DatabaseFlags, examples, withDatabases } from './options.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'

export function statusCommand(shell: Shell): Command {
  return withDatabases(new Command('status'))
    .alias('db:status')
    .description('show where the migrations into the target stand')
    .addHelpText('after', examples('landfall status', 'landfall status --to postgres://user@host/db --json'))
    .action(async (flags: DatabaseFlags) => {
      const settings = await loadTargetSettings(flags, shell)
      knowEnds(shell, settings)
      const report = await status(settings)
      shell.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderStatus(report, shell.outStyle))
    })
}
