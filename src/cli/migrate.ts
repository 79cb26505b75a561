import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import type { Settings } from '../config/model.ts'
import { loadSettings } from '../config/settings.ts'
import { embeddedStatus } from '../connection/embedded.ts'
import { LandfallError } from '../errors.ts'
import { migrate } from '../index.ts'
import { type AfterMigrate, renderMigrate } from '../report/migrate.ts'
import { examples, type PlanFlags, withDatabases, withPlanning } from './options.ts'
import { showProgress } from './progress.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'

export function migrateCommand(shell: Shell): Command {
  return withPlanning(withDatabases(new Command('migrate')))
    .alias('db:migrate')
    .description('copy everything into the target; after an interruption the same command goes on')
    .option('--checkpoint <file>', 'keep a readable copy of the progress in a file')
    .option('--restart', 'begin again: what this migration wrote is dropped')
    .option('--dry-run', 'everything up to the first write')
    .option('--keep-running', 'leave the embedded PostgreSQL running')
    .option('--no-record', 'with --dry-run: write nothing into the schema landfall either')
    .option('--yes', 'take every question as answered with yes')
    .addHelpText(
      'after',
      examples(
        'landfall migrate --from sqlite:app.db',
        'landfall migrate --from sqlite:app.db --to postgres://user@host/db --bad-rows set-aside',
        'landfall migrate --tables users,orders --json > report.json',
      ),
    )
    .action(async (flags: PlanFlags & { yes?: boolean }) => {
      const settings = await loadSettings(flags, shell)
      knowEnds(shell, settings)
      if (settings.restart && !settings.dryRun && flags.yes !== true) await confirmRestart(settings, shell)
      shell.interruptible = true
      const progress = showProgress(shell)
      const report = await migrate(settings, { progress: progress.listen, signal: shell.signal }).finally(
        progress.close,
      )
      shell.status = report.exitCode
      if (flags.json) shell.print(`${JSON.stringify(report, null, 2)}\n`)
      else shell.print(renderMigrate(report, after(settings), shell.outStyle))
    })
}

/** As it is now: a server that ran before the migration still does. */
function after(settings: Settings): AfterMigrate {
  if (settings.to !== 'embedded') return {}
  const { state } = embeddedStatus({ folder: settings.embeddedFolder })
  return { embedded: state === 'running' ? 'running' : 'stopped' }
}

async function confirmRestart(settings: Settings, shell: Shell): Promise<void> {
  const target = settings.to === 'embedded' ? 'the embedded PostgreSQL' : settings.to.label
  const question = `--restart drops what migration ${settings.name} wrote into ${target}. Go on? [y/N] `
  if (process.stdin.isTTY !== true || shell.json) {
    throw new LandfallError(
      'LF206',
      '--restart drops what was written before, and nobody is there to be asked',
      {
        hint: '--yes   answers yes',
      },
    )
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await reader.question(question, { signal: shell.signal })
    if (/^y(es)?$/i.test(answer.trim())) return
  } finally {
    reader.close()
  }
  throw new LandfallError('LF206', '--restart was declined')
}
