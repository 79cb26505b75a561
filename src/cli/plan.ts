import { Command } from 'commander'
import { loadSettings } from '../config/settings.ts'
import { plan } from '../index.ts'
import { renderPlan } from '../report/plan.ts'
import { examples, migrateLikewise, type PlanFlags, withDatabases, withPlanning } from './options.ts'
import { showProgress } from './progress.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'

export function planCommand(shell: Shell): Command {
  return withPlanning(withDatabases(new Command('plan')))
    .description('show every decision and every row that would not fit; writes nothing')
    .addHelpText(
      'after',
      examples(
        'landfall plan --from sqlite:app.db --to postgres://user@host/db',
        'landfall plan --profile-rows 100000 --json',
      ),
    )
    .action(async (flags: PlanFlags, command: Command) => {
      const settings = await loadSettings(flags, shell)
      knowEnds(shell, settings)
      shell.stopping = 'stopping'
      const progress = await showProgress(shell)
      const tools = { progress: progress.listen, signal: shell.signal }
      const found = await plan(settings, tools).finally(progress.close)
      shell.status = found.blockers.length === 0 ? 0 : 5
      if (flags.json) shell.print(`${JSON.stringify(found, null, 2)}\n`)
      else shell.print(renderPlan(found, shell.outStyle, migrateLikewise(command)))
    })
}
