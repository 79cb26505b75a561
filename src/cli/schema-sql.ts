import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { loadSchemaSqlSettings, type SchemaSqlOptions } from '../config/sqlite-or-postgres-schema.ts'
import { LandfallError } from '../errors.ts'
import { schemaSql } from '../index.ts'
import { examples, nameOption } from './options.ts'
import type { Shell } from './shell.ts'

interface Flags extends SchemaSqlOptions {
  readonly out?: string
  readonly json?: boolean
}

/** `landfall schema sql`: the declaration as a file for those who may only run SQL. */
export function schemaSqlCommand(shell: Shell): Command {
  return new Command('sql')
    .description('write it as one file of SQL, which can be run again and checks itself')
    .option('--config <file>', 'the config; default: landfall.config.ts (.js, .mjs, .json) in this folder')
    .option('--out <file>', 'where to write it; default: standard output')
    .addOption(
      new Option('--dialect <dialect>', 'whose SQL it is (default: postgres)').choices([
        'postgres',
        'sqlite',
      ]),
    )
    .option(
      '--from <file>',
      'with --dialect sqlite: the database whose missing parts are written, sqlite:app.db',
    )
    .addOption(nameOption('the name under which the target keeps what was made (default: schema)'))
    .option('--target-schema <name>', 'the schema of the tables (default: public)')
    .option('--json', 'one report object on standard output, all else on standard error')
    .addHelpText(
      'after',
      examples(
        'landfall schema sql --out schema.sql',
        'landfall schema sql --dialect sqlite --from sqlite:app.db --out schema.sql',
      ),
    )
    .action(async (flags: Flags) => {
      const report = await schemaSql(await loadSchemaSqlSettings(flags, shell))
      if (flags.out !== undefined) await write(resolve(shell.cwd, flags.out), report.sql)
      if (flags.json) shell.print(`${JSON.stringify(report, null, 2)}\n`)
      else if (flags.out === undefined) shell.print(report.sql)
      else shell.say(`${flags.out} is written.\n`)
    })
}

async function write(file: string, sql: string): Promise<void> {
  try {
    await writeFile(file, sql)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new LandfallError('LF001', `--out: the file cannot be written (${reason})`, {
      hint: 'Its folder must be there, and you must be allowed to write in it.',
    })
  }
}
