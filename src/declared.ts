import type { SchemaSettings } from './config/model.ts'
import type { Session } from './connection/postgres.ts'
import { closing, reachExistingTarget, reachTarget, type Target } from './connection/target.ts'
import { REPORT_VERSION } from './contract/report.ts'
import type {
  SchemaApplyReport,
  SchemaPlanReport,
  SchemaUndoReport,
  SchemaVerifyReport,
} from './contract/schema.ts'
import type { Tools } from './contract/tools.ts'
import { checkInvariants, checksOf } from './declared/checks.ts'
import { conflictsOf } from './declared/difference.ts'
import { losses, undoQuestion } from './declared/losses.ts'
import { applyDifference, refuseConflicts } from './declared/postgres-apply.ts'
import { carryOut } from './declared/postgres-carry-out.ts'
import { onlyReading, postgresDifference } from './declared/postgres-difference.ts'
import { refuseWithoutRights } from './declared/postgres-rights.ts'
import { guardUndo, refuseUndo, type UndoPlan, undoPlan } from './declared/postgres-undo.ts'
import { type Working, watched } from './declared/postgres-watch.ts'
import { forget } from './declared/record.ts'
import { working } from './declared/working.ts'
import { LandfallError } from './errors.ts'
import { fenced } from './journal/fence.ts'

/**
 * Compares what is declared with the target, and says what would be done, with locks, rewrites and scans.
 * Writes nothing.
 *
 * Errors: LF001 to LF005 usage, LF3xx target. Conflicts are part of the report.
 */
export async function schemaPlan(settings: SchemaSettings): Promise<SchemaPlanReport> {
  return await reading(settings, async (target, session) => {
    const difference = await postgresDifference(session, settings.declaration)
    const conflicts = conflictsOf(difference)
    const { statements } = difference
    const outcome = conflicts.length > 0 ? 'conflicts' : statements.length > 0 ? 'changes' : 'complete'
    return {
      version: REPORT_VERSION,
      command: 'schema plan',
      declaration: settings.declaration.name,
      target: target.label,
      outcome,
      exitCode: outcome === 'conflicts' ? 5 : 0,
      statements,
      conflicts,
    }
  })
}

/**
 * Makes what is declared true, and verifies it. Killed at any moment and run again, it ends the same.
 *
 * Errors: those of `schemaPlan`; LF213 something is there in another form, and nothing was changed; LF312
 * a lock was not to be had; LF313 rows do not allow it; LF401 another process is at work; LF403 when
 * `tools.signal` was aborted.
 */
export async function schemaApply(settings: SchemaSettings, tools: Tools = {}): Promise<SchemaApplyReport> {
  const started = performance.now()
  const base = {
    version: REPORT_VERSION,
    command: 'schema apply',
    declaration: settings.declaration.name,
  } as const
  if (settings.dryRun) {
    return await reading(settings, async (target, session) => {
      const difference = await postgresDifference(session, settings.declaration)
      refuseConflicts(difference)
      const statements = difference.statements.map((one) => ({
        ...one,
        attempts: 0,
        longestWaitMs: 0,
        seconds: 0,
      }))
      const outcome = 'dry-run' as const
      return {
        ...base,
        target: target.label,
        outcome,
        exitCode: 0,
        seconds: since(started),
        statements,
        checks: [],
      }
    })
  }
  const target = await reachTarget(settings.to, settings.embeddedFolder)
  return await closing(target, settings.keepRunning, () =>
    working(target, settings, tools, async (work) => {
      const statements = await applyDifference(work)
      // The two sessions change places: the one that has done the work cancels the one that reads.
      const checks = await watched(
        { ...work, session: work.observer, observer: work.session },
        1000,
        () => {},
        () => allChecks(work.observer, settings, work.signal),
      )
      return {
        ...base,
        target: target.label,
        outcome: statements.length === 0 ? 'nothing-to-do' : 'done',
        exitCode: checks.every(({ result }) => result === 'pass') ? 0 : 1,
        seconds: since(started),
        statements,
        checks,
      }
    }),
  )
}

