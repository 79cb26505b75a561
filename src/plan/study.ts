import { extname } from 'node:path'
import type { Catalog, Table } from '../catalog/model.ts'
import type { Settings } from '../config/model.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { ProgressListener } from '../contract/progress.ts'
import type { Finding, Rule, ScanRange, TableProfile, TableQuestion } from '../profile/model.ts'
import { profileTable } from '../profile/profile.ts'
import { run } from '../profile/run.ts'
import type { Way } from '../types/model.ts'
import { mixedText, text } from '../types/text.ts'
import { type CheckRule, checkRules } from './check-rules.ts'
import type { Draft } from './draft.ts'
import { judged, type Refuses } from './labels.ts'
import { type LongKey, longKeys } from './long-indexes.ts'
import { type Dense, type Link, linksOf, nullRules, orphanRule } from './rules.ts'
import { type Asked, columnExpression, waysOf } from './ways.ts'

/** Rows that one scanning statement looks at. */
const SCAN_ROWS = 10_000
/** Tables that are profiled at the same time; their statements share the readers anyway. */
const TABLES_AT_ONCE = 4

export interface PlanInput {
  readonly source: SqliteSource
  readonly sourceLabel: string
  readonly catalog: Catalog
  /** The target's catalog without what this migration made itself. */
  readonly target: Catalog
  readonly targetLabel: string
  /** Whether an existing target table holds rows that this migration did not write. */
  readonly isOccupied: (target: Table, source: string) => Promise<boolean>
  /** Which values a type of the target does not take; null when there is no target to ask. */
  readonly refuses: Refuses | null
  readonly settings: Settings
  readonly progress: ProgressListener
}

/** A table on its way through planning: what was asked and what was found. */
export interface Studied {
  readonly draft: Draft
  readonly question: TableQuestion
  readonly asked: ReadonlyMap<string, Asked>
  readonly profile: TableProfile
  /** All ranges of the table; the profile may have looked at the first ones only. */
  readonly ranges: readonly ScanRange[]
  readonly profiledRows: number | null
  readonly links: readonly { readonly link: Link; readonly rule: Rule }[]
  /** Indexes with values that PostgreSQL's cannot hold. */
  readonly longKeys: readonly LongKey[]
  readonly checks: readonly CheckRule[]
}

/** Profiles every table that is moved, a few at a time. */
export async function study(input: PlanInput, drafts: readonly Draft[]): Promise<Studied[]> {
  const results: Studied[] = []
  const dense = await denseParents(input.source, drafts)
  const queue = drafts.entries()
  const work = async () => {
    for (const [i, draft] of queue) results[i] = await studyTable(input, draft, drafts, dense)
  }
  await Promise.all(Array.from({ length: TABLES_AT_ONCE }, work))
  return results
}

/** Tables whose INTEGER PRIMARY KEY has no gap; see `orphanRule`. */
async function denseParents(source: SqliteSource, drafts: readonly Draft[]): Promise<Map<string, Dense>> {
  const found = new Map<string, Dense>()
  const wanted = new Set(drafts.flatMap((draft) => linksOf(draft, drafts).map((link) => link.parent)))
  for (const { source: table } of drafts.filter((draft) => wanted.has(draft.source.name))) {
    const id = table.columns.find((column) => column.identity !== null)
    if (id === undefined) continue
    const c = ident(id.name)
    const [rows] = await run({ source }, [
      `SELECT CAST(min(${c}) AS TEXT), CAST(max(${c}) AS TEXT), CAST(count(*) AS TEXT) FROM ${qualified('main', table.name)}`,
    ])
    const [low, high, count] = rows![0]!
    if (low !== null && BigInt(String(high)) - BigInt(String(low)) + 1n === BigInt(String(count)))
      found.set(table.name, { low: String(low), high: String(high) })
  }
  return found
}

