import type { Catalog } from '../catalog/model.ts'
import { sameSql } from '../checks/same-sql.ts'
import { covering, type TableWork } from '../compare/tables.ts'
import type { Settings } from '../config/model.ts'
import { didYouMean } from '../config/suggest.ts'
import type { CheckResult } from '../contract/check.ts'
import { LandfallError } from '../errors.ts'
import { findRun, readChunks, readPlan } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import { journalState } from '../journal/schema.ts'
import { refusedBy } from '../migrate/refuses.ts'
import type { Start } from '../migrate/start.ts'
import { targetCatalog } from '../migrate/target-catalog.ts'
import { makePlan } from '../plan/make.ts'
import type { Plan } from '../plan/model.ts'

/** What there is to compare: the plan by which the rows are read, and each of its tables in the scope. */
export interface Prepared {
  readonly plan: Plan
  /** The plan by which they were moved; null when something else did. */
  readonly stored: Plan | null
  /** The run that moved the rows; null when something else did. */
  readonly run: RunRecord | null
  /** The target as it is now. */
  readonly catalog: Catalog
  readonly work: readonly TableWork[]
  readonly checks: readonly CheckResult[]
  readonly notes: readonly string[]
}

type Begin = Omit<Start, 'lock'>

/**
 * Where the run is done, and the source and the target's types are what they were then, the run's own plan
 * says how every value arrived. Otherwise the source is profiled again, against the tables that the target has.
 */
export async function prepare(start: Begin): Promise<Prepared> {
  const { session, settings, from } = start
  const known = (await journalState(session)) === 'present'
  const run = known ? await findRun(session, settings.name) : null
  const stored = run === null ? null : await readPlan(session, run.id)
  const schema = stored?.target.schema ?? settings.targetSchema
  if (schema !== settings.targetSchema && settings.targetSchema !== 'public')
    throw new LandfallError(
      'LF001',
      `this migration went into the schema ${schema}, not into ${settings.targetSchema}`,
      {
        hint: 'Leave --target-schema out; or --name NAME for another migration.',
      },
    )
  const catalog = await targetCatalog(session, { ...settings, targetSchema: schema }, [])
  const notes = [...from.source.notes, ...(run !== null && run.state !== 'done' ? [unfinished(run)] : [])]
  if (run !== null && stored !== null) {
    const chunks = await readChunks(session, run.id)
    const clean = chunks.every(({ state, result }) => state === 'done' && result?.setAside === 0)
    const unchanged = run.state === 'done' && run.fingerprint === from.source.fingerprint
    if (clean && unchanged && (await hasTypes(session, catalog, stored))) {
      const work = stored.moves.map(
        (move): TableWork => ({
          move,
          excluded: '0',
          setAside: 0,
          ranges: covering(chunks.filter((chunk) => chunk.move === move.source)),
        }),
      )
      return { plan: stored, stored, run, catalog, work: inScope(work, settings), checks: [], notes }
    }
  }
  const prepared = await profiled(start, { run, stored, catalog, schema, notes })
  refuseStrangers(prepared, settings, schema)
  return prepared
}

/** A target without the journal of this migration and without any of its tables is not the one that is meant. */
function refuseStrangers({ run, plan, catalog }: Prepared, { name }: Settings, schema: string): void {
  if (run !== null || plan.moves.length === 0) return
  const found = plan.moves.some(({ target }) =>
    catalog.tables.some((table) => table.schema === target.schema && table.name === target.name),
  )
  if (found) return
  throw new LandfallError(
    'LF005',
    `the target has no migration named ${name}, and none of its tables in the schema ${schema}`,
    {
      hint: 'landfall migrate fills it; --name NAME or --target-schema NAME, if it was filled under another one',
    },
  )
}

/** Whether the columns that are there have the types of the plan. */
async function hasTypes(session: Begin['session'], catalog: Catalog, { moves }: Plan): Promise<boolean> {
  const pairs = moves.flatMap(({ target }) => {
    const found = catalog.tables.find(({ schema, name }) => schema === target.schema && name === target.name)
    return target.columns.flatMap(({ name, type }) => {
      const there = found?.columns.find((column) => column.name === name)
      return there === undefined ? [] : [[`NULL::${type}`, `NULL::${there.declared}`] as const]
    })
  })
  return (await sameSql(session, null, pairs)).every(Boolean)
}

