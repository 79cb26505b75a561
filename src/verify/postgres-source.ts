import { setTimeout as sleep } from 'node:timers/promises'
import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import { readFlaws } from '../checks/flaws.ts'
import { postgresComparison } from '../compare/postgres-comparison.ts'
import { type Matched, matchTables } from '../compare/postgres-match.ts'
import { lastNumbers, postgresStructure } from '../compare/postgres-structure.ts'
import {
  comparePostgresTables,
  type PostgresCompared,
  type PostgresTablesInput,
} from '../compare/postgres-tables.ts'
import type { Settings } from '../config/model.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import type { CheckResult } from '../contract/check.ts'
import type { RepairReport, VerifyReport } from '../contract/verify.ts'
import { isAlike, isDifferent, LOOKS, MOMENT, reachesFurther } from './looks.ts'
import { isMappedMigration, verifyMapped } from './postgres-mapped.ts'
import { repairPostgres } from './postgres-repairing.ts'
import { PostgresSides, type PostgresVerification } from './postgres-sides.ts'
import { isWhole, verifyReport } from './report.ts'

/**
 * Compares the tables of two PostgreSQL databases, each as it was at one moment. Nothing is written, also
 * no record of it, unless the target is to be repaired.
 *
 * Errors: LF001, LF005; LF101 and LF104 of the source, LF301 to LF305 of the target; of a repair LF206,
 * LF208 and LF401; LF403.
 */
export async function verifyPostgres(asked: PostgresVerification): Promise<VerifyReport> {
  if (await isMappedMigration(asked)) return await verifyMapped(asked)
  const { settings, tools, from, target, startedAt } = asked
  const { maxSeconds } = settings.verification
  const deadline = maxSeconds === null ? null : performance.now() + maxSeconds * 1000
  const sides = await PostgresSides.open(asked)
  try {
    return await sides.stoppable(tools.signal, async () => {
      const found = await readBoth(settings, sides)
      tools.progress?.({ kind: 'phase', phase: 'verify' })
      const input = {
        work: found.matched.pairs,
        verification: settings.verification,
        deadline,
        jobs: settings.jobs,
        progress: tools.progress,
      }
      const differing = await compareUntilSettled(sides, input)
      const session = await target.open('verify')
      try {
        const last = await lastNumbers((sql) => sides.source.ask(sql), found.source.tables)
        const repair = settings.verification.repair
          ? await repairPostgres({ asked, sides, session, ...found, last, compared: differing })
          : null
        const compared =
          repair === null ? differing : await compareRepaired(sides, input, differing, repair, found.target)
        const known = await sides.source.run((one) =>
          readFlaws(one, [...new Set(found.source.tables.map((table) => table.schema))]),
        )
        const structure = await postgresStructure(session, found.matched.pairs, found, last, known)
        return verifyReport({
          settings,
          source: from.label,
          target: target.label,
          startedAt,
          ...compared,
          checks: [...found.matched.checks, ...structure, ...found.checks],
          repair,
          notes: [...from.notes, ...found.notes],
        })
      } finally {
        await session.close()
      }
    })
  } finally {
    await sides.close()
  }
}

interface Read {
  readonly source: Catalog
  readonly target: Catalog
  readonly matched: Matched
  readonly checks: readonly CheckResult[]
  readonly notes: readonly string[]
}

async function readBoth(settings: Settings, sides: PostgresSides): Promise<Read> {
  const source = await sides.source.run((session) => readPostgresCatalog(session))
  const target = await sides.target.run((session) => readPostgresCatalog(session))
  const matched = matchTables(settings, source, target)
  const kinds = Map.groupBy(source.others, (other) => other.kind)
  const others = [...kinds].map(([kind, all]) => `${all.length} × ${kind}`)
  return {
    source,
    target,
    matched,
    checks: isWhole(settings) ? await largeObjects(sides.source) : [],
    notes: [
      ...matched.pairs.flatMap((pair) => postgresComparison(pair).notes),
      ...(others.length === 0 ? [] : [`in the source and not compared: ${others.join(', ')}`]),
    ],
  }
}

/** They belong to no table. */
async function largeObjects(source: PostgresSnapshot): Promise<CheckResult[]> {
  const [found] = await source.ask<{ n: string }>(
    'SELECT pg_catalog.count(*) AS n FROM pg_catalog.pg_largeobject_metadata',
  )
  if (found === undefined || found.n === '0') return []
  return [
    {
      name: 'large objects are the same',
      result: 'incomplete',
      expected: `${found.n} of the source`,
      found: 'large objects are not compared',
    },
  ]
}

/** As for a SQLite source: what only had not arrived yet is no difference. */
async function compareUntilSettled(
  sides: PostgresSides,
  input: Omit<PostgresTablesInput, 'source' | 'target'>,
): Promise<PostgresCompared> {
  let found = await comparePostgresTables({ ...input, ...sides.both })
  let open = found.tables.filter(isDifferent).map((table) => table.source)
  for (let look = 2; look <= LOOKS && open.length > 0; look += 1) {
    if (input.deadline !== null && performance.now() + MOMENT > input.deadline) break
    await sleep(MOMENT)
    await sides.renew()
    const work = input.work.filter((pair) => open.includes(pair.table))
    const again = await comparePostgresTables(
      { ...input, ...sides.both, work, progress: undefined },
      found.suspects,
    )
    open = again.tables
      .filter((table) => isDifferent(table) && !isAlike(table, found.tables))
      .map((table) => table.source)
    found = merged(found, again)
  }
  return found
}

async function compareRepaired(
  sides: PostgresSides,
  input: Omit<PostgresTablesInput, 'source' | 'target'>,
  before: PostgresCompared,
  repaired: RepairReport,
  target: Catalog,
): Promise<PostgresCompared> {
  await sides.renew()
  if (reachesFurther(repaired, target)) return await comparePostgresTables({ ...input, ...sides.both })
  const differed = before.tables.filter(isDifferent).map((table) => table.source)
  const work = input.work.filter((pair) => differed.includes(pair.table))
  const again = await comparePostgresTables({ ...input, ...sides.both, work }, before.suspects)
  return merged(before, again)
}

/** The later look's differences stand, and the first one's numbers of rows. */
function merged(first: PostgresCompared, second: PostgresCompared): PostgresCompared {
  const names = new Set(second.tables.map((table) => table.source))
  return {
    tables: first.tables.map((table) => {
      const again = second.tables.find((one) => one.source === table.source)
      if (again === undefined) return table
      const { missing, extra, changed, exact, incomplete, seconds } = again
      const partly = second.suspects.has(table.source)
      const rows = partly ? { ...table, targetRows: table.sourceRows - missing + extra } : again
      return { ...rows, missing, extra, changed, exact, incomplete, seconds: table.seconds + seconds }
    }),
    differences: [...first.differences.filter((one) => !names.has(one.table)), ...second.differences],
    suspects: first.suspects,
  }
}
