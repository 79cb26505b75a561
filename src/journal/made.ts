import type { Session } from '../connection/postgres.ts'
import { storable } from './statements.ts'

/** An object of the target that a run made. */
export interface MadeObject {
  /** Oids: of the catalog that it is in, and its own there. */
  readonly class: number
  readonly object: number
  readonly kind: string
  readonly name: string
}

/** Records what a run made; call it in the transaction that made it. */
export async function recordMade(session: Session, run: string, made: readonly MadeObject[]): Promise<void> {
  const rows = made.map((one) => ({ ...one, name: storable(one.name) }))
  await session.query(
    `INSERT INTO landfall.made (run, class, object, kind, name)
      SELECT $1, m.class, m.object, m.kind, m.name FROM json_to_recordset($2::json)
        AS m(class oid, object oid, kind text, name text)`,
    [run, JSON.stringify(rows)],
  )
}

/** What `--restart` takes back of a schema that was made as a whole. */
export async function readMade(session: Session, run: string): Promise<readonly MadeObject[]> {
  const { rows } = await session.query<MadeObject>(
    'SELECT class, object, kind, name FROM landfall.made WHERE run = $1 ORDER BY class, object',
    [run],
  )
  return rows
}