/** Whether everything declared is so, and the invariants hold. Writes nothing. Errors: those of `schemaPlan`. */
export async function schemaVerify(settings: SchemaSettings): Promise<SchemaVerifyReport> {
  const started = performance.now()
  return await reading(settings, async (target, session) => {
    const checks = await allChecks(session, settings)
    const has = (result: string): boolean => checks.some((check) => check.result === result)
    const outcome = has('fail') ? 'different' : has('incomplete') ? 'incomplete' : 'as-declared'
    return {
      version: REPORT_VERSION,
      command: 'schema verify',
      declaration: settings.declaration.name,
      target: target.label,
      outcome,
      exitCode: outcome === 'as-declared' ? 0 : 1,
      seconds: since(started),
      checks,
    }
  })
}

/**
 * Drops what this declaration has made, and nothing else, after showing the data that goes with it.
 *
 * Errors: LF206 the answer was no, or nobody could be asked; LF212 something was changed since, or others
 * have built upon it; LF312; LF401; LF403.
 */
export async function schemaUndo(settings: SchemaSettings, tools: Tools = {}): Promise<SchemaUndoReport> {
  const started = performance.now()
  const base = {
    version: REPORT_VERSION,
    command: 'schema undo',
    declaration: settings.declaration.name,
    exitCode: 0,
  } as const
  const study = async (session: Session) => {
    const plan = await undoPlan(session, settings.declaration)
    refuseUndo(plan)
    await refuseWithoutRights(session, plan.statements)
    return { ...plan, losses: await losses(session, plan) }
  }
  if (settings.dryRun) {
    return await reading(settings, async (target) => {
      const session = await target.open('schema undo')
      try {
        await session.query('SET default_transaction_read_only = on')
        const { statements, losses: lost } = await study(session)
        return {
          ...base,
          target: target.label,
          outcome: 'dry-run',
          seconds: since(started),
          statements,
          losses: lost,
        }
      } finally {
        await session.close()
      }
    })
  }
  const target = await existing(settings)
  return await closing(target, settings.keepRunning, () =>
    working(target, settings, tools, async (work) => {
      const plan = await study(work.session)
      const report = { ...base, target: target.label, losses: plan.losses }
      if (plan.statements.length === 0) {
        await forgetGone(work, plan)
        return { ...report, outcome: 'nothing-to-do', seconds: since(started), statements: [] }
      }
      const question = undoQuestion(target.label, plan)
      if (tools.ask === undefined)
        throw new LandfallError('LF206', `nobody is there to be asked: ${question}`)
      if (!(await tools.ask(question)))
        throw new LandfallError('LF206', 'the answer was no; nothing was changed')
      // An answer takes its time.
      refuseUndo(await undoPlan(work.session, settings.declaration))
      const guard = guardUndo(settings.declaration, plan)
      const statements = []
      for (const [at, statement] of plan.statements.entries()) {
        const total = plan.statements.length
        tools.progress?.({ kind: 'step', name: statement.does, done: at, total })
        statements.push(await carryOut(work, statement, guard))
      }
      await forgetGone(work, plan)
      return { ...report, outcome: 'done', seconds: since(started), statements }
    }),
  )
}

async function forgetGone({ session, lock }: Working, { gone }: UndoPlan): Promise<void> {
  if (gone.length > 0) await fenced(session, lock, () => session.query(gone.map(forget).join(';\n')))
}

const since = (started: number): number => (performance.now() - started) / 1000

async function allChecks(
  session: Session,
  settings: SchemaSettings,
  signal?: AbortSignal,
): Promise<SchemaVerifyReport['checks']> {
  const difference = await postgresDifference(session, settings.declaration)
  const invariants = await checkInvariants(session, settings.declaration, settings.invariantMs, signal)
  return [...checksOf(difference), ...invariants]
}

/** A session that cannot write, on a target that is there. */
async function reading<T>(
  settings: SchemaSettings,
  work: (target: Target, session: Session) => Promise<T>,
): Promise<T> {
  const target = await existing(settings)
  return await closing(target, settings.keepRunning, async () => {
    const session = await target.open('schema')
    try {
      await onlyReading(session, settings.declaration)
      return await work(target, session)
    } finally {
      await session.close()
    }
  })
}

async function existing(settings: SchemaSettings): Promise<Target> {
  const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
  if (target !== null) return target
  throw new LandfallError('LF301', 'the embedded PostgreSQL has not been made yet', {
    hint: 'landfall embedded start   makes it\n--to postgres://user@host/db   names another target',
  })
}
