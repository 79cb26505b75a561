import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import type { AppliedStatement, SchemaStatement } from '../contract/schema.ts'
import { fenced } from '../journal/fence.ts'
import { holdersOf } from './postgres-blockers.ts'
import { concurrently } from './postgres-concurrently.ts'
import { searchPath } from './postgres-difference.ts'
import { relation } from './postgres-sql.ts'
import { isBusy, noLock, telling, understood, type Waits, type Working, watched } from './postgres-watch.ts'
import { enter, forget } from './record.ts'

/**
 * Looks, when a statement's locks are held and before it is carried out, whether it still is what it was
 * planned to be, and throws if not.
 */
export type Guard = (session: Session, statement: SchemaStatement) => Promise<void>

/** A transaction that is older most likely does not end in a moment; nobody is made to queue behind it. */
export const LONG_MS = 5_000
/** But for one turn of so many: where transactions of some seconds overlap, one that is old ends soonest. */
export const ANYWAY = 4

/** Between the work and its COMMIT there is a message on its way, and nothing else. */
const IDLE_MS = 5_000

/**
 * Carries out a statement and records it. Its locks are asked for shortly, and again after a pause; while a
 * long transaction holds the table, they are not even asked for.
 *
 * Errors: LF312 no lock was to be had in time, or an index had to wait for too long; LF313 rows break what
 * is declared; LF403; LF402; LF304 whatever else the server refuses.
 */
export async function carryOut(
  working: Working,
  statement: SchemaStatement,
  guard: Guard = async () => {},
): Promise<AppliedStatement> {
  const started = performance.now()
  const done = statement.transaction
    ? await withRetries(working, statement, guard)
    : await concurrently(working, statement, () => guard(working.session, statement))
  return { ...statement, ...done, seconds: (performance.now() - started) / 1000 }
}

async function withRetries(working: Working, statement: SchemaStatement, guard: Guard): Promise<Waits> {
  const { settings, observer, session, signal } = working
  const until = performance.now() + settings.retryForMs
  const tell = telling(working, statement)
  const lockable = await lockableOf(session, statement)
  let attempts = 0
  let longestWaitMs = 0
  for (let turn = 0; ; turn++) {
    signal.throwIfAborted()
    let blockers = await holdersOf(observer, session.backend, statement.locks, LONG_MS)
    if (blockers.length === 0 || turn % ANYWAY === ANYWAY - 1) {
      attempts++
      const limit = Math.min(settings.lockTimeoutMs, 50 * 2 ** turn)
      const asked = performance.now()
      try {
        const waited = await watched(
          working,
          25,
          (seen) => {
            blockers = seen
          },
          () => attempt(working, statement, turned(lockable, turn), limit, guard),
        )
        return { attempts, longestWaitMs: Math.max(longestWaitMs, waited) }
      } catch (error) {
        if (!isBusy(error)) throw understood(error, statement)
        longestWaitMs = Math.max(longestWaitMs, Math.round(performance.now() - asked))
      }
    }
    tell(blockers)
    if (performance.now() > until) throw noLock(statement, blockers, settings.retryForMs, '--retry-for 1h')
    const pause = Math.min(2_000, 100 * 2 ** turn) * (0.5 + Math.random())
    await sleep(pause, undefined, { signal }).catch(() => {})
  }
}

/**
 * One attempt, in one transaction. Its locks come first: the first one is waited for, and when it is there
 * the others are had at once or not at all, so that none is held while another is waited for. Gives back how
 * long they took, in milliseconds.
 */
async function attempt(
  { session, lock, settings }: Working,
  statement: SchemaStatement,
  lockable: readonly string[],
  limit: number,
  guard: Guard,
): Promise<number> {
  const { declaration } = settings
  const sql = statement.sql.join(';\n')
  return await fenced(session, lock, async () => {
    await session.query(
      [
        `SET LOCAL lock_timeout = ${limit}`,
        // A client that is cut off must not keep the locks until the network tells.
        `SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}`,
        `SELECT pg_catalog.set_config('landfall.asked', pg_catalog.clock_timestamp()::text, true)`,
        // Its partitions are locked with it, each of which could be waited for.
        ...lockable.slice(0, 1).map((one) => `LOCK TABLE ONLY ${one}`),
        ...lockable.map((one) => `LOCK TABLE ${one} NOWAIT`),
        `SELECT pg_catalog.set_config('landfall.had', pg_catalog.clock_timestamp()::text, true)`,
      ].join(';\n'),
    )
    await guard(session, statement)
    const { rows } = await session.query<{ waited: number }>(
      [
        `SET LOCAL search_path = ${searchPath(declaration)}`,
        ...statement.sql,
        'SET LOCAL search_path = pg_catalog',
        ...statement.drops.map(forget),
        ...statement.makes.map((object) => enter(declaration.name, object, sql)),
        `SELECT 1000 * extract(epoch FROM pg_catalog.current_setting('landfall.had')::timestamptz
          - pg_catalog.current_setting('landfall.asked')::timestamptz)::double precision AS waited`,
      ].join(';\n'),
    )
    return Math.round(rows[0]!.waited)
  })
}

/** Locks that this role may ask for by themselves; of a table that others own that can be too much to ask. */
async function lockableOf(session: Session, { locks }: SchemaStatement): Promise<readonly string[]> {
  const wanted = locks.filter(({ mode }) => mode !== 'ROW SHARE')
  const may: string[] = []
  for (const { schema, table, mode } of wanted) {
    const name = relation({ schema, table })
    const right = mode === 'ROW EXCLUSIVE' ? 'INSERT, UPDATE, DELETE' : 'UPDATE, DELETE, TRUNCATE'
    const { rows } = await session.query<{ may: boolean }>(
      `SELECT pg_catalog.has_table_privilege(${literal(name)}, ${literal(right)}) AS may`,
    )
    if (rows[0]!.may) may.push(`${name} IN ${mode} MODE`)
  }
  // Its own lock would be held while the other one is waited for.
  return may.length < wanted.length ? [] : may
}

/** Another one comes first each time, so that the one that is hard to get is waited for. */
function turned<T>(all: readonly T[], turn: number): readonly T[] {
  const by = all.length === 0 ? 0 : turn % all.length
  return [...all.slice(by), ...all.slice(0, by)]
}