const unfinished = (run: RunRecord): string =>
  `the run of this migration is not done (${run.state}): what it has not loaded is missing`

/** Which rows can be in the target, and how their values look there, is found as for a first migration. */
async function profiled(
  { session, settings, from, target, tools }: Begin,
  known: Pick<Prepared, 'run' | 'catalog' | 'notes'> & { stored: Plan | null; schema: string },
): Promise<Prepared> {
  const { run, stored, catalog, schema } = known
  tools.progress?.({ kind: 'phase', phase: 'profile' })
  const { plan, work } = await makePlan({
    source: from.source,
    sourceLabel: from.label,
    catalog: from.catalog,
    target: catalog,
    targetLabel: target.label,
    // What the target holds is the question here, and no reason to refuse.
    isOccupied: async () => false,
    refuses: refusedBy(session),
    settings: {
      ...settings,
      targetSchema: schema,
      badRows: 'set-aside',
      profileRows: null,
      ...(stored === null ? {} : { tables: stored.moves.map((move) => move.source), exclude: [] }),
    },
    progress: tools.progress ?? (() => {}),
  })
  const tables = plan.moves.map((move): TableWork => {
    const { marking, chunks } = work.get(move.source)!
    return {
      move,
      excluded: marking?.excluded ?? '0',
      setAside: marking?.rows ?? 0,
      ranges: covering(chunks),
    }
  })
  const inside = inScope(tables, settings)
  const planned = new Set(plan.moves.map((move) => move.source))
  const checks = [
    ...(await rejectChecks(session, run, inside)),
    ...plan.blockers
      .filter(({ table }) => table === null || !planned.has(table))
      .map(
        ({ table, message }): CheckResult => ({
          name: `${table ?? 'the plan'}: can be compared`,
          result: 'incomplete',
          expected: 'a table on both sides',
          found: message,
        }),
      ),
  ]
  return { plan, stored, run, catalog, work: inside, checks, notes: known.notes }
}

/** Rows that the target cannot hold must be those that the run has set aside. */
async function rejectChecks(
  session: Begin['session'],
  run: RunRecord | null,
  work: readonly TableWork[],
): Promise<CheckResult[]> {
  const kept =
    run === null
      ? []
      : (
          await session.query<{ table: string; rows: string }>(
            'SELECT "table", count(*)::text AS rows FROM landfall.rejects WHERE run = $1 GROUP BY 1',
            [run.id],
          )
        ).rows
  return work.flatMap(({ move, setAside }): CheckResult[] => {
    const rejects = Number(kept.find((one) => one.table === move.source)?.rows ?? 0)
    if (setAside === 0 && rejects === 0) return []
    return [
      {
        name: `${move.source}: rows that the target cannot hold are set aside`,
        result: setAside === rejects ? 'pass' : 'fail',
        expected: `${setAside} in landfall.rejects`,
        found: String(rejects),
      },
    ]
  })
}

/** The tables that `--tables` and `--exclude` leave. LF005 for a name that is not there. */
function inScope(work: readonly TableWork[], { tables, exclude }: Settings): TableWork[] {
  const names = work.map(({ move }) => move.source)
  for (const name of [...(tables ?? []), ...exclude]) {
    if (names.includes(name)) continue
    throw new LandfallError('LF005', `${name} is no table of this migration${didYouMean(name, names)}`, {
      hint: `Its tables: ${names.join(', ')}`,
    })
  }
  const left = work.filter(
    ({ move }) => (tables === null || tables.includes(move.source)) && !exclude.includes(move.source),
  )
  if (left.length > 0 || work.length === 0) return left
  throw new LandfallError('LF001', 'no table is left to compare', {
    hint: `--tables and --exclude leave none of: ${names.join(', ')}`,
  })
}
