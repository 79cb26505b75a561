import { setTimeout as sleep } from 'node:timers/promises'
import { type Compared, compareTables, type TablesInput, type TableWork } from '../compare/tables.ts'
import type { VerifiedTable } from '../contract/verify.ts'

/** Before a difference is looked at again, in milliseconds. */
const MOMENT = 500
/** Looks at a table whose differences change from one to the next. */
const LOOKS = 3

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

/** Compares what differed before once more. */
export async function compareSuspects(input: TablesInput, before: Compared): Promise<Compared> {
  const open = before.tables.filter(isDifferent).map((table) => table.source)
  return merged(before, await compareTables({ ...input, work: suspected(input.work, before, open) }))
}

/** What was the same needs no second look. */
function suspected(work: readonly TableWork[], { suspects }: Compared, open: readonly string[]): TableWork[] {
  return work
    .filter(({ move }) => open.includes(move.source))
    .map((one) => ({ ...one, ranges: suspects.get(one.move.source) ?? one.ranges }))
}

const isDifferent = ({ missing, extra, changed }: VerifiedTable): boolean => missing + extra + changed > 0

function isAlike(table: VerifiedTable, before: readonly VerifiedTable[]): boolean {
  const same = before.find((one) => one.source === table.source)
  return (
    same !== undefined &&
    same.missing === table.missing &&
    same.extra === table.extra &&
    same.changed === table.changed
  )
}

/** The second look at some ranges: its differences stand, the first one's numbers of rows too. */
function merged(first: Compared, second: Compared): Compared {
  const tables = first.tables.map((table): VerifiedTable => {
    const again = second.tables.find((one) => one.source === table.source)
    if (again === undefined) return table
    const { missing, extra, changed, exact, incomplete, seconds } = again
    const partly = second.suspects.has(table.source)
    return {
      ...(partly ? table : again),
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
