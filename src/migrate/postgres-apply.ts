import { openPostgres, type Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import { LandfallError, stopReason } from '../errors.ts'
import { knownMap, requireFoundAgain, resolveIdentity } from '../identity/resolve.ts'
import { readApplied, recordApplied } from '../journal/applied.ts'
import { recordStep } from '../journal/evidence.ts'
import { commitToDisk, fenced } from '../journal/fence.ts'
import type { RunRecord } from '../journal/model.ts'
import { lockTables } from '../merge/lock.ts'
import { applyMerge } from '../merge/merge.ts'
import type { KnownMap, RejectsOf, Staged } from '../merge/model.ts'
import { refuseUnknown } from '../merge/refuse.ts'
import { stageFilled, stageFromSelect, stageStatements } from '../merge/stage.ts'
import type { Move, Plan } from '../plan/model.ts'
import { requireRepeatable } from './postgres-repeat.ts'
import { stageOf } from './postgres-stage.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'

/** All moves are applied in one transaction: either all of them are, or none. */
export async function isApplied(session: Session, run: RunRecord): Promise<boolean> {
  return (await readApplied(session, run.id)).size > 0
}

/**
 * Makes the staged rows rows of their tables, all moves in the plan's order and in one transaction, with
 * what they came to and what was set aside; what was decided by a rule is kept with it. `last` works in the
 * same transaction, when all are there.
 */
export async function applyMoves<T>(
  start: PostgresStart,
  begun: PostgresBegun,
  signal: AbortSignal,
  last: (session: Session) => Promise<T>,
): Promise<T> {
  const { lock, target } = start
  // The user's expressions and the triggers of the tables see the schemas that they always see.
  const session = await openPostgres(target.settings, {
    applicationName: 'landfall apply',
    label: target.label,
    searchPath: 'server',
  })
  const stop = (): void =>
    void start.session.query('SELECT pg_cancel_backend($1)', [session.backend]).catch(() => {})
  signal.addEventListener('abort', stop)
  try {
    return await fenced(session, lock, async () => {
      await commitToDisk(session)
      await start.clock.measure('apply', () => applyEach(start, begun, session, signal))
      if (signal.aborted) throw stopReason(signal)
      // What triggers would change at COMMIT has to be there when it is compared.
      if (start.seal !== undefined) await session.query('SET CONSTRAINTS ALL IMMEDIATE')
      return await last(session)
    })
  } catch (error) {
    throw signal.aborted ? stopReason(signal) : error
  } finally {
    signal.removeEventListener('abort', stop)
    await session.close()
  }
}

async function applyEach(
  { tools, settings }: PostgresStart,
  begun: PostgresBegun,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { run, plan } = begun
  await lockTables(session, writtenBy(plan))
  const maps = new Map<string, KnownMap>()
  const creating: Staged[] = []
  const firstMerge = plan.moves.findIndex(({ mapping }) => mapping?.kind === 'merge')
  for (const [at, move] of plan.moves.entries()) {
    const rejects = { run: run.id, before: plan.moves.slice(0, at) }
    if (at === firstMerge && !plan.inPlace) await refuseUnknown(mergesOf(begun, session, maps), rejects)
    if (signal.aborted) throw stopReason(signal)
    tools.progress?.({ kind: 'step', name: `apply ${move.source}`, done: at, total: plan.moves.length })
    const staged = {
      session,
      move,
      stage: await stageFor(session, begun, move),
      maps,
      // A run that met bad rows may go on setting them aside.
      badRows: settings.badRows,
    }
    await session.query(stageFilled(staged.stage))
    const { applied, notes } = await applyMove(staged, rejects).catch((error: unknown) => {
      throw placed(error, move)
    })
    await recordApplied(session, run.id, move.source, applied, notes)
    if (move.mapping?.kind === 'identity' && applied.created > 0) creating.push(staged)
  }
  for (const staged of creating) await requireFoundAgain(staged)
  if (plan.inPlace) await requireRepeatable(session, plan, maps)
}

/** The merges whose identities are all resolved before the first of them. */
function mergesOf(
  { run, plan }: PostgresBegun,
  session: Session,
  maps: ReadonlyMap<string, KnownMap>,
): Staged[] {
  const known = plan.moves.filter(
    ({ mapping }) =>
      mapping?.kind === 'merge' &&
      mapping.columns.every(({ identity }) => identity === null || maps.has(identity)),
  )
  return known.map((move) => {
    const { schema, name } = stageOf(run, plan, move)
    return { session, move, stage: qualified(schema, name), maps }
  })
}

/** Says which move and table it was where the failure itself does not, and all that the server says. */
function placed(error: unknown, { source, target }: Move): unknown {
  if (!(error instanceof LandfallError) || error.place !== undefined) return error
  const { code, message, hint, details, cause } = error
  const refused = code === 'LF304' && details?.sqlstate !== undefined
  const detail = refused && typeof details.detail === 'string' ? [details.detail] : []
  return new LandfallError(
    code,
    refused ? `${source} into ${qualified(target.schema, target.name)}: ${message}` : message,
    {
      hint: [...detail, ...(hint === undefined ? [] : [hint])].join('\n') || undefined,
      place: { table: source },
      ...(details === undefined ? {} : { details }),
      cause,
    },
  )
}

/** Tables of the target whose rows the plan adds or changes, quoted. */
function writtenBy({ moves }: Plan): string[] {
  const tables = moves.flatMap(({ target, mapping }) => {
    const own = { schema: target.schema, table: target.name }
    if (mapping?.kind !== 'identity') return [own]
    const { unmatched, take, map } = mapping
    const created = unmatched.kind === 'create' ? [own, ...unmatched.alsoCreate] : []
    return [...created, ...(take.length > 0 ? [own] : []), ...(map.existing ? [map] : [])]
  })
  return [...new Set(tables.map(({ schema, table }) => qualified(schema, table)))]
}

async function applyMove(staged: Staged, rejects: RejectsOf): ReturnType<typeof applyMerge> {
  const { session, move } = staged
  if (move.mapping?.kind !== 'identity') return await applyMerge(staged, rejects)
  const { relation } = knownMap(move)
  const { rows } = await session.query<{ there: boolean }>(
    'SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there',
    [relation],
  )
  if (!rows[0]!.there) {
    // Who goes on with the run must not take it for a table of the application.
    const { schema, table: name } = move.mapping.map
    await recordStep(session, rejects.run, `map ${relation}`, { schema, name })
  }
  const result = await resolveIdentity(staged, rejects)
  ;(staged.maps as Map<string, KnownMap>).set(move.mapping.name, result.known)
  return result
}

/** In place the rows are read now, as the moves before have left them. */
async function stageFor(
  session: Session,
  { run, plan }: { readonly run: RunRecord; readonly plan: Plan },
  move: Move,
): Promise<string> {
  const { schema, name } = stageOf(run, plan, move)
  if (!plan.inPlace) return qualified(schema, name)
  const stage = ident(name)
  for (const sql of stageStatements(stage, move, 'temp')) await session.query(sql)
  await session.query(stageFromSelect(stage, move))
  return stage
}
