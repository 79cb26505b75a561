import { literal } from '../connection/quote.ts'
import type { SchemaObject, SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import { relationOf } from './definition.ts'
import { type Blocker, holdersOf } from './postgres-blockers.ts'
import { searchPath } from './postgres-difference.ts'
import { relation } from './postgres-sql.ts'
import { isBusy, noLock, telling, understood, type Waits, type Working, watched } from './postgres-watch.ts'
import { enter, forget } from './record.ts'

/**
 * Builds or drops an index while the table is in use. What is begun is recorded before, and completed
 * afterwards: killed in between, the next run knows whose it is.
 */
export async function concurrently(
  working: Working,
  statement: SchemaStatement,
  guard: () => Promise<void>,
): Promise<Waits> {
  const { session, lock, settings } = working
  const [sql] = statement.sql
  await guard()
  const tell = telling(working, statement)
  const started = performance.now()
  for (let attempts = 1; ; attempts++) {
    for (const object of statement.makes) await beginBuilding(working, object, sql!)
    let blockers: readonly Blocker[] = []
    const left = Math.max(1, Math.round(settings.indexWaitMs - (performance.now() - started)))
    // Of a small machine, workers beside this backend would leave no processor to those who write.
    await session.query(
      `SET lock_timeout = ${left}; SET max_parallel_maintenance_workers = 0; SET search_path = ${searchPath(settings.declaration)}`,
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
      for (const object of statement.makes) await dropLeftover(working, statement, object, error)
      const waited = performance.now() - started
      // Two who build on one table wait for each other, and one of them has to begin anew.
      if (isDeadlock(error) && waited < settings.indexWaitMs) continue
      if (isBusy(error)) throw noLock(statement, blockers, waited, '--index-wait 2h')
      throw understood(error, statement)
    } finally {
      await session.query('SET lock_timeout = 0; SET search_path = pg_catalog').catch(() => {})
    }
    await fenced(session, lock, () => session.query(ended(working, statement).join(';\n')))
    return { attempts, longestWaitMs: 0 }
  }
}

const isDeadlock = (error: unknown): boolean =>
  error instanceof LandfallError && error.details?.sqlstate === '40P01'

function ended({ settings }: Working, { sql, drops, makes }: SchemaStatement): string[] {
  const { name } = settings.declaration
  return [...drops.map(forget), ...makes.map((object) => enter(name, object, sql[0]!))]
}

/**
 * Records that an index is begun, which says that none of its name was there: one that is found afterwards
 * was made since.
 *
 * Errors: LF304 with SQLSTATE 42P07 when something of the name is there.
 */
async function beginBuilding({ session, lock, settings }: Working, object: SchemaObject, sql: string) {
  await fenced(session, lock, async () => {
    const { rows } = await session.query(
      `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ${literal(object.schema)} AND c.relname = ${literal(object.name)}`,
    )
    if (rows.length > 0)
      throw new LandfallError('LF304', `somebody has made ${object.name} meanwhile`, {
        details: { sqlstate: THERE_ALREADY },
      })
    await session.query(enter(settings.declaration.name, object, sql, 'begun'))
  })
}

/** `duplicate_table`, which is also that of an index. */
const THERE_ALREADY = '42P07'

/**
 * An index whose building failed stays, not valid, and costs every write; a unique one refuses rows. It is
 * dropped if that can be had at once; else the next run does so. The record keeps no index that is not there,
 * nor one that somebody else has made.
 */
async function dropLeftover(
  { session, observer, lock }: Working,
  { locks }: SchemaStatement,
  object: SchemaObject,
  failure: unknown,
): Promise<void> {
  const { schema, table, name } = object
  try {
    if (failure instanceof LandfallError && failure.details?.sqlstate === THERE_ALREADY) {
      await fenced(session, lock, () => session.query(forget(object)))
      return
    }
    const { rows } = await session.query<{ valid: boolean }>(
      `SELECT i.indisvalid AS valid FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = ${relationOf(schema, table)} AND x.relname = ${literal(name)}`,
    )
    // A valid one was not left by a building that failed.
    if (rows[0]?.valid !== false) {
      await fenced(session, lock, () => session.query(forget(object)))
      return
    }
    // Somebody may be building it at this moment, while ours had not come to its turn.
    if ((await holdersOf(observer, session.backend, locks, 0)).length > 0) return
    await session.query('SET lock_timeout = 1000')
    await session.query(`DROP INDEX CONCURRENTLY ${relation({ schema, table: name })}`)
    await fenced(session, lock, () => session.query(forget(object)))
  } catch {
    // The failure of the building is the one that counts.
  }
}
