import { setTimeout as sleep } from 'node:timers/promises'
import type { SchemaSettings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import type { AppliedStatement, SchemaStatement } from '../contract/schema.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import type { Lock } from '../journal/lock.ts'
import { type Blocker, blockersOf, holdersOf, named } from './postgres-blockers.ts'
import { searchPath } from './postgres-difference.ts'
import { relation } from './postgres-sql.ts'
import { enter, forget } from './record.ts'

/** What statements are carried out with. */
export interface Working {
  readonly settings: SchemaSettings
  readonly tools: Tools
  readonly lock: Lock
  /** Carries out the statements. */
  readonly session: Session
  /** Looks at the other one while that waits. */
  readonly observer: Session
  /** Aborts on Ctrl-C, and when the lock is lost. */
  readonly signal: AbortSignal
}

/** A transaction that is older does not end in a moment; nobody is made to queue behind it. */
const LONG_MS = 1_000

/**
 * Carries out a statement and records it. Its locks are asked for shortly, and again after a pause; while a
 * long transaction holds the table, they are not even asked for.
 *
 * Errors: LF312 no lock was to be had in time, or an index had to wait for too long; LF313 rows break what
 * is declared; LF403; LF402; LF304 whatever else the server refuses.
 */
export async function carryOut(working: Working, statement: SchemaStatement): Promise<AppliedStatement> {
  const started = performance.now()
  const done = statement.transaction
    ? await withRetries(working, statement)
    : await concurrently(working, statement)
  return { ...statement, ...done, seconds: (performance.now() - started) / 1000 }
}

interface Waits {
  readonly attempts: number
  readonly longestWaitMs: number
}

async function withRetries(working: Working, statement: SchemaStatement): Promise<Waits> {
  const { settings, observer, session, signal } = working
  const until = performance.now() + settings.retryForMs
  const tell = telling(working, statement)
  const lockable = await lockableOf(session, statement)
  let attempts = 0
  let longestWaitMs = 0
  for (let turn = 0; ; turn++) {
    signal.throwIfAborted()
    let blockers = await holdersOf(observer, session.backend, statement.locks, LONG_MS)
    if (blockers.length === 0) {
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
          () => attempt(working, statement, turned(lockable, turn), limit),
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
): Promise<number> {
  const { declaration } = settings
  const sql = statement.sql.join(';\n')
  return await fenced(session, lock, async () => {
    const { rows } = await session.query<{ waited: number }>(
      [
        `SET LOCAL lock_timeout = ${limit}`,
        `SELECT set_config('landfall.asked', clock_timestamp()::text, true)`,
        ...lockable.map((one, n) => `LOCK TABLE ${one}${n === 0 ? '' : ' NOWAIT'}`),
        `SELECT set_config('landfall.had', clock_timestamp()::text, true)`,
        `SET LOCAL search_path = ${searchPath(declaration)}`,
        ...statement.sql,
        'SET LOCAL search_path = pg_catalog',
        ...statement.drops.map(forget),
        ...statement.makes.map((object) => enter(declaration.name, object, sql)),
        `SELECT 1000 * extract(epoch FROM current_setting('landfall.had')::timestamptz
          - current_setting('landfall.asked')::timestamptz)::double precision AS waited`,
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
      `SELECT has_table_privilege(${literal(name)}, ${literal(right)}) AS may`,
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

/**
 * Builds or drops an index while the table is in use. What is begun is recorded before, and completed
 * afterwards: killed in between, the next run knows whose it is.
 */
async function concurrently(working: Working, statement: SchemaStatement): Promise<Waits> {
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
    if (isBusy(error)) throw noLock(statement, blockers, settings.indexWaitMs, '--index-wait 2h')
    throw understood(error, statement)
  } finally {
    await session.query('SET lock_timeout = 0; SET search_path = pg_catalog').catch(() => {})
  }
  const end = [...statement.drops.map(forget), ...statement.makes.map((object) => enter(name, object, sql!))]
  await fenced(session, lock, () => session.query(end.join(';\n')))
  return { attempts: 1, longestWaitMs: 0 }
}

/** While a statement is under way: tells who it waits for, and cancels it when all is to stop. */
async function watched<T>(
  { observer, session, signal }: Working,
  every: number,
  seen: (blockers: readonly Blocker[]) => void,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const over = new AbortController()
  const cancel = (): void => {
    void observer.query('SELECT pg_cancel_backend($1)', [session.backend]).catch(() => {})
  }
  signal.addEventListener('abort', cancel)
  const look = async (): Promise<void> => {
    for (;;) {
      await sleep(every, undefined, over)
      const blockers = await blockersOf(observer, session.backend)
      if (!over.signal.aborted && blockers.length > 0) seen(blockers)
    }
  }
  const looking = look().catch(() => {})
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    over.abort()
    signal.removeEventListener('abort', cancel)
    await looking
  }
}

/** A line when somebody else is in the way, and now and then. */
export function telling({ tools }: Pick<Working, 'tools'>, { does }: Pick<SchemaStatement, 'does'>) {
  let last = ''
  let at = 0
  return (blockers: readonly Blocker[]): void => {
    const who = blockers.map(({ pid }) => pid).join()
    if (who === last && performance.now() - at < 10_000) return
    last = who
    at = performance.now()
    tools.progress?.({ kind: 'note', text: `${does}: waits for ${named(blockers)}` })
  }
}

/** A lock that was not to be had, or two who waited for each other. */
function isBusy(error: unknown): boolean {
  return error instanceof LandfallError && ['55P03', '40P01'].includes(String(error.details?.sqlstate))
}

/** Rows that are twice, refer to nothing, break a check, or are NULL. */
const BROKEN = new Set(['23505', '23503', '23514', '23502'])

function understood(error: unknown, statement: SchemaStatement): unknown {
  if (!(error instanceof LandfallError) || !BROKEN.has(String(error.details?.sqlstate))) return error
  const detail = error.details?.detail
  return new LandfallError('LF313', `${statement.does}: rows that are there do not allow it`, {
    hint: [
      error.message,
      ...(typeof detail === 'string' ? [detail] : []),
      'Correct the rows and run the same command again: it goes on from here.',
    ].join('\n'),
    details: { ...error.details, statement: statement.sql },
    cause: error,
  })
}

export function noLock(
  { does, sql }: Pick<SchemaStatement, 'does' | 'sql'>,
  blockers: readonly Blocker[],
  ms: number,
  option: string,
): LandfallError {
  return new LandfallError('LF312', `${does}: the table was in use for ${Math.round(ms / 1000)} s`, {
    hint: [
      `In the way: ${named(blockers)}`,
      ...blockers.slice(0, 3).map(({ pid }) => `SELECT pg_terminate_backend(${pid})   ends it`),
      `The same command goes on from here. ${option}   waits for longer`,
    ].join('\n'),
    details: { statement: sql, blockers },
  })
}
