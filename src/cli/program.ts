import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { bootCommand } from './boot.ts'
import { docsCommand } from './docs.ts'
import { embeddedCommand } from './embedded.ts'
import { exportEnvCommand } from './export-env.ts'
import { initCommand } from './init.ts'
import { migrateCommand } from './migrate.ts'
import { examples } from './options.ts'
import { planCommand } from './plan.ts'
import { schemaCommand } from './schema.ts'
import type { Shell } from './shell.ts'
import { statusCommand } from './status.ts'
import { verifyCommand } from './verify.ts'

/** The whole command line. It throws commander's errors instead of ending the process. */
export function buildProgram(shell: Shell): Command {
  const program = new Command('landfall')
    .description("Moves an application's SQLite database into PostgreSQL: every row, type, key and index.")
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText(
      'after',
      examples(
        'landfall migrate --from sqlite:app.db',
        'landfall migrate --from sqlite:app.db --to postgres://user@host/db',
        'landfall verify --from sqlite:app.db --to postgres://user@host/db',
        'landfall docs LF204',
      ),
    )
  const commands = [
    migrateCommand,
    planCommand,
    verifyCommand,
    initCommand,
    statusCommand,
    schemaCommand,
    bootCommand,
    embeddedCommand,
    exportEnvCommand,
    docsCommand,
  ]
  for (const make of commands) program.addCommand(make(shell))
  throwErrors(program, shell)
  return program
}

/** Settings that added commands do not take over from their parent. */
function throwErrors(command: Command, shell: Shell): void {
  command
    .exitOverride()
    .configureHelp({ minWidthToWrap: 20 })
    .helpOption('-h, --help', 'print help')
    .configureOutput({
      writeOut: (text) => shell.print(text),
      writeErr: (text) => shell.say(text),
      outputError: () => {},
      // Help in a file or a pipe must not depend on the terminal that happens to be around.
      getOutHelpWidth: () => helpWidth(shell.outStyle.width),
      getErrHelpWidth: () => helpWidth(shell.errStyle.width),
    })
  for (const child of command.commands) throwErrors(child, shell)
}

function helpWidth(width: number): number {
  return Number.isFinite(width) ? width : 100
}

function version(): string {
  // Two folders up from src/cli and from dist/cli alike.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version: found }: { version: string } = JSON.parse(text)
  return found
}
