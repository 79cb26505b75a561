import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { announceSteps, doneSteps, recordStep } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import type { RunRecord } from '../journal/model.ts'
import { epochCheck } from '../journal/statements.ts'
import type { Plan } from '../plan/model.ts'
import { type RunStepsOptions, runSteps } from '../schema/apply.ts'
import { createStatements } from '../schema/postgres.ts'
import { finishSteps, type Step } from '../schema/steps.ts'
import type { Under } from './start.ts'
import { targetCatalog } from './target-catalog.ts'

/** Makes the target's schemas and tables where they are missing; each table together with its record. */
export async function createTables(start: Under, run: RunRecord, plan: Plan): Promise<void> {
  const { session, lock } = start
  const done = await doneSteps(session, run.id)
  const made = plan.moves.filter((move) => !move.existing)
  for (const schema of new Set(made.map(({ target }) => target.schema))) {
    const name = `schema ${ident(schema)}`
    if (done.has(name)) continue
    await fenced(session, lock, async () => {
      await createSchema(session, schema)
      await recordStep(session, run.id, name)
    })
  }
  for (const { target } of made) {
    const name = `table ${qualified(target.schema, target.name)}`
    if (done.has(name)) continue
    await fenced(session, lock, async () => {
      for (const sql of createStatements(target)) await session.query(sql)
      for (const sql of rights(start, target)) await session.query(sql)
      await recordStep(session, run.id, name, target)
    }).catch((error: unknown) => {
      throw withWayOut(error, target.schema)
    })
  }
}

/** IF NOT EXISTS asks for the right to create one also where the schema is there. */
async function createSchema(session: Session, name: string): Promise<void> {
  const { rows } = await session.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [name])
  if (rows.length > 0) return
  try {
    await session.query(`CREATE SCHEMA IF NOT EXISTS ${ident(name)}`)
  } catch (error) {
    throw withWayOut(error, name)
  }
}

/** The server's refusal to make something, with what can be done about it. */
function withWayOut(error: unknown, schema: string): unknown {
  if (!(error instanceof LandfallError) || error.code !== 'LF304') return error
  const hint =
    error.details?.sqlstate === '42501'
      ? `The role lacks a right. Somebody who has it: CREATE SCHEMA ${ident(schema)}, or GRANT CREATE ON SCHEMA ${ident(schema)} TO the role; --target-schema NAME   a schema in which the role may make tables`
      : error.details?.sqlstate === '42P07'
        ? 'Something of that name was made in the target since the plan. Rename or drop it, and the same command goes on; --target-schema NAME   another schema'
        : null
  if (hint === null) return error
  return new LandfallError('LF304', error.message, {
    hint: [...(error.hint === undefined ? [] : [error.hint]), hint].join('\n'),
    ...(error.place === undefined ? {} : { place: error.place }),
    ...(error.details === undefined ? {} : { details: error.details }),
    cause: error,
  })
}

function rights({ settings }: Under, target: { readonly schema: string; readonly name: string }): string[] {
  const table = qualified(target.schema, target.name)
  return [
    ...(settings.grants ?? []).map(
      (grant) => `GRANT ${grant.rights.join(', ')} ON ${table} TO ${ident(grant.role)}`,
    ),
    ...(settings.owner === undefined ? [] : [`ALTER TABLE ${table} OWNER TO ${ident(settings.owner)}`]),
  ]
}

/**
 * Keys, indexes, checks, foreign keys, sequences and statistics, as many at once as their locks allow.
 * `onKeys` is called once, as soon as all but the last three are there.
 */
export async function finishTables(
  start: Under,
  run: RunRecord,
  plan: Plan,
  signal: AbortSignal,
  onKeys: () => void,
): Promise<void> {
  const steps = finishSteps(plan.moves, await targetCatalog(start.session, start.settings, []))
  await runRecorded(start, run, steps, {
    signal,
    onKeys: () => {
      onKeys()
      return undefined
    },
  })
}

/** Runs the steps of a run that are not done, each with its record; `recorded` runs in the step's transaction, too. */
export async function runRecorded(
  { session, settings, target, tools, lock }: Under,
  run: RunRecord,
  steps: readonly Step[],
  more: Pick<RunStepsOptions, 'signal' | 'cancel' | 'onKeys' | 'prepare'> & {
    readonly recorded?: RunStepsOptions['record']
  },
): Promise<void> {
  const { recorded, ...options } = more
  await announceSteps(
    session,
    run.id,
    steps.map((step) => step.name),
  )
  await runSteps(steps, {
    ...options,
    open: () => target.open('finish'),
    jobs: settings.jobs,
    done: await doneSteps(session, run.id),
    onStep: ({ step, state, done, total }) => {
      if (state === 'done') tools.progress?.({ kind: 'step', name: step.name, done, total })
    },
    record: async (inner, step) => {
      const { sql, values } = epochCheck(lock)
      if ((await inner.query(sql, values)).rowCount !== 1)
        throw new LandfallError('LF402', 'another process has taken over this run')
      await recordStep(inner, run.id, step.name)
      await recorded?.(inner, step)
    },
  })
}
