import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import { forgetRun, readChunks } from '../journal/journal.ts'
import { type MadeObject, readMade } from '../journal/made.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { dropObjects, heldObjects } from '../schema/postgres-empty.ts'
import type { PostgresStart } from './postgres-start.ts'
import { confirm, isThere, lockAgainstWriters, refuseOther, takeBack } from './restart.ts'

/**
 * Takes back what a copy of a whole database made: exactly that. Refused where a table of it holds other
 * rows than the run's, or where somebody else made something beside it or of it.
 */
export async function takeBackClone(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { session, lock, tools } = start
  if (plan.schemaBy === undefined) return await takeBack(session, lock, run, tools)
  const chunks = await readChunks(session, run.id)
  const loaded = plan.moves.map(({ source }) => tally(chunks, source).loaded)
  const made = await readMade(session, run.id)
  const schemas = plan.schemaBy.schemas
  const refuse = async (): Promise<void> => {
    for (const [at, { target }] of plan.moves.entries()) {
      const { schema, name } = target
      if (await isThere(session, schema, name))
        refuseOther(schema, name, await countOnly(session, target), loaded[at]!)
    }
    await refuseOthers(start, schemas, made)
  }
  await refuse()
  // What is not done is nobody's yet; where somebody can answer, the rows that go are told all the same.
  const hasRows = loaded.some((rows) => rows > 0)
  if (run.state === 'done' || (hasRows && tools.ask !== undefined)) {
    const dropped = plan.moves.map((move) => move.target)
    await confirm(run, dropped, [], tools, countedKinds(made))
  }
  await fenced(session, lock, async () => {
    await lockAgainstWriters(
      session,
      plan.moves.map((move) => move.target),
    )
    await refuse()
    const needed = await dropObjects(session, made)
    if (needed.length > 0)
      throw new LandfallError(
        'LF203',
        `something else needs what is to be taken back: ${needed.join('; ')}`,
        {
          hint: 'Nothing was taken back. Drop what was made since, and start again with --restart.',
          details: { needed },
        },
      )
    await forgetRun(session, run.id)
  })
}

/** LF203 where something stands there that the run has not made. */
async function refuseOthers(
  { session, settings }: PostgresStart,
  schemas: readonly string[],
  made: readonly MadeObject[],
): Promise<void> {
  const key = (one: MadeObject): string => `${one.class}/${one.object}`
  const own = new Set(made.map(key))
  const all = new Set([...schemas, ...made.filter(({ kind }) => kind === 'schema').map(({ name }) => name)])
  const others = (await heldObjects(session, [...all], settings.boot.state)).filter(
    (one) => !own.has(key(one)),
  )
  if (others.length === 0) return
  const objects = others.map(({ kind, name }) => `${kind} ${name}`)
  throw new LandfallError('LF203', `not made by the run that is to be taken back: ${objects.join(', ')}`, {
    hint: 'Nothing was taken back. Move it to another schema or drop it, and start again with --restart.',
    details: { objects },
  })
}

/** e.g. `3 tables, 1 view`. */
function countedKinds(made: readonly MadeObject[]): string {
  return [...Map.groupBy(made, ({ kind }) => kind)]
    .map(([kind, { length }]) => `${length} ${length === 1 ? kind : plural(kind)}`)
    .sort()
    .join(', ')
}

const plural = (kind: string): string =>
  /(?:s|x|sh|ch|ss)$/.test(kind) ? `${kind}es` : kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`

/** The rows of a table without those of the tables that inherit from it, which are counted as their own. */
export async function countOnly(
  session: Session,
  { schema, name }: { readonly schema: string; readonly name: string },
): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `SELECT count(*)::text AS n FROM ONLY ${qualified(schema, name)}`,
  )
  return Number(rows[0]!.n)
}
