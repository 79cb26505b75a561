import type { MoveChoices } from '../config/model.ts'
import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'

/** For suggestions only: any type that the target knows may be named. */
const COMMON =
  'bigint boolean bytea char cidr citext date double_precision inet integer interval json jsonb macaddr money numeric real smallint text time timestamp timestamptz timetz uuid varchar xml'
    .split(' ')
    .map((name) => name.replace('_', ' '))

/** Words that CREATE TABLE takes for a type, and that name none. */
const SERIAL = /^\s*(small|big)?serial[248]?\s*$/i

/**
 * The target is asked for every type that the config names, before a row is read.
 * Errors: LF005 with the place in the config.
 */
export async function checkTypes(session: Session, moves: MoveChoices): Promise<void> {
  for (const table of moves.tables) {
    for (const { name, type } of table.columns) {
      if (type === null || SERIAL.test(type) || (await isType(session, type))) continue
      const path = printPath(['moves', table.name, 'columns', name, 'type'])
      const word = type.replace(/\(.*$/s, '').trim()
      const elsewhere = await qualifiedLike(session, word)
      const meant = elsewhere === null ? didYouMean(word, COMMON) : `; did you mean ${elsewhere}?`
      throw new LandfallError('LF005', `${path}: the target has no type ${type}${meant}`, {
        details: { path, type },
        hint: "A type of the target, e.g. 'numeric(12,2)'. One of an extension or of the application must be there, and is named with its schema.",
      })
    }
  }
}

/** A type of this very name in some schema: types that are not PostgreSQL's own are not found without theirs. */
async function qualifiedLike(session: Session, name: string): Promise<string | null> {
  const { rows } = await session.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE t.typname = $1 AND n.nspname !~ '^pg_' ORDER BY n.nspname = 'public' DESC, 1 LIMIT 1`,
    [name],
  )
  return rows[0] === undefined ? null : qualified(rows[0].schema, name)
}

async function isType(session: Session, type: string): Promise<boolean> {
  try {
    const { rows } = await session.query<{ known: boolean }>('SELECT to_regtype($1) IS NOT NULL AS known', [
      type,
    ])
    return rows[0]!.known
  } catch (error) {
    // Text that cannot be a type's name at all is an error of its own in some versions.
    if (error instanceof LandfallError && /^(42|22|0A|3F)/.test(String(error.details?.sqlstate))) return false
    throw error
  }
}
