import type { SchemaSettings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { Tools } from '../contract/tools.ts'
import { fenced } from '../journal/fence.ts'
import { acquireLock } from '../journal/lock.ts'
import { holder } from '../migrate/holder.ts'
import { onlyReading } from './postgres-difference.ts'
import type { Working } from './postgres-watch.ts'
import { CREATE_RECORD, hasRecord } from './record.ts'

/**
 * Works as the only one on a declaration, with its three sessions: one holds the lock and does nothing else,
 * one carries out statements, one looks at it and reads.
 *
 * Errors: LF401 another process is at work; LF309; LF308.
 */
export async function working<T>(
  target: Target,
  settings: SchemaSettings,
  tools: Tools,
  work: (working: Working) => Promise<T>,
): Promise<T> {
  const open: Session[] = []
  const session = async (purpose: string): Promise<Session> => {
    const one = await target.open(purpose)
    open.push(one)
    return one
  }
  try {
    const lock = await acquireLock(
      await session('schema lock'),
      `schema:${settings.declaration.name}`,
      holder(),
      {
        another: () => target.open('probe'),
      },
    )
    try {
      const worker = await session('schema')
      const observer = await session('schema observer')
      await onlyReading(observer, settings.declaration)
      if (!(await hasRecord(worker)))
        await fenced(worker, lock, () => worker.query(CREATE_RECORD.join(';\n')))
      const signal = AbortSignal.any([lock.lost, ...(tools.signal === undefined ? [] : [tools.signal])])
      return await work({ settings, tools, lock, session: worker, observer, signal })
    } finally {
      await lock.release()
    }
  } finally {
    for (const one of open.reverse()) await one.close()
  }
}
