import { fenced } from '../journal/fence.ts'
import { doneReport } from './done-report.ts'
import { createTables, finishTables } from './finish.ts'
import { takeBack } from './restart.ts'
import { type Attempt, enterPhase, type Finish, LOADED, type Work } from './run.ts'
import { type Begun, begin } from './sqlite-begin.ts'
import { checkTables, compareAll } from './sqlite-check.ts'
import { loadSqlite } from './sqlite-load.ts'
import type { OpenSource } from './sqlite-source.ts'
import type { Start } from './start.ts'

type Going = Begun & { readonly kind: 'run' }

/** Moves the tables of a SQLite database. */
export function sqliteWork(from: OpenSource): Work<Going> {
  return {
    left: () => LOADED,
    begin: (attempt) => begin({ ...attempt, from }),
    carryOut: (attempt, begun, finish) => carryOut({ ...attempt, from }, begun, finish),
    async undo({ session, lock, tools }, { run }) {
      await takeBack(session, lock, run, tools)
      return null
    },
  }
}

async function carryOut(
  start: Attempt & Start,
  begun: Going,
  finish: Finish,
): ReturnType<Work<Going>['carryOut']> {
  const { session, settings, tools, lock, clock } = start
  const { run, planned } = begun
  const { plan } = planned
  const signals = [...(tools.signal ? [tools.signal] : []), lock.lost]
  await enterPhase(start, run, 'schema')
  await clock.measure('schema', () => createTables(start, run, plan))
  await enterPhase(start, run, 'copy')
  const loaded = await clock.measure('copy', () =>
    loadSqlite({ ...start, run, planned, chunks: begun.chunks, signals }),
  )
  await enterPhase(start, run, 'finish')
  let comparing: ReturnType<typeof compareAll> | null = null
  const compare = (): void => {
    if (!settings.verify) return
    comparing = compareAll(start, planned, loaded.chunks)
    // Whoever awaits it learns of a failure; when the finish fails first, nobody does.
    comparing.catch(() => {})
  }
  await clock.measure('finish', () => finishTables(start, run, plan, AbortSignal.any(signals), compare))
  const last = settings.verify ? 'verify' : 'check'
  await enterPhase(start, run, last)
  const checked = await clock.measure(last, () => checkTables(start, run, planned, loaded.chunks, comparing))
  const report = await doneReport(start, session, { begun, plan, loaded, checked })
  await lock.check()
  return await fenced(session, lock, () => finish(session, report))
}
