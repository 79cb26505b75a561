import { literal } from '../connection/quote.ts'
import type { SchemaObject, SchemaStatement } from '../contract/schema.ts'
import { fenced } from '../journal/fence.ts'
import { relationOf } from './definition.ts'
import type { Blocker } from './postgres-blockers.ts'
import { searchPath } from './postgres-difference.ts'
import { relation } from './postgres-sql.ts'
import { isBusy, noLock, telling, understood, type Waits, type Working, watched } from './postgres-watch.ts'
import { enter, forget } from './record.ts'

/**
 * Builds or drops an index while the table is in use. What is begun is recorded before, and completed
 * afterwards: killed in between, the next run knows whose it is.
 */
export async function concurrently(working: Working, statement: SchemaStatement): Promise<Waits> {
  const { session, lock, settings } = working
  const { name } = settings.declaration
  const [sql] = statement.sql
  const begin = statement.makes.map((object) => enter(name, object, sql!, 'begun'))
  if (begin.length > 0) await fenced(session, lock, () => session.query(begin.join(';\n')))
  const tell = telling(working, statement)
  let blockers: readonly Blocker[] = []
  await session.query(
    `SET lock_timeout = ${settings.indexWaitMs}; SET search_path = ${searchPath(settings.declaration)}`,
  )
  try {
    await watched(
      working,
      500,
      (seen) => {
        blockers = seen
        if (seen.length > 0) tell(seen)
      },
      () => session.query(sql!),
    )
  } catch (error) {
    for (const object of statement.makes) await dropLeftover(working, object)
    if (isBusy(error)) throw noLock(statement, blockers, settings.indexWaitMs, '--index-wait 2h')
    throw understood(error, statement)
  } finally {
    await session.query('SET lock_timeout = 0; SET search_path = pg_catalog').catch(() => {})
  }
  const end = [...statement.drops.map(forget), ...statement.makes.map((object) => enter(name, object, sql!))]
  await fenced(session, lock, () => session.query(end.join(';\n')))
  return { attempts: 1, longestWaitMs: 0 }
}

/**
 * An index whose building failed stays, not valid, and costs every write; a unique one refuses rows. It is
 * dropped if that can be had at once; else the next run does so.
 */
async function dropLeftover({ session, lock }: Working, object: SchemaObject): Promise<void> {
  const { schema, table, name } = object
  try {
    const { rows } = await session.query(
      `SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = ${relationOf(schema, table)} AND x.relname = ${literal(name)} AND NOT i.indisvalid`,
    )
    if (rows.length === 0) return
    await session.query('SET lock_timeout = 1000')
    await session.query(`DROP INDEX CONCURRENTLY ${relation({ schema, table: name })}`)
    await fenced(session, lock, () => session.query(forget(object)))
  } catch {
    // The failure of the building is the one that counts.
  }
}
