import { Command } from 'commander'
import type { Options } from '../config/settings.ts'
import { loadSettings } from '../config/settings.ts'
import { verify } from '../index.ts'
import { renderVerify } from '../report/verify.ts'
import { asker } from './ask.ts'
import { type DatabaseFlags, examples, verifyOptionsLikewise, withDatabases, withMoves } from './options.ts'
import { showProgress } from './progress.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'
import { refuseSenseless, share, timeSpan, withListing } from './verification.ts'

type VerifyFlags = DatabaseFlags &
  Omit<Options, keyof DatabaseFlags | 'maxSeconds'> & { readonly maxTime?: number; readonly yes?: boolean }

export function verifyCommand(shell: Shell): Command {
  const command = withMoves(withDatabases(new Command('verify')))
    .alias('db:verify')
    .description('compare source and target, every row and column, and name each difference')
    .option('--sample <share>', 'only a share of the rows, chosen by their keys: 0.05 or 5%', share)
    .option('--counts', 'only how many rows there are')
    .option('--max-time <time>', 'begin nothing more after 500ms, 30s, 10m or 2h', timeSpan)
  return withListing(command)
    .option('--repair', 'write rows that are missing or changed to the target, then verify again')
    .option('--delete-extra', 'with --repair: delete rows that only the target has')
    .option('--no-record', 'write nothing at all: what is compared is not remembered')
    .option('--yes', 'take every question as answered with yes')
    .addHelpText(
      'after',
      examples(
        'landfall verify --from sqlite:app.db --to postgres://user@host/db',
        'landfall verify --from postgres://user@old/db --to postgres://user@new/db',
        'landfall verify --tables users,orders --show-values',
        'landfall verify --sample 5% --max-time 10m --json > report.json',
        'landfall verify --repair --delete-extra --yes',
      ),
    )
    .action(async ({ maxTime, yes, ...flags }: VerifyFlags, self: Command) => {
      refuseSenseless(flags)
      const limit = maxTime === undefined ? {} : { maxSeconds: maxTime }
      const settings = await loadSettings({ ...flags, ...limit }, shell)
      knowEnds(shell, settings)
      shell.stopping = 'stopping'
      const progress = await showProgress(shell)
      const ask = yes === true ? async () => true : progress.paused(asker(shell))
      const tools = { progress: progress.listen, signal: shell.signal, ask }
      const report = await verify(settings, tools).finally(progress.close)
      shell.status = report.exitCode
      if (flags.json) shell.print(`${JSON.stringify(report, null, 2)}\n`)
      else shell.print(renderVerify(report, shell.outStyle, verifyOptionsLikewise(self)))
    })
}
