import { ident } from '../connection/quote.ts'
import { duplicateReason, findDuplicates } from '../profile/duplicates.ts'
import type { Finding, Rule } from '../profile/model.ts'
import type { MarkedTable, Marking } from '../profile/set-aside.ts'
import type { Way } from '../types/model.ts'
import {
  circleBlocker,
  findingBlocker,
  occupiedBlockers,
  takenBlockers,
  triggerBlockers,
  widthBlockers,
} from './blockers.ts'
import type { Drafts } from './draft.ts'
import { withoutLongIndexes } from './long-indexes.ts'
import type { Blocker, LeftOut, Move, MoveColumn, Plan, TargetTable } from './model.ts'
import { circle, refersToItself, waitsFor } from './order.ts'
import type { Link } from './rules.ts'
import { isOf, keyOf, type PlanInput, type Studied } from './study.ts'
import type { BuiltTable } from './target-table.ts'
import { takenNames, targetTables } from './targets.ts'
import { type UniqueQuestion, uniquesToTest } from './uniques.ts'

/** One table with what was found in it and what follows from that. */
interface Decided {
  readonly studied: Studied
  readonly target: TargetTable
  readonly notes: readonly string[]
  /** The foreign keys that the target will enforce. */
  readonly links: readonly Link[]
  /** What a whole row must keep to. */
  readonly rules: readonly Rule[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
  readonly uniques: readonly UniqueQuestion[]
  readonly findings: readonly Finding[]
}

export interface Assembled {
  /** What has to be set aside, when rows are. */
  readonly marked: ReadonlyMap<string, MarkedTable>
  finish(markings: ReadonlyMap<string, Marking>): Plan
}

/** Turns what was drafted and found into the Plan. */
export async function assemble(
  input: PlanInput,
  drafted: Drafts,
  studied: readonly Studied[],
): Promise<Assembled> {
  const targets = targetTables(input, studied)
  const occupied = new Set<string>()
  for (const { existing, source } of drafted.drafts)
    if (existing && (await input.isOccupied(existing, source.name))) occupied.add(existing.name)
  const decided: Decided[] = []
  for (const one of studied) {
    const target = targets.tables.get(one.draft.source.name)!
    decided.push(await decide(input, one, target))
  }
  return {
    marked: new Map(decided.map((one) => [one.studied.draft.source.name, marked(one)])),
    finish: (markings) => ({
      version: 1,
      migration: input.settings.name,
      source: { label: input.sourceLabel, engine: 'sqlite', encoding: input.catalog.encoding },
      target: { label: input.targetLabel, schema: input.settings.targetSchema },
      badRows: input.settings.badRows,
      moves: decided.map((one) => moveOf(input, one, drafted, markings)),
      leftOut: [...drafted.leftOut, ...targets.leftOut, ...decided.flatMap((one) => one.leftOut)],
      blockers: blockersOf(input, drafted, decided, occupied),
      notes: [
        ...(drafted.drafts.length === 0 ? ['no table was found to move'] : []),
        ...drafted.notes,
        ...weaker(studied),
        ...input.source.notes,
      ],
    }),
  }
}

async function decide(input: PlanInput, studied: Studied, built: BuiltTable): Promise<Decided> {
  const { draft, profile, question } = studied
  const enforced = studied.links.filter(({ link }) => isEnforced(link, studied, built.table))
  const uniques = uniquesToTest(draft, built, profile.ways)
  const checked = studied.checks.filter(({ check }) => built.checks.includes(check))
  const rules = question.rules.filter(
    (rule) => rule.kind === 'null' || [...enforced, ...checked].some((one) => one.rule === rule),
  )
  const findings = profile.findings.filter(
    (finding) => !question.rules.some((rule) => !rules.includes(rule) && isOf(finding, rule)),
  )
  if (input.settings.badRows === 'stop') {
    for (const unique of uniques) {
      const duplicates = await findDuplicates(question, unique)
      if (duplicates) findings.push(duplicates)
    }
  }
  return {
    studied,
    ...withoutLongIndexes(draft, built, studied.longKeys),
    links: enforced.map(({ link }) => link),
    rules,
    uniques,
    findings,
  }
}

/** Columns whose content asked for another type than their declaration: easily overlooked, and for good. */
function weaker(studied: readonly Studied[]): string[] {
  const columns = studied.flatMap(({ draft, profile }) =>
    draft.columns
      .filter(
        ({ source, existing }) => !existing && source.declared !== '' && profile.vetoes.has(source.name),
      )
      .map(({ source }) => `${draft.source.name}.${source.name} (${profile.ways.get(source.name)!.type})`),
  )
  if (columns.length === 0) return []
  return [`weaker than declared, because of values that do not fit: ${columns.join(', ')}`]
}

/** Foreign keys that the new table will not get cannot be broken. */
function isEnforced(link: Link, { draft }: Studied, target: TargetTable): boolean {
  if (draft.existing) return true
  const columns = link.columns.map((name) => draft.columns.find((one) => one.source.name === name)!.target)
  return target.foreignKeys.some((key) => key.columns.join('\0') === columns.join('\0'))
}

function marked({ studied, links, rules, uniques, findings }: Decided): MarkedTable {
  const { question, profile } = studied
  // What has not been looked at may break any rule.
  const partial = studied.profiledRows !== null
  const found = (column: string | null, reason: string) =>
    partial || findings.some((finding) => finding.column === column && finding.reason === reason)
  const values = question.columns.flatMap((column) => {
    const way = profile.ways.get(column.name)!
    const sql = way.misfit(column.expression)
    return sql !== null && found(column.name, way.misfitReason)
      ? [{ column: column.name, text: way.misfitReason, sql }]
      : []
  })
  const broken = rules
    .filter((rule) => found(rule.column, rule.reason))
    .map((rule) => ({ column: rule.column, text: rule.reason, sql: rule.broken }))
  return {
    question,
    unprofiled: studied.ranges.slice(question.ranges.length),
    failing: profile.failing,
    tests: [...values, ...broken],
    uniques: uniques.map((unique) => ({
      column: unique.columns.length === 1 ? unique.columns[0]! : null,
      text: duplicateReason(unique.columns, unique.name),
      values: unique.values,
      nulls: unique.nulls,
      where: unique.where,
    })),
    parents: links.map((link) => ({
      column: link.columns[0]!,
      text: `${link.reason} that is kept`,
      parent: link.parent,
      childValues: link.childValues,
      parentValues: link.parentValues,
      present: link.present,
    })),
  }
}

function moveOf(
  input: PlanInput,
  { studied, target, notes, findings }: Decided,
  drafted: Drafts,
  markings: ReadonlyMap<string, Marking>,
): Move {
  const { draft, profile } = studied
  const computed = new Set(target.columns.filter((column) => column.generated).map((column) => column.name))
  const columns = draft.columns
    .filter((column) => !computed.has(column.target))
    .map((column): MoveColumn => {
      const way = profile.ways.get(column.source.name)!
      const expression = ident(column.source.name)
      const asked = studied.asked.get(column.source.name)!
      const veto = profile.vetoes.get(column.source.name)
      return {
        source: column.source.name,
        target: column.target,
        declared: column.source.declared,
        type: way.type,
        why: veto === undefined ? asked.why : `${asked.why}, but ${veto}`,
        conversion: way.conversion,
        carrier: way.carrier,
        way: way.id,
        read: way.read(expression),
        misfit: way.misfit(expression),
        misfitReason: way.misfitReason,
      }
    })
  const alone = refersToItself(draft, drafted.drafts)
  return {
    source: draft.source.name,
    target,
    existing: draft.existing !== null,
    key: keyOf(draft),
    columns,
    format: columns.some((column) => column.carrier === 'label') ? 'text' : 'binary',
    largeValues: [...profile.ways.values()].some((way) => way.large),
    chunkRows: alone ? null : input.settings.batchSize,
    after: waitsFor(draft, drafted.drafts),
    profiledRows: studied.profiledRows,
    notes: [...draft.notes, ...notes],
    statistics: {
      rows: studied.ranges.reduce((sum, range) => sum + range.rows, 0),
      misfits: markings.get(draft.source.name)?.findings ?? findings,
    },
  }
}

function blockersOf(
  input: PlanInput,
  drafted: Drafts,
  decided: readonly Decided[],
  occupied: ReadonlySet<string>,
): Blocker[] {
  const { drafts } = drafted
  const waiting = circle(drafts)
  return [
    ...drafted.blockers,
    ...occupiedBlockers(drafts, occupied),
    ...triggerBlockers(drafts, input.target),
    ...widthBlockers(drafts),
    ...takenBlockers(drafts, new Set(takenNames(input.target, input.settings.targetSchema))),
    ...(waiting.length > 0 ? [circleBlocker(waiting)] : []),
    ...decided.flatMap((one) => one.blockers),
    ...(input.settings.badRows === 'stop'
      ? decided.flatMap(({ studied, findings }) =>
          findings.map((finding) =>
            findingBlocker(studied.draft, finding, studied.profile.rows, wayOf(studied, finding)),
          ),
        )
      : []),
  ]
}

/** The way that the rows do not fit, or null where they break a rule. */
function wayOf({ profile }: Studied, { column, reason }: Finding): Way | null {
  const way = column === null ? undefined : profile.ways.get(column)
  return way?.misfitReason === reason ? way : null
}
