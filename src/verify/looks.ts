import { setTimeout as sleep } from 'node:timers/promises'
import type { Catalog, FkAction } from '../catalog/model.ts'
import { differing } from '../compare/model.ts'
import { type Compared, compareTables, type TablesInput, type TableWork } from '../compare/tables.ts'
import type { RepairReport, VerifiedTable } from '../contract/verify.ts'

/** Before a difference is looked at again, in milliseconds. */
export const MOMENT = 500
/** Looks at a table whose differences change from one to the next. */
export const LOOKS = 3

/**
 * Compares the tables. Where rows differ they are looked at again after a moment, until two looks find the
 * same: what only had not arrived yet is no difference. `again` gives the source as it is by then.
 */
export async function compareUntilSettled(
  input: TablesInput,
  again: () => Promise<TablesInput>,
): Promise<Compared> {
  let found = await compareTables(input)
  let open = found.tables.filter(isDifferent).map((table) => table.source)
  for (let look = 2; look <= LOOKS && open.length > 0; look += 1) {
    if (input.deadline !== null && performance.now() + MOMENT > input.deadline) break
    await sleep(MOMENT)
    const now = await again()
    const second = await compareTables({ ...now, work: suspected(now.work, found, open) })
    open = second.tables
      .filter((table) => isDifferent(table) && !isAlike(table, found.tables))
      .map((table) => table.source)
    found = merged(found, second)
  }
  return found
}

/**
 * Compares what differed before the repair once more, and everything where the repair may have reached
 * further than the rows that it wrote.
 */
export async function compareRepaired(
  input: TablesInput,
  before: Compared,
  repaired: RepairReport,
  target: Pick<Catalog, 'tables' | 'others'>,
): Promise<Compared> {
  if (reachesFurther(repaired, target)) return await compareTables(input)
  const open = before.tables.filter(isDifferent).map((table) => table.source)
  return merged(before, await compareTables({ ...input, work: suspected(input.work, before, open) }))
}

/** By triggers of the target, or by what its foreign keys do with the rows of a parent. */
export function reachesFurther(
  { inserted, updated, deleted }: RepairReport,
  { tables, others }: Pick<Catalog, 'tables' | 'others'>,
): boolean {
  if (inserted + updated + deleted === 0) return false
  if (others.some(({ kind, disabled }) => kind === 'trigger' && !disabled)) return true
  const acts = (action: FkAction): boolean => action !== 'no action' && action !== 'restrict'
  return tables.some(({ foreignKeys }) =>
    foreignKeys.some(
      ({ onUpdate, onDelete }) => (updated > 0 && acts(onUpdate)) || (deleted > 0 && acts(onDelete)),
    ),
  )
}

/** What was the same needs no second look. */
function suspected(work: readonly TableWork[], { suspects }: Compared, open: readonly string[]): TableWork[] {
  return work
    .filter(({ move }) => open.includes(move.source))
    .map((one) => ({ ...one, ranges: suspects.get(one.move.source) ?? one.ranges }))
}

export const isDifferent = (table: VerifiedTable): boolean => differing(table) > 0

export function isAlike(table: VerifiedTable, before: readonly VerifiedTable[]): boolean {
  const same = before.find((one) => one.source === table.source)
  return (
    same !== undefined &&
    same.missing === table.missing &&
    same.extra === table.extra &&
    same.changed === table.changed
  )
}

/** The second look at some ranges: its differences stand, the first one's number of the source's rows too. */
function merged(first: Compared, second: Compared): Compared {
  const tables = first.tables.map((table): VerifiedTable => {
    const again = second.tables.find((one) => one.source === table.source)
    if (again === undefined) return table
    const { missing, extra, changed, exact, incomplete, seconds } = again
    const partly = second.suspects.has(table.source)
    // Of a part nobody knows how many rows of the target it had before; all of them follow from the source's.
    const rows = partly ? { ...table, targetRows: table.sourceRows - missing + extra } : again
    return {
      ...rows,
      ...{ missing, extra, changed, exact },
      incomplete: incomplete ?? table.incomplete,
      seconds: table.seconds + seconds,
    }
  })
  const names = new Set(second.tables.map((table) => table.source))
  return {
    tables,
    differences: [...first.differences.filter((one) => !names.has(one.table)), ...second.differences],
    suspects: new Map([...first.suspects, ...second.suspects]),
  }
}
