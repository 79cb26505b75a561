import { closeSync, openSync } from 'node:fs'
import { libpqEnvironment, withoutSecretsOf } from '../connection/libpq-environment.ts'
import { openPostgres, type Session } from '../connection/postgres.ts'
import { type ProgramEnd, runProgram } from '../connection/postgres-program.ts'
import { findPostgresTools, type PostgresTools } from '../connection/postgres-tools.ts'
import type { PostgresSettings } from '../connection/settings.ts'
import type { BackupReport } from '../contract/report.ts'
import { LandfallError } from '../errors.ts'
import { diskFull, inFolder, keepFile } from './file.ts'
import type { BackupPlace } from './model.ts'
import { type ExpectedTable, expectedTables, missingFrom } from './postgres-list.ts'
import { RESTORE_NOTE, restoreCommand } from './postgres-restore.ts'

const NAME = 'landfall backup'
/** The fastest of zlib's levels: the migration waits for it, and a backup is twice as large at most. */
const COMPRESSION = '--compress=1'

/**
 * The whole database as pg_dump writes it in its custom format, of one moment, checked against the catalog
 * of that moment. `embedded`: it is Landfall's own server, which has to be started to restore.
 *
 * Errors: LF310 no fitting pg_dump; LF311; those of connecting; LF403 when `tools.signal` was aborted.
 */
export async function backUpPostgres(
  settings: PostgresSettings,
  place: BackupPlace,
  { embedded = false }: { embedded?: boolean } = {},
): Promise<BackupReport> {
  const began = performance.now()
  const session = await openPostgres(settings, {
    applicationName: NAME,
    label: place.label,
    role: place.end,
  })
  try {
    const tools = findPostgresTools(session.serverVersion)
    const kept = await keepFile(place, settings.database, '.dump', (file) =>
      dump(session, tools, settings, place, file),
    )
    return {
      of: place.end,
      database: place.label,
      path: kept.path,
      bytes: kept.bytes,
      tables: kept.made,
      seconds: (performance.now() - began) / 1000,
      restore: restoreCommand(tools, settings, embedded, kept.path),
      restoreNote: RESTORE_NOTE,
    }
  } finally {
    await session.close()
  }
}

/** Returns how many tables the dump holds. */
async function dump(
  session: Session,
  tools: PostgresTools,
  settings: PostgresSettings,
  place: BackupPlace,
  file: string,
): Promise<number> {
  const env = libpqEnvironment(settings, NAME)
  const { signal } = place.tools
  const run = (program: string, args: readonly string[], output?: number): Promise<ProgramEnd> =>
    runProgram({ program, args, env, signal, ...(output === undefined ? {} : { output }) })
  const expected = await session.transaction(async () => {
    await session.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const { rows } = await session.query<{ name: string }>('SELECT pg_catalog.pg_export_snapshot() AS name')
    const found = await expectedTables(session)
    const args = ['--format=custom', COMPRESSION, '--no-password', `--snapshot=${rows[0]!.name}`]
    // It writes to our file, not to one of its own making, so that nobody else may ever read it.
    const output = inFolder(place.folder, () => openSync(file, 'wx', 0o600))
    try {
      refuseFailure(await run(tools.dump, args, output), 'pg_dump', settings, place)
    } finally {
      closeSync(output)
    }
    return found
  })
  const listed = await run(tools.restore, ['--list', file])
  refuseFailure(listed, 'pg_restore --list', settings, place)
  refuseGaps(missingFrom(listed.stdout, expected), expected, place)
  return expected.length
}

function refuseFailure(
  end: ProgramEnd,
  program: string,
  settings: PostgresSettings,
  { label, folder }: BackupPlace,
): void {
  if (end.status === 0) return
  if (end.stderr.includes('No space left on device')) throw diskFull(folder)
  const said = withoutSecretsOf(settings, end.stderr).trim().split('\n')
  const first = said.find((line) => line.includes('error:')) ?? said[0] ?? ''
  const why = first.replace(/^\w+: (error: )?/, '')
  throw new LandfallError('LF311', `${label}: ${program} failed: ${why || `status ${end.status}`}`, {
    hint: said.length > 1 ? said.slice(0, 10).join('\n') : undefined,
    details: { status: end.status },
  })
}

function refuseGaps(
  missing: readonly string[],
  expected: readonly ExpectedTable[],
  { label }: BackupPlace,
): void {
  if (missing.length === 0) return
  throw new LandfallError(
    'LF311',
    `${label}: the backup lacks ${missing.length} of ${expected.length} tables, or their rows: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`,
    {
      hint: 'Make a backup in your own way, and migrate without --backup.',
      details: { missing: missing.slice(0, 100) },
    },
  )
}
