import { setTimeout as sleep } from 'node:timers/promises'
import type { SchemaSettings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import type { Lock } from '../journal/lock.ts'
import { type Blocker, blockersOf, named } from './postgres-blockers.ts'

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

export interface Waits {
  readonly attempts: number
  readonly longestWaitMs: number
}

/** While a statement is under way: tells who it waits for, and cancels it when all is to stop. */
export async function watched<T>(
  { observer, session, signal }: Working,
  every: number,
  seen: (blockers: readonly Blocker[]) => void,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const over = new AbortController()
  const cancel = (): void => {
    void observer.query('SELECT pg_catalog.pg_cancel_backend($1)', [session.backend]).catch(() => {})
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
export function isBusy(error: unknown): boolean {
  return error instanceof LandfallError && ['55P03', '40P01'].includes(String(error.details?.sqlstate))
}

/** Rows that are twice, refer to nothing, break a check, or are NULL. */
const BROKEN = new Set(['23505', '23503', '23514', '23502'])

export function understood(error: unknown, statement: SchemaStatement): unknown {
  if (!(error instanceof LandfallError) || !BROKEN.has(String(error.details?.sqlstate))) return error
  const detail = error.details?.detail
  return new LandfallError('LF313', `${statement.does}: rows that are there do not allow it`, {
    hint: [
      error.message,
      ...(typeof detail === 'string' ? [detail] : []),
      'Correct the rows and run the same command again: it goes on from here.',
    ].join('\n'),
    details: {
      ...error.details,
      statement: statement.sql,
      makes: statement.makes.map(({ kind }) => kind),
    },
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
      ...blockers
        .filter(({ pid }) => pid !== 0)
        .slice(0, 3)
        .map(({ pid }) => `SELECT pg_terminate_backend(${pid})   ends it`),
      `The same command goes on from here. ${option}   waits for longer`,
    ].join('\n'),
    details: { statement: sql, blockers },
  })
}
