import { Command, Option } from 'commander'
import type { Settings } from '../config/model.ts'
import { loadSettings } from '../config/settings.ts'
import { embeddedStatus } from '../connection/embedded.ts'
import { migrate } from '../index.ts'
import { type AfterMigrate, renderMigrate } from '../report/migrate.ts'
import { asker } from './ask.ts'
import { examples, type PlanFlags, verifyOptionsLikewise, withDatabases, withPlanning } from './options.ts'
import { showProgress } from './progress.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'
import { withListing } from './verification.ts'

export function migrateCommand(shell: Shell): Command {
  const command = withPlanning(withDatabases(new Command('migrate')))
    .alias('db:migrate')
    .description('copy everything into the target; after an interruption the same command goes on')
    .option('--checkpoint <file>', 'keep a readable copy of the progress in a file')
    .option('--restart', 'begin again: what this migration has made is dropped, what it has merged stays')
    .option(
      '--backup [folder]',
      'back up the target before anything is written, with pg_dump (default folder: backups)',
    )
    .option('--no-backup', 'make none, though the config asks for one')
    .option('--dry-run', 'everything up to the first write')
    .option('--keep-running', 'leave the embedded PostgreSQL running')
    .addOption(new Option('--verify', 'compare every row afterwards, as is done anyway').hideHelp())
    .option('--no-verify', 'do not compare every row afterwards')
  return withListing(command)
    .option('--no-record', 'with --dry-run: write nothing into the schema landfall either')
    .option('--yes', 'take every question as answered with yes, for scripts')
    .addHelpText(
      'after',
      examples(
        'landfall migrate --from sqlite:app.db',
        'landfall migrate --from sqlite:app.db --to postgres://user@host/db --bad-rows set-aside',
        'landfall migrate --tables users,orders --json > report.json',
        'landfall migrate --backup --yes',
      ),
    )
    .action(async (flags: PlanFlags & { yes?: boolean }, self: Command) => {
      const settings = await loadSettings(flags, shell)
      knowEnds(shell, settings)
      shell.stopping = 'stopping at the next chunk boundary'
      const progress = await showProgress(shell)
      const ask = flags.yes === true ? async () => true : progress.paused(asker(shell))
      const tools = { progress: progress.listen, signal: shell.signal, ask }
      const report = await migrate(settings, tools).finally(progress.close)
      shell.status = report.exitCode
      if (flags.json) shell.print(`${JSON.stringify(report, null, 2)}\n`)
      else shell.print(renderMigrate(report, after(settings, self), shell.outStyle))
    })
}

/** As it is now: a server that ran before the migration still does. */
function after(settings: Settings, command: Command): AfterMigrate {
  const options = verifyOptionsLikewise(command)
  if (settings.to !== 'embedded') return { options }
  const { state } = embeddedStatus({ folder: settings.embeddedFolder })
  return { options, embedded: state === 'running' ? 'running' : 'stopped' }
}
