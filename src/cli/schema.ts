import { Command } from 'commander'
import { loadSchemaSettings, type SchemaOptions } from '../config/schema-settings.ts'
import { schemaApply, schemaPlan, schemaUndo, schemaVerify } from '../index.ts'
import { renderSchema, type SchemaReport } from '../report/schema.ts'
import { asker } from './ask.ts'
import { examples, nameOption } from './options.ts'
import { type ProgressView, showProgress } from './progress.ts'
import { schemaSqlCommand } from './schema-sql.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'
import { timeSpan } from './verification.ts'

interface Flags extends SchemaOptions {
  readonly json?: boolean
  readonly yes?: boolean
}

/** What one of the verbs is told: its settings, and how it shows itself. */
type Run = (settings: Awaited<ReturnType<typeof loadSchemaSettings>>, with_: Shown) => Promise<SchemaReport>
interface Shown {
  readonly shell: Shell
  readonly progress: ProgressView
  readonly yes: boolean
}

export function schemaCommand(shell: Shell): Command {
  const group = new Command('schema')
    .description("make what the config declares true of the target's schema, check it, undo it")
    .helpCommand(false)
    .addHelpText(
      'after',
      examples(
        'landfall schema plan',
        'landfall schema apply',
        'landfall schema verify',
        'landfall schema undo',
        'landfall schema sql --out schema.sql',
      ),
    )
  const verb = (command: Command, run: Run): void => {
    group.addCommand(
      command.action(async (flags: Flags) => {
        const settings = await loadSchemaSettings(flags, shell)
        knowEnds(shell, settings)
        const progress = await showProgress(shell)
        const report = await run(settings, { shell, progress, yes: flags.yes === true }).finally(
          progress.close,
        )
        shell.status = report.exitCode
        shell.print(
          flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderSchema(report, shell.outStyle),
        )
      }),
    )
  }
  verb(
    withTarget(new Command('plan')).description('show each statement with its locks; writes nothing'),
    (settings) => schemaPlan(settings),
  )
  verb(
    withLocks(withTarget(new Command('apply')))
      .description('make it true, on a database that is in use; any number of times')
      .option('--dry-run', 'everything up to the first write')
      .option('--invariant-time <time>', 'how long an invariant may take (default: 5m)', milliseconds),
    (settings, { progress }) => {
      shell.stopping = 'stopping'
      return schemaApply(settings, { progress: progress.listen, signal: shell.signal })
    },
  )
  verb(
    withTarget(new Command('verify'))
      .description('check that it is true, and the invariants; writes nothing')
      .option('--invariant-time <time>', 'how long an invariant may take (default: 5m)', milliseconds),
    (settings) => schemaVerify(settings),
  )
  verb(
    withLocks(withTarget(new Command('undo')))
      .description('drop what apply has made, and nothing else, after showing the data that goes')
      .option('--dry-run', 'show it, and drop nothing')
      .option('--yes', 'take every question as answered with yes'),
    (settings, { progress, yes }) => {
      shell.stopping = 'stopping'
      const ask = yes ? async () => true : progress.paused(asker(shell))
      return schemaUndo(settings, { progress: progress.listen, signal: shell.signal, ask })
    },
  )
  group.addCommand(schemaSqlCommand(shell))
  return group
}

function withTarget(command: Command): Command {
  return command
    .option('--config <file>', 'the config; default: landfall.config.ts (.js, .mjs, .json) in this folder')
    .option('--to <target>', 'the database, e.g. postgres://user@host/db; default: embedded')
    .addOption(nameOption('the name under which the target keeps what was made (default: schema)'))
    .option('--target-schema <name>', 'the schema of the tables (default: public)')
    .option('--json', 'one report object on standard output, all else on standard error')
}

function withLocks(command: Command): Command {
  return command
    .option(
      '--lock-timeout <time>',
      'no attempt waits longer for a lock; at most 250ms (default: 200ms)',
      milliseconds,
    )
    .option('--retry-for <time>', 'how long a statement is tried again (default: 5m)', milliseconds)
    .option(
      '--index-wait <time>',
      "how long an index waits for others' transactions (default: 30m)",
      milliseconds,
    )
    .option('--keep-running', 'leave the embedded PostgreSQL running')
}

/** `500ms`, `30s`, `10m`, `2h`, in milliseconds. */
function milliseconds(text: string): number {
  return Math.max(1, Math.round(timeSpan(text) * 1000))
}