async function studyTable(
  input: PlanInput,
  draft: Draft,
  drafts: readonly Draft[],
  dense: ReadonlyMap<string, Dense>,
): Promise<Studied> {
  const { source, settings, catalog } = input
  const table = qualified('main', draft.source.name)
  const key = keyOf(draft)
  const ranges = await source.run<ScanRange[]>({
    module: new URL(`../connection/sqlite-ranges-job${extname(import.meta.url)}`, import.meta.url).href,
    export: 'ranges',
    args: { table, keys: key.expressions, step: Math.min(SCAN_ROWS, settings.batchSize) },
  })
  const looked = firstRows(ranges, settings.profileRows)
  const partial = looked.length < ranges.length
  const asked = new Map(draft.columns.map((column) => [column.source.name, waysOf(column, catalog.encoding)]))
  const total = looked.reduce((sum, range) => sum + range.rows, 0)
  let done = 0
  const links = linksOf(draft, drafts).map((link) => ({
    link,
    rule: orphanRule(link, link.byRowid ? (dense.get(link.parent) ?? null) : null),
  }))
  const long = await longKeys(source, draft)
  const checks = await checkRules(source, draft, asked)
  const waysOfColumn = async (name: string): Promise<readonly Way[]> => {
    const { ways } = asked.get(name)!
    const { refuses } = input
    const column = { source, table, keys: key.expressions, ranges: looked, expression: ident(name) }
    const tested = ways.map((way) => (way.judge && refuses ? judged(way, column, refuses) : way))
    const settled = await Promise.all(tested)
    return partial ? widest(settled) : settled
  }
  const question: TableQuestion = {
    source,
    name: draft.source.name,
    table,
    key,
    ranges: looked,
    columns: await Promise.all(
      draft.columns.map(async (column) => ({
        name: column.source.name,
        expression: columnExpression(column),
        ways: await waysOfColumn(column.source.name),
      })),
    ),
    rules: [...nullRules(draft), ...[...links, ...checks, ...long].map(({ rule }) => rule)],
    encoding: catalog.encoding,
    progress: (rows) => {
      done += rows
      input.progress({ kind: 'table', phase: 'profile', table: draft.source.name, done, total })
    },
  }
  const profile = await namelessColumns(await profileTable(question), question)
  const profiledRows = partial ? total : null
  const found = long.filter(({ rule }) => profile.findings.some((finding) => isOf(finding, rule)))
  const longer = partial ? await foundIn(question, long) : found
  return { draft, question, asked, profile, ranges, profiledRows, links, longKeys: longer, checks }
}

/** Whether a finding is of rows that break this rule. */
export function isOf(finding: Finding, rule: Rule): boolean {
  return finding.column === rule.column && finding.reason === rule.reason
}

/** Whether an index can be made depends on all rows, also where the profile looks at the first ones only. */
async function foundIn({ source, table }: TableQuestion, keys: readonly LongKey[]): Promise<LongKey[]> {
  const sql = keys.map(({ rule }) => `SELECT EXISTS (SELECT 1 FROM ${table} AS t WHERE ${rule.broken})`)
  const results = await run({ source }, sql)
  return keys.filter((_, i) => Number(results[i]![0]![0]) === 1)
}

/** Without the ways that are quicker because of what all values have in common: rows to come may not. */
function widest(ways: readonly Way[]): readonly Way[] {
  return ways.filter((way) => !ways.some((other) => other.id === way.wider))
}

/** What finds the rows: the rowid by its best name, or the key of a WITHOUT ROWID table. */
export function keyOf({ source }: Draft): {
  kind: 'rowid' | 'columns'
  expressions: string[]
  names: string[]
} {
  if (source.rowid === null) {
    const { columns, collations } = source.primaryKey!
    const expressions = columns.map((name, i) => {
      const column = source.columns.find((one) => one.name === name)
      const own = column?.collation?.toUpperCase()
      // Comparisons go by the column's collation, by which different keys may be equal.
      return own && own !== collations[i]?.toUpperCase() ? `${ident(name)} COLLATE BINARY` : ident(name)
    })
    return { kind: 'columns', expressions, names: [...columns] }
  }
  const alias = source.columns.find((column) => column.identity !== null)?.name ?? source.rowid
  return { kind: 'rowid', expressions: [ident(alias)], names: [alias] }
}

function firstRows(ranges: readonly ScanRange[], limit: number | null): readonly ScanRange[] {
  if (limit === null) return ranges
  let rows = 0
  const end = ranges.findIndex((range) => {
    rows += range.rows
    return rows >= limit
  })
  return end === -1 ? ranges : ranges.slice(0, end + 1)
}

/** Columns without a declared type and without a value say nothing: text holds whatever comes later. */
async function namelessColumns(profile: TableProfile, question: TableQuestion): Promise<TableProfile> {
  const ways = new Map(profile.ways)
  for (const column of question.columns) {
    const way = ways.get(column.name)!
    if (!column.ways.includes(mixedText) || way !== column.ways[0]) continue
    if (!(await isEmpty(question, column.expression))) continue
    if (way.type === 'bigint') ways.set(column.name, text)
  }
  return { ...profile, ways }
}

async function isEmpty(question: TableQuestion, expression: string): Promise<boolean> {
  const sql = `SELECT EXISTS (SELECT 1 FROM ${question.table} AS t WHERE ${expression} IS NOT NULL)`
  const [rows] = await run(question, [sql])
  return Number(rows![0]![0]) === 0
}
