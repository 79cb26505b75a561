import { setTimeout as sleep } from 'node:timers/promises'
import { literal } from '../connection/quote.ts'
import type { AppliedStatement, SchemaObject, SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import { objectName } from './checks.ts'
import { relationOf } from './definition.ts'
import { conflictsOf, type Difference } from './difference.ts'
import { holdersOf } from './postgres-blockers.ts'
import { carryOut } from './postgres-carry-out.ts'
import { postgresDifference } from './postgres-difference.ts'
import { refuseWithoutRights } from './postgres-rights.ts'
import { noLock, telling, type Working } from './postgres-watch.ts'
import { enter, forget, readRecord } from './record.ts'

/** SQLSTATEs of what is there already: somebody else made it, or a process that died a moment ago. */
const THERE_ALREADY = new Set(['42P07', '42710', '42701', '42P06'])
const ROUNDS = 5

/**
 * Makes what is declared true, statement by statement, until nothing is left to do.
 *
 * Errors: LF213 something is there in another form, and nothing was changed; those of `carryOut`.
 */
export async function applyDifference(working: Working): Promise<readonly AppliedStatement[]> {
  const { observer, settings } = working
  const applied: AppliedStatement[] = []
  await forgetUnbuilt(working)
  for (let round = 1; ; round++) {
    const difference = await postgresDifference(observer, settings.declaration)
    refuseConflicts(difference)
    if (difference.statements.length === 0) break
    await refuseWithoutRights(observer, difference.statements)
    try {
      if (await carryOutAll(working, difference.statements, applied)) break
    } catch (error) {
      // Looked at again, it is either right or different.
      if (round === ROUNDS || !isThereAlready(error)) throw error
    }
  }
  await completeRecord(working)
  return applied
}

/** Errors: LF213. */
export function refuseConflicts(difference: Difference): void {
  const conflicts = conflictsOf(difference)
  if (conflicts.length === 0) return
  const [first] = conflicts
  const more = conflicts.length === 1 ? '' : `, and ${conflicts.length - 1} more`
  throw new LandfallError(
    'LF213',
    `${objectName(first!.object)} is not as declared: ${first!.conflict!.why}${more}`,
    {
      hint: [
        ...conflicts.flatMap(({ object, expected, found, conflict }) => [
          `${objectName(object)}: declared ${expected}; there ${found}`,
          ...conflict!.ways.flatMap(({ sql }) => sql.map((one) => `  ${one}`)),
        ]),
        'Nothing was changed. landfall schema plan shows the locks that these statements take.',
      ].join('\n'),
      details: { conflicts },
    },
  )
}

/** False: the target is to be looked at again before anything else is done. */
async function carryOutAll(
  working: Working,
  statements: readonly SchemaStatement[],
  applied: AppliedStatement[],
): Promise<boolean> {
  const { progress } = working.tools
  for (const [at, statement] of statements.entries()) {
    progress?.({ kind: 'step', name: statement.does, done: at, total: statements.length })
    const [dropped] = statement.drops
    if (!statement.transaction && dropped !== undefined && (await becameValid(working, statement, dropped)))
      return false
    applied.push(await carryOut(working, statement))
  }
  progress?.({ kind: 'step', name: 'all', done: statements.length, total: statements.length })
  return true
}

/**
 * An index that is not valid may be one that is being built at this moment, say by a process of ours that
 * was killed and whose statement the server still carries out. That is waited for.
 */
async function becameValid(
  working: Working,
  statement: SchemaStatement,
  { schema, table, name }: SchemaObject,
): Promise<boolean> {
  const { observer, session, settings, signal } = working
  const tell = telling(working, statement)
  const until = performance.now() + settings.indexWaitMs
  for (;;) {
    signal.throwIfAborted()
    const builders = await holdersOf(observer, session.backend, statement.locks, 0)
    if (builders.length === 0) break
    tell(builders)
    if (performance.now() > until) throw noLock(statement, builders, settings.indexWaitMs, '--index-wait 2h')
    await sleep(200, undefined, { signal }).catch(() => {})
  }
  const { rows } = await observer.query<{ valid: boolean }>(
    `SELECT i.indisvalid AND i.indisready AS valid FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = ${relationOf(schema, table)} AND x.relname = ${literal(name)}`,
  )
  return rows[0]?.valid !== false
}

/** Indexes whose building was recorded as begun, and of which nothing is there: one that comes is not ours. */
async function forgetUnbuilt({ session, lock, settings }: Working): Promise<void> {
  for (const made of await readRecord(session, settings.declaration.name))
    if (made.definition === null && made.now === null)
      await fenced(session, lock, () => session.query(forget(made)))
}

/** Indexes whose building was recorded as begun, and that are there or gone. */
async function completeRecord({ session, lock, settings }: Working): Promise<void> {
  const { name } = settings.declaration
  for (const made of await readRecord(session, name)) {
    if (made.definition !== null) continue
    const sql = made.now === null ? forget(made) : enter(name, made, made.statement)
    await fenced(session, lock, () => session.query(sql))
  }
}

function isThereAlready(error: unknown): boolean {
  if (!(error instanceof LandfallError)) return false
  const { sqlstate, makes } = error.details ?? {}
  if (error.code === 'LF304') return THERE_ALREADY.has(String(sqlstate))
  // Of a new index it is rows that are twice; else somebody made the same at the same time.
  return (
    error.code === 'LF313' &&
    sqlstate === '23505' &&
    Array.isArray(makes) &&
    makes.some((kind) => ['schema', 'table', 'row'].includes(kind))
  )
}
