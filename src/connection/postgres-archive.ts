import { isUtf8 } from 'node:buffer'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LandfallError } from '../errors.ts'
import { libpqEnvironment, withoutSecretsOf } from './libpq-environment.ts'
import { runProgram } from './postgres-program.ts'
import type { PostgresTools } from './postgres-tools.ts'
import { type PostgresSettings, settingsLabel } from './settings.ts'

export interface ArchiveOptions {
  readonly settings: PostgresSettings
  readonly tools: PostgresTools
  /** For `pg_dump`, besides format, file and encoding. Never with a secret in them. */
  readonly args: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** What `pg_dump` wrote, as long as it is there. */
export interface Archive {
  /** The lines of its table of contents, with `--section=…` of one section; comments are left out. */
  list(section: 'pre-data' | 'post-data'): Promise<string[]>
  /** The SQL of these lines, in this order, without what is said to psql and to the session. */
  sql(lines: readonly string[]): Promise<string>
}

/**
 * Dumps a database into a file that only we may read, and removes it when `work` is done.
 *
 * Errors: LF105 with the last of what the program said.
 */
export async function withArchive<T>(
  { settings, tools, args, signal }: ArchiveOptions,
  work: (archive: Archive) => Promise<T>,
): Promise<T> {
  // Made with mode 0700.
  const folder = await mkdtemp(join(tmpdir(), 'landfall-dump-'))
  const file = join(folder, 'archive')
  const run = async (program: string, given: readonly string[]): Promise<string> => {
    const env = libpqEnvironment(settings, 'landfall')
    const end = await runProgram({ program, args: given, env, signal })
    if (end.status !== 0) throw refused(settings, tools, end.stderr)
    if (isUtf8(end.stdout)) return end.stdout.toString('utf8')
    throw refused(settings, tools, 'A definition holds bytes that are no text (the encoding is SQL_ASCII).')
  }
  try {
    await run(tools.dump, [
      '--format=custom',
      '--encoding=UTF8',
      '--no-password',
      '--compress=0',
      `--file=${file}`,
      ...args,
    ])
    return await work({
      list: async (section) =>
        (await run(tools.restore, ['--list', `--section=${section}`, file]))
          .split(/\r?\n/)
          .filter((line) => /^\d+;/.test(line)),
      sql: async (lines) => {
        if (lines.length === 0) return ''
        const wanted = join(folder, 'wanted')
        await writeFile(wanted, `${lines.join('\n')}\n`, { mode: 0o600 })
        const given = ['--no-owner', '--no-privileges', '--no-tablespaces', '--no-security-labels']
        return statementsOf(await run(tools.restore, [...given, `--use-list=${wanted}`, '--file=-', file]))
      },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The last of the fixed settings with which every script begins, in all versions. */
const LAST_SETTING = /^SET row_security = \w+;\r?\n/m

/**
 * What stands before the first object sets up a session as it suits psql and this version of `pg_dump`;
 * ours is set up already, and an older server does not know all of it. The key of `\restrict` is new in
 * every script, so no function's text can hold the line with which it ends.
 */
function statementsOf(script: string): string {
  const start = LAST_SETTING.exec(script)
  if (start === null) throw new LandfallError('LF105', 'pg_restore wrote a script of an unknown form.')
  const key = /^\\restrict (\w+)\r?$/m.exec(script.slice(0, start.index))?.[1]
  const body = script.slice(start.index + start[0].length)
  if (key === undefined) return body
  return body.replace(new RegExp(`^\\\\unrestrict ${key}\\r?$`, 'm'), '')
}

function refused(settings: PostgresSettings, { version }: PostgresTools, stderr: string): LandfallError {
  const said = withoutSecretsOf(settings, stderr).trim().split(/\r?\n/).slice(-5)
  const label = settingsLabel(settings)
  return new LandfallError('LF105', `${label}: pg_dump ${version} could not read the schema.`, {
    hint: [
      ...said,
      'It needs a role that may read every table; name tables that are to be left out with --exclude.',
    ].join('\n'),
  })
}
