import { setTimeout as sleep } from 'node:timers/promises'
import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import { postgresComparison } from '../compare/postgres-comparison.ts'
import { PostgresSnapshot } from '../compare/postgres-snapshot.ts'
import {
  comparePostgresTables,
  type PostgresCompared,
  type PostgresTablesInput,
} from '../compare/postgres-tables.ts'
import type { Settings } from '../config/model.ts'
import type { Connection, PostgresConnection } from '../connection/settings.ts'
import type { Target } from '../connection/target.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Tools } from '../contract/tools.ts'
import type { VerifyReport } from '../contract/verify.ts'
import { LandfallError } from '../errors.ts'
import { isAlike, isDifferent, LOOKS, MOMENT } from './looks.ts'
import { type Matched, matchTables } from './postgres-match.ts'
import { lastNumbers, postgresStructure } from './postgres-structure.ts'
import { isWhole, verifyReport } from './report.ts'

/** The source where it is a PostgreSQL database, else null. */
export function postgresSource(from: Connection): PostgresConnection | null {
  return from.engine === 'postgres' ? from : null
}

export interface PostgresVerification {
  readonly settings: Settings
  readonly tools: Tools
  readonly from: PostgresConnection
  readonly target: Target
  readonly startedAt: Date
}

/**
 * Compares the tables of two PostgreSQL databases, each as it was at one moment. Nothing is written, also
 * no record of it.
 *
 * Errors: LF001 for a repair; LF005; LF101 and LF104 of the source, LF301 to LF305 of the target; LF403.
 */
export async function verifyPostgres(asked: PostgresVerification): Promise<VerifyReport> {
  const { settings, tools, from, target, startedAt } = asked
  if (settings.verification.repair)
    throw new LandfallError('LF001', 'a PostgreSQL database cannot be repaired from another one yet', {
      hint: 'landfall verify   without --repair names the rows that differ',
    })
  const { maxSeconds } = settings.verification
  const deadline = maxSeconds === null ? null : performance.now() + maxSeconds * 1000
  const sides = await Sides.open(asked)
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
      const compared = await compareUntilSettled(sides, input)
      const session = await target.open('verify')
      try {
        const last = await lastNumbers((sql) => sides.source.ask(sql), found.source.tables)
        const structure = await postgresStructure(session, found.matched.pairs, found.source, last)
        return verifyReport({
          settings,
          source: from.label,
          target: target.label,
          startedAt,
          ...compared,
          checks: [...found.matched.checks, ...structure, ...found.checks],
          repair: null,
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
  readonly matched: Matched
  readonly checks: readonly CheckResult[]
  readonly notes: readonly string[]
}

async function readBoth(settings: Settings, sides: Sides): Promise<Read> {
  const source = await sides.source.run((session) => readPostgresCatalog(session))
  const target = await sides.target.run((session) => readPostgresCatalog(session))
  const matched = matchTables(settings, source, target)
  const kinds = Map.groupBy(source.others, (other) => other.kind)
  const others = [...kinds].map(([kind, all]) => `${all.length} × ${kind}`)
  return {
    source,
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
  sides: Sides,
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

/** The later look's differences stand, and the first one's numbers of rows. */
function merged(first: PostgresCompared, second: PostgresCompared): PostgresCompared {
  const names = new Set(second.tables.map((table) => table.source))
  return {
    tables: first.tables.map((table) => {
      const again = second.tables.find((one) => one.source === table.source)
      if (again === undefined) return table
      const { missing, extra, changed, exact, incomplete, seconds } = again
      const rows = second.suspects.has(table.source) ? table : again
      return { ...rows, missing, extra, changed, exact, incomplete, seconds: table.seconds + seconds }
    }),
    differences: [...first.differences.filter((one) => !names.has(one.table)), ...second.differences],
    suspects: first.suspects,
  }
}

/** The snapshots of both databases; they are taken anew to look again. */
class Sides {
  readonly #asked: PostgresVerification
  both: { readonly source: PostgresSnapshot; readonly target: PostgresSnapshot }
  #aborted = false

  private constructor(asked: PostgresVerification, both: Sides['both']) {
    this.#asked = asked
    this.both = both
  }

  static async open(asked: PostgresVerification): Promise<Sides> {
    return new Sides(asked, await openBoth(asked))
  }

  get source(): PostgresSnapshot {
    return this.both.source
  }

  get target(): PostgresSnapshot {
    return this.both.target
  }

  async renew(): Promise<void> {
    await this.close()
    this.both = await openBoth(this.#asked)
    if (this.#aborted) await this.#abort()
  }

  async stoppable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const stop = (): void => void this.#abort()
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    try {
      return await work()
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #abort(): Promise<void> {
    this.#aborted = true
    await Promise.all([this.source.abort(), this.target.abort()])
  }

  async close(): Promise<void> {
    await Promise.all([this.source.close(), this.target.close()])
  }
}

async function openBoth({ from, target, settings }: PostgresVerification): Promise<Sides['both']> {
  const applicationName = 'landfall verify'
  const source = await PostgresSnapshot.open(
    from.settings,
    { applicationName, label: from.label, role: 'source' },
    settings.jobs,
  )
  try {
    const options = { applicationName, label: target.label }
    return { source, target: await PostgresSnapshot.open(target.settings, options, settings.jobs) }
  } catch (error) {
    await source.close()
    throw error
  }
}
