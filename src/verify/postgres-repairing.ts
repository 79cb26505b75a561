import type { Catalog } from '../catalog/model.ts'
import type { Matched } from '../compare/postgres-match.ts'
import { repairPostgresTable } from '../compare/postgres-repair.ts'
import { moveOf } from '../compare/postgres-structure.ts'
import type { PostgresCompared } from '../compare/postgres-tables.ts'
import type { Session } from '../connection/postgres.ts'
import type { RepairReport } from '../contract/verify.ts'
import { existingSequences, sequenceStatement } from '../schema/sequences.ts'
import { isDifferent } from './looks.ts'
import type { PostgresSides, PostgresVerification } from './postgres-sides.ts'
import { repairInOrder } from './repair.ts'
import { underLock } from './repairing.ts'

export interface PostgresRepairing {
  readonly asked: PostgresVerification
  readonly sides: PostgresSides
  readonly session: Session
  readonly matched: Matched
  /** The target's. */
  readonly target: Catalog
  /** The source's sequences: see `lastNumbers`. */
  readonly last: ReadonlyMap<string, string>
  readonly compared: PostgresCompared
}

/**
 * Asks, and makes the target's tables equal to the source's as it is after the answer. Null when there is
 * nothing to repair. Errors: LF206, LF208, LF401, LF402; what is wrong with one table is in the report.
 */
export async function repairPostgres(repairing: PostgresRepairing): Promise<RepairReport | null> {
  const { asked, sides, session, matched, compared } = repairing
  const { settings, tools, target } = asked
  const { deleteExtra, showValues } = settings.verification
  const differing = compared.tables.filter(isDifferent).map((table) => table.source)
  const work = matched.pairs.flatMap((pair) => {
    const suspects = compared.suspects.get(pair.table)
    return suspects === undefined || !differing.includes(pair.table)
      ? []
      : [{ source: pair.table, target: pair.target, pair, suspects }]
  })
  tools.progress?.({ kind: 'phase', phase: 'repair' })
  return await underLock({ settings, tools, target, session }, compared.tables, async (record) => {
    await sides.renew()
    const report = await repairInOrder({
      work,
      catalog: repairing.target,
      deleteExtra,
      showValues,
      repairOne: ({ pair, suspects }, deletes) =>
        repairPostgresTable({
          ...sides.both,
          verification: settings.verification,
          pair,
          suspects,
          deleteExtra: deletes,
          record: record(pair.table),
          open: target.open,
        }),
    })
    await moveSequences(repairing)
    return report
  })
}

/** Numbers that were repaired into a table must not be given out again. */
async function moveSequences({ session, matched, last }: PostgresRepairing): Promise<void> {
  for (const pair of matched.pairs) {
    const { schema, name } = pair.target
    for (const use of existingSequences(pair.target, moveOf(pair, matched.pairs, last).target))
      await session.query(sequenceStatement(schema, name, use))
  }
}
