import { checkRows, countRows, tally } from '../checks/rows.ts'
import { structureChecks } from '../checks/structure.ts'
import { rowsCheck } from '../compare/rows-check.ts'
import { compareTables, covering, type TableWork } from '../compare/tables.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { MigrateReport } from '../contract/report.ts'
import { addChecks } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import type { ChunkRecord, RunRecord } from '../journal/model.ts'
import type { Planned } from '../plan/make.ts'
import { run as runStatements } from '../profile/run.ts'
import type { Start } from './start.ts'
import { targetCatalog } from './target-catalog.ts'

export interface Checked {
  readonly checks: readonly CheckResult[]
  readonly verification: MigrateReport['verification']
}

/** Everything is there as the plan says: all rows, and what else the tables promise; with its record. */
export async function checkTables(
  start: Start,
  run: RunRecord,
  planned: Planned,
  chunks: readonly ChunkRecord[],
  comparing: ReturnType<typeof compareAll> | null,
): Promise<Checked> {
  const { session, lock, settings } = start
  const catalog = await targetCatalog(session, { ...settings, targetSchema: planned.plan.target.schema }, [])
  const verification = await comparing
  const checks: CheckResult[] = []
  for (const move of planned.plan.moves) {
    const told = tally(chunks, move.source)
    const compared = verification?.tables.find((table) => table.source === move.source)
    const counted = {
      // Counted anew: the comparison has gone by the same ranges as the copy.
      source: await countSource(start, move.source),
      // What could not be compared was not counted to its end either.
      target: compared?.incomplete === null ? compared.targetRows : await countRows(session, move),
    }
    checks.push(await checkRows(session, run.id, move.source, counted, told))
    if (compared !== undefined) checks.push(rowsCheck(compared, null))
  }
  if (verification !== null) {
    checks.push(
      ...(await structureChecks({ session, plan: planned.plan, catalog, source: start.from.catalog })),
    )
  }
  await fenced(session, lock, () => addChecks(session, run.id, checks))
  return { checks, verification }
}

/** Compares all rows, which takes no more than the keys; foreign keys may still be on their way. */
export async function compareAll(
  { from, session, target, settings, tools }: Start,
  { plan, work }: Planned,
  chunks: readonly ChunkRecord[],
): Promise<NonNullable<Checked['verification']>> {
  const catalog = await targetCatalog(session, { ...settings, targetSchema: plan.target.schema }, [])
  const tables = plan.moves.map(
    (move): TableWork => ({
      move,
      excluded: work.get(move.source)!.marking?.excluded ?? '0',
      setAside: tally(chunks, move.source).setAside,
      ranges: covering(chunks.filter((chunk) => chunk.move === move.source)).map(
        ({ after, upTo, result }) => ({
          after,
          upTo,
          loaded: result?.setAside === 0 ? { rows: result.loaded, digest: result.digest } : null,
        }),
      ),
    }),
  )
  const { tables: compared, differences } = await compareTables({
    source: from.source,
    session,
    access: { postgres: target.settings, label: target.label },
    catalog,
    work: tables,
    verification: { ...settings.verification, sample: null, counts: false },
    deadline: null,
    jobs: settings.jobs,
    progress: tools.progress,
    memory: null,
  })
  return { tables: compared, differences }
}

async function countSource({ from }: Start, table: string): Promise<number> {
  const sql = `SELECT count(*) FROM ${qualified('main', table)}`
  const [counted] = await runStatements({ source: from.source }, [sql])
  return Number(counted![0]![0])
}
