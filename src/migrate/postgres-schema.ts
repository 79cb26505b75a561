import { readPostData } from '../catalog/postgres-post-data.ts'
import { doneSteps, recordStep } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import { recordMade } from '../journal/made.ts'
import { allObjects, type Held } from '../schema/postgres-empty.ts'
import { isDefinitions, postDataSteps } from '../schema/postgres-post-data.ts'
import type { Step } from '../schema/steps.ts'
import { createTables, runRecorded } from './finish.ts'
import { definitionsOf, leftOutOf } from './postgres-definitions.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'

const PRE_DATA = 'schema by pg_dump'

/** Makes the tables, and whatever they are made of; nothing of them if it fails. */
export async function makeSchema(start: PostgresStart, begun: PostgresBegun): Promise<void> {
  const { session, lock } = start
  const { run, plan } = begun
  if (plan.schemaBy === undefined) return await createTables(start, run, plan)
  const { schemas } = plan.schemaBy
  if ((await doneSteps(session, run.id)).has(PRE_DATA)) return
  const { preData } = await definitionsOf(start)
  await fenced(session, lock, async () => {
    const before = await allObjects(session, schemas)
    await session.query(preData)
    await recordMade(session, run.id, newSince(before, await allObjects(session, schemas)))
    await recordStep(session, run.id, PRE_DATA)
  })
}

function newSince(before: readonly Held[], now: readonly Held[]): Held[] {
  const key = (held: Held): string => `${held.class}/${held.object}`
  const known = new Set(before.map(key))
  return now.filter((held) => !known.has(key(held)))
}

/** Indexes, keys, sequences, triggers and all the rest, as many at once as their locks allow. */
export async function finishSchema(
  start: PostgresStart,
  begun: PostgresBegun,
  signal: AbortSignal,
  onKeys: () => Promise<unknown> | undefined,
): Promise<void> {
  const { session, from } = start
  const { run, plan } = begun
  const dump = plan.schemaBy === undefined ? null : await definitionsOf(start)
  const { skipped } = await leftOutOf(start)
  const data = await from.snapshot.run((one) => readPostData(one, { skipped }))
  const steps = postDataSteps(data, dump)
  const schemas = plan.schemaBy?.schemas ?? []
  const before = new Map<Step, Held[]>()
  await runRecorded(start, run, steps, {
    signal,
    cancel: (backend) => session.query('SELECT pg_cancel_backend($1)', [backend]),
    onKeys,
    prepare: async (inner, step) => {
      if (isDefinitions(step)) before.set(step, await allObjects(inner, schemas))
    },
    recorded: async (inner, step) => {
      const held = before.get(step)
      if (held !== undefined)
        await recordMade(inner, run.id, newSince(held, await allObjects(inner, schemas)))
    },
  })
}
