import { Command, InvalidArgumentError, Option } from 'commander'
import type { Options } from '../config/settings.ts'
import { withoutSecrets } from '../report/text.ts'

/** What every command that works on databases takes. */
export interface DatabaseFlags {
  readonly config?: string
  readonly from?: string
  readonly to?: string
  readonly json?: boolean
}

export type PlanFlags = DatabaseFlags & Omit<Options, keyof DatabaseFlags>

export function withDatabases(command: Command): Command {
  return command
    .option('--config <file>', 'the config; default: landfall.config.ts (.js, .mjs, .json) in this folder')
    .option('--from <source>', 'the database to read, e.g. sqlite:app.db')
    .option('--to <target>', 'the database to fill, e.g. postgres://user@host/db; default: embedded')
    .option('--json', 'one report object on standard output, all else on standard error')
}

/** What says which rows go where; a verification takes it as the migration did. */
export function withMoves(command: Command): Command {
  return command
    .addOption(nameOption())
    .option('--tables <names>', 'only these source tables: a,b,"with , comma"', names)
    .option('--exclude <names>', 'not these source tables', names)
    .option('--target-schema <name>', 'the schema in the target (default: public)')
    .option('--jobs <n>', 'tables and chunks in work at once (default: the number of processors)', whole)
    .addOption(
      new Option(
        '--names <choice>',
        'names as the source spells them, or in snake_case (default: keep)',
      ).choices(['keep', 'snake']),
    )
    .option('--batch-size <rows>', 'rows of a chunk, the unit of work and of resuming', whole)
    .addOption(
      new Option(
        '--snapshot <how>',
        'one view of the source: a long read, or a backup copy (default: auto)',
      ).choices(['auto', 'hold', 'backup']),
    )
}

/** Everything that can change a plan. */
export function withPlanning(command: Command): Command {
  return withMoves(command)
    .addOption(
      new Option(
        '--bad-rows <choice>',
        'rows that do not fit: refuse all, or keep them in landfall.rejects (default: stop)',
      ).choices(['stop', 'set-aside']),
    )
    .option('--profile-rows <rows>', 'look at only so many rows of each table before planning', whole)
}

/** Two databases whose files have the same name, moved into one target, need a name each. */
export function nameOption(
  about = "the migration's name in the target's journal (default: the source file's name)",
): Option {
  return new Option('--name <name>', about).argParser((text) => {
    if (text !== '') return text
    throw new InvalidArgumentError('It must not be empty.')
  })
}

export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}

/** `landfall migrate` with the options that another command was given; with none that could be a secret. */
export function migrateLikewise(command: Command): string {
  return `landfall migrate${optionsLikewise(command, withPlanning(withDatabases(new Command())))}`
}

/** The options for a `landfall verify` of what the command was about, with a space before them. */
export function verifyOptionsLikewise(command: Command): string {
  return optionsLikewise(command, withMoves(withDatabases(new Command())))
}

/** What the command was given and the other one takes too, as typed. */
function optionsLikewise(command: Command, other: Command): string {
  const taken = new Set(other.options.map((option) => option.attributeName()))
  let words = ''
  for (const option of command.options) {
    const name = option.attributeName()
    if (name === 'json' || !taken.has(name) || command.getOptionValueSource(name) !== 'cli') continue
    const value: unknown = command.getOptionValue(name)
    const text = Array.isArray(value) ? value.map((one) => listed(String(one))).join(',') : String(value)
    if (mayHoldSecret(text)) return ' with the same options'
    words += ` ${option.long} ${shellWord(text)}`
  }
  return words
}

function mayHoldSecret(text: string): boolean {
  // A name of a parameter may be percent-encoded like any other part of a URL.
  const plain = text.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  // In a value that stands for itself a password may hold what ends one in a text of others.
  const hasPassword = /:\/\/[^/]*:.*@/s.test(text)
  return hasPassword || withoutSecrets(text) !== text || withoutSecrets(plain) !== plain
}

function listed(name: string): string {
  return /[",]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** A whole number from 1 on. */
export function whole(text: string): number {
  const n = Number(text.replaceAll('_', ''))
  if (/^[\d_]+$/.test(text) && Number.isSafeInteger(n) && n >= 1) return n
  throw new InvalidArgumentError('It must be a whole number from 1 on.')
}

/** `a,b` and, for a name with a comma or quotes, `"a, b","say ""x"""`; given twice, the lists are joined. */
export function names(text: string, before: readonly string[] = []): string[] {
  const found: string[] = []
  const part = /\s*(?:"((?:[^"]|"")*)"|([^",]+))\s*(,|$)/y
  let ended = false
  while (!ended) {
    const match = part.exec(text)
    if (match === null)
      throw new InvalidArgumentError('It must be names with commas between: a,b,"with , comma".')
    found.push(match[1]?.replaceAll('""', '"') ?? match[2]!.trim())
    ended = match[3] === ''
  }
  return [...before, ...found]
}
