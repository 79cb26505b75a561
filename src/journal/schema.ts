import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { JOURNAL_VERSION, TABLES } from './tables.ts'

/** What the catalog says of the journal, without touching it. */
export type JournalState = 'absent' | 'unreadable' | 'present'

/**
 * Makes the journal when it is missing. Safe from several sessions at once: the first makes it, the
 * others wait for that short transaction and find it there. LF404 when the journal is of another version
 * or the schema `landfall` is somebody else's.
 */
export async function ensureJournal(session: Session): Promise<void> {
  const state = await journalState(session)
  if (state === 'present') return
  if (state === 'unreadable')
    throw new LandfallError('LF304', 'the journal in the target belongs to another role', {
      hint: 'Run as the role that owns the schema "landfall", or let it grant you its rights.',
    })
  await session.transaction(async () => {
    // CREATE … IF NOT EXISTS of two sessions collides in the catalog's unique indexes, hence the lock.
    await session.query("SELECT pg_advisory_xact_lock(hashtextextended('landfall: create the journal', 0))")
    if ((await journalState(session)) === 'present') return
    const {
      rows: [schema],
    } = await session.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'landfall'")
    // Not IF NOT EXISTS: that asks for the right to create even where an administrator made the schema.
    if (schema === undefined) await session.query('CREATE SCHEMA landfall').catch(withWayOut)
    await session.query(creation())
  })
}

function withWayOut(error: unknown): never {
  if (!(error instanceof LandfallError) || error.details?.sqlstate !== '42501') throw error
  throw new LandfallError(error.code, error.message, {
    hint: 'The role may make no schemas. Somebody who may: CREATE SCHEMA landfall AUTHORIZATION the role; the journal is kept there.',
    details: error.details,
    cause: error,
  })
}

/**
 * Whether the journal is there and this role may read it. Looks only at the catalog, so that it does
 * not fail for a role without rights. LF404 as in `ensureJournal`.
 */
export async function journalState(session: Session): Promise<JournalState> {
  const { rows: found } = await session.query<{ name: string; readable: boolean }>(
    `SELECT c.relname AS name, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        AS readable
      FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
      WHERE n.nspname = 'landfall' AND c.relkind IN ('r', 'p', 'v', 'f') AND c.relname = ANY ($1::text[])`,
    [Object.keys(TABLES)],
  )
  if (found.length === 0) return 'absent'
  const version = found.find((table) => table.name === 'version')
  if (version === undefined)
    throw new LandfallError('LF404', 'the schema "landfall" in the target holds tables of something else', {
      hint: `It has: ${found.map((table) => table.name).join(', ')}. Rename that schema; Landfall needs the name.`,
    })
  if (!version.readable) return 'unreadable'
  const {
    rows: [row],
  } = await session.query<{ version: number }>('SELECT version FROM landfall.version')
  if (row?.version !== JOURNAL_VERSION)
    throw new LandfallError(
      'LF404',
      `the journal in the target has version ${row?.version ?? 'none'}, this Landfall writes version ${JOURNAL_VERSION}`,
      {
        hint: 'Go on with the version of Landfall that began, or drop the schema "landfall" to forget its runs.',
      },
    )
  return found.every((table) => table.readable) ? 'present' : 'unreadable'
}

function creation(): string {
  const statements: string[] = []
  for (const [name, table] of Object.entries(TABLES)) {
    const target = qualified('landfall', name)
    const body = [...table.columns.map(([definition]) => definition), ...(table.rules ?? [])]
    statements.push(`CREATE TABLE ${target} (${body.join(', ')})`)
    statements.push(`COMMENT ON TABLE ${target} IS ${literal(table.about)}`)
    for (const [definition, comment] of table.columns) {
      const column = definition.slice(0, definition.indexOf(' ')).replaceAll('"', '')
      statements.push(`COMMENT ON COLUMN ${target}.${ident(column)} IS ${literal(comment)}`)
    }
  }
  statements.push(`INSERT INTO landfall.version (version) VALUES (${JOURNAL_VERSION})`)
  return statements.join(';\n')
}
