import type { Catalog } from '../catalog/model.ts'
import type { Deletable, RepairRecord } from '../compare/repair.ts'
import {
  type Compared,
  repairTable,
  type TableRepair,
  type TablesInput,
  type TableWork,
} from '../compare/tables.ts'
import type { RepairReport } from '../contract/verify.ts'
import type { LandfallError } from '../errors.ts'
import { isDifferent } from './looks.ts'

export interface Repairing {
  readonly tables: TablesInput
  readonly found: Compared
  /** The target's; its foreign keys say which tables must be filled first. */
  readonly catalog: Pick<Catalog, 'tables'>
  readonly deletable: Deletable
  readonly record: (table: string) => RepairRecord
}

/** See `repairInOrder`. */
export async function repairTables(repairing: Repairing): Promise<RepairReport> {
  const { found, tables, catalog, deletable } = repairing
  const differs = (work: TableWork): boolean =>
    found.tables.some((table) => table.source === work.move.source && isDifferent(table))
  return await repairInOrder({
    work: tables.work
      .filter(differs)
      .map((one) => ({ ...one, source: one.move.source, target: one.move.target })),
    catalog,
    deleteExtra: deletable !== null,
    showValues: tables.verification.showValues,
    repairOne: (work, deletes) =>
      repairTable(tables, work, found.suspects.get(work.source) ?? null, {
        deletable: deletes ? deletable : null,
        record: repairing.record(work.source),
      }),
  })
}

/** A table to be repaired, by its name in reports and its name in the target. */
export interface RepairWork {
  readonly source: string
  readonly target: { readonly schema: string; readonly name: string }
}

export interface InOrder<Work extends RepairWork> {
  readonly work: readonly Work[]
  readonly catalog: Pick<Catalog, 'tables'>
  readonly deleteExtra: boolean
  /** Reasons may quote values. */
  readonly showValues: boolean
  readonly repairOne: (work: Work, deleteExtra: boolean) => Promise<TableRepair>
}

/**
 * Writes rows that are missing or changed, parents before their children, then deletes what only the
 * target has, children first. What the target refuses is tried again as long as other tables get on, for
 * a row may need one of them.
 *
 * Errors: LF305, LF402; what is wrong with one table is told in the report.
 */
export async function repairInOrder<Work extends RepairWork>(
  repairing: InOrder<Work>,
): Promise<RepairReport> {
  const order = parentsFirst(repairing.work, repairing.catalog)
  const total = { inserted: 0, updated: 0, deleted: 0 }
  const extraLeft = new Map<string, number>()
  let failed = new Map<string, string>()
  for (let open: readonly Work[] = order; open.length > 0; ) {
    let moved = 0
    const refused = new Map<string, string>()
    const attempt = async (work: Work, deleteExtra: boolean): Promise<void> => {
      const { source } = work
      const { inserted, updated, deleted, ...rest } = await repairing.repairOne(work, deleteExtra)
      total.inserted += inserted
      total.updated += updated
      total.deleted += deleted
      moved += inserted + updated + deleted
      extraLeft.set(source, rest.extraLeft)
      // Of two attempts in a round the last one tells what is still wrong.
      if (rest.refused === null) refused.delete(source)
      else refused.set(source, reasonOf(rest.refused, repairing.showValues))
    }
    for (const work of open) await attempt(work, false)
    if (repairing.deleteExtra) for (const work of [...open].reverse()) await attempt(work, true)
    failed = refused
    open = moved === 0 ? [] : open.filter((work) => refused.has(work.source))
  }
  return {
    ...total,
    extraLeft: [...extraLeft.values()].reduce((sum, rows) => sum + rows, 0),
    failed: [...failed].map(([table, reason]) => ({ table, reason })),
  }
}

/** Their details name columns, and values: `Key (email)=(a@example.org) already exists.` */
const OF_KEYS: readonly unknown[] = ['23503', '23505', '23P01']

const UNIQUE_VALUE_TAKEN = '23505'
const ADVICE =
  'if an extra row has that value, --delete-extra deletes it; if rows exchange values, set one of them to a free value by hand, and repair again'

/** The detail names the key that is there twice, or that has no parent; others hold whole rows. */
function reasonOf({ message, details }: LandfallError, showValues: boolean): string {
  const advice = details?.sqlstate === UNIQUE_VALUE_TAKEN ? `; ${ADVICE}` : ''
  if (typeof details?.detail !== 'string') return `${message}${advice}`
  if (showValues) return `${message} (${details.detail})${advice}`
  if (!OF_KEYS.includes(details.sqlstate)) return message
  return `${message} (${details.detail.replace(/=\(.*\)/s, '')})${advice}`
}

function parentsFirst<Work extends RepairWork>(
  work: readonly Work[],
  catalog: Pick<Catalog, 'tables'>,
): Work[] {
  const nameOf = ({ target }: Work): string => `${target.schema}.${target.name}`
  const parents = new Map(
    catalog.tables.map((table) => [
      `${table.schema}.${table.name}`,
      table.foreignKeys.map((key) => `${key.refSchema}.${key.refTable}`),
    ]),
  )
  const ordered: Work[] = []
  let rest = [...work]
  while (rest.length > 0) {
    const names = new Set(rest.map(nameOf))
    const free = rest.filter((one) =>
      (parents.get(nameOf(one)) ?? []).every((parent) => parent === nameOf(one) || !names.has(parent)),
    )
    // Tables in a circle come in any order; what is refused is tried again.
    const next = free.length > 0 ? free : rest
    ordered.push(...next)
    rest = rest.filter((one) => !next.includes(one))
  }
  return ordered
}
