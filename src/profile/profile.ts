import type { Way } from '../types/model.ts'
import type { ColumnQuestion, Finding, Rule, ScanRange, TableProfile, TableQuestion } from './model.ts'
import { batches, type Row, run } from './run.ts'
import * as statements from './statements.ts'

const EXAMPLES = 10

interface State {
  readonly column: ColumnQuestion
  index: number
  settled: boolean
  misfits: number
}

/**
 * Decides the way of every column and finds every row that would not fit. Ways are hypotheses: a few
 * rows suggest one for each column, a scan of the whole table confirms all of them at once, and only
 * where it does not are the ranges in question looked at in detail and the next way tried.
 */
export async function profileTable(question: TableQuestion): Promise<TableProfile> {
  const states = question.columns.map((column): State => ({ column, index: 0, settled: false, misfits: 0 }))
  await guess(question, states)
  const failing = new Set<ScanRange>()
  const broken = new Map<Rule, number>()
  let rows = 0
  for (let pass = 0; pass === 0 || states.some((state) => !state.settled); pass++) {
    const open = states.filter((state) => !state.settled)
    const rules = pass === 0 ? question.rules : []
    const scanned = await scan(question, open, rules, pass === 0)
    if (pass === 0) rows = scanned.rows
    await settle(question, open, rules, scanned.suspect, failing, broken)
  }
  const suspects = [...failing]
  return {
    rows,
    ways: new Map(states.map((state) => [state.column.name, wayOf(state)])),
    vetoes: await vetoes(question, states),
    findings: [
      ...(await columnFindings(question, states, suspects)),
      ...(await ruleFindings(question, broken, suspects)),
    ],
    failing: suspects,
  }
}

function wayOf(state: State): Way {
  return state.column.ways[state.index]!
}

async function guess(question: TableQuestion, states: readonly State[]): Promise<void> {
  const first = question.ranges[0]
  const last = question.ranges.at(-1)
  if (!first || !last) return
  for (const group of batches(states, 60)) {
    const columns = group.map((state) => state.column)
    const tests = columns.flatMap((column) => column.ways.map((way) => way.misfit(column.expression) ?? '0'))
    const sql = [first, last].map((range) => statements.sampleCounts(question, columns, tests, range))
    const results = await run(question, sql)
    const failed = tests.map((_, i) => results.some((result) => Number(result[0]?.[i] ?? 0) > 0))
    let at = 0
    for (const state of group) {
      const ways = state.column.ways.length
      const fits = failed.slice(at, at + ways).indexOf(false)
      state.index = fits === -1 ? ways - 1 : fits
      at += ways
    }
  }
}

async function scan(
  question: TableQuestion,
  states: readonly State[],
  rules: readonly Rule[],
  report: boolean,
): Promise<{ rows: number; suspect: ScanRange[] }> {
  const choices = states.map((state) => ({ column: state.column, way: wayOf(state) }))
  let rows = 0
  const suspect: ScanRange[] = []
  await Promise.all(
    batches(question.ranges, 10).map(async (group) => {
      const sql = group.map((range) => statements.scan(question, choices, rules, range))
      const results = await run(question, sql)
      let seen = 0
      results.forEach((result, i) => {
        const [count, broken, texts] = result[0]!
        seen += Number(count)
        if (Number(broken) > 0 || Number(texts) === 0) suspect.push(group[i]!)
      })
      rows += seen
      if (report) question.progress(seen)
    }),
  )
  return { rows, suspect }
}

/** Looks at the suspect ranges test by test: settles columns, or moves them to their next way. */
async function settle(
  question: TableQuestion,
  states: readonly State[],
  rules: readonly Rule[],
  suspect: readonly ScanRange[],
  failing: Set<ScanRange>,
  broken: Map<Rule, number>,
): Promise<void> {
  for (const group of batches(states, 60)) {
    const tests = group.flatMap((state) =>
      state.column.ways.slice(state.index).map((way) => way.misfit(state.column.expression) ?? '0'),
    )
    const totals = await countAll(question, tests, suspect)
    let at = 0
    const unfit: State[] = []
    for (const state of group) {
      const remaining = state.column.ways.length - state.index
      const mine = totals.sums.slice(at, at + remaining)
      if (mine[0] === 0) state.settled = true
      else if (remaining === 1) unfit.push(state)
      else {
        const next = mine.indexOf(0)
        state.index += next === -1 ? remaining - 1 : next
      }
      at += remaining
    }
    for (const state of unfit) await leastEvil(question, state, failing)
  }
  if (rules.length === 0) return
  const totals = await countAll(
    question,
    rules.map((rule) => rule.broken),
    suspect,
  )
  rules.forEach((rule, i) => {
    if (totals.sums[i]! > 0) broken.set(rule, totals.sums[i]!)
    for (const range of totals.where[i]!) failing.add(range)
  })
}

/**
 * No way fits every value: of those to the base's type the one that fits most is taken (one bad text must
 * not turn all the good ones away), and what it does not fit are the rows that cannot be stored.
 */
async function leastEvil(question: TableQuestion, state: State, failing: Set<ScanRange>): Promise<void> {
  const { ways, expression } = state.column
  const type = ways.at(-1)!.type
  const candidates = ways.flatMap((way, index) => (way.type === type ? [{ way, index }] : []))
  const tests = candidates.map(({ way }) => way.misfit(expression) ?? '0')
  const { sums, where } = await countAll(question, tests, question.ranges)
  const best = sums.indexOf(Math.min(...sums))
  state.index = candidates[best]!.index
  state.settled = true
  state.misfits = sums[best]!
  for (const range of where[best]!) failing.add(range)
}

async function countAll(
  question: TableQuestion,
  tests: readonly string[],
  ranges: readonly ScanRange[],
): Promise<{ sums: number[]; where: ScanRange[][] }> {
  const sums = tests.map(() => 0)
  const where: ScanRange[][] = tests.map(() => [])
  await Promise.all(
    batches(ranges, 4).map(async (group) => {
      const results = await run(
        question,
        group.map((range) => statements.counts(question, tests, range)),
      )
      results.forEach((result: Row[], g) => {
        for (const [i, value] of (result[0] ?? []).entries()) {
          sums[i] = sums[i]! + Number(value)
          if (Number(value) > 0) where[i]!.push(group[g]!)
        }
      })
    }),
  )
  return { sums, where }
}

async function columnFindings(
  question: TableQuestion,
  states: readonly State[],
  ranges: readonly ScanRange[],
): Promise<Finding[]> {
  const found: Finding[] = []
  for (const state of states.filter((one) => one.misfits > 0)) {
    const test = wayOf(state).misfit(state.column.expression)!
    found.push({
      column: state.column.name,
      reason: wayOf(state).misfitReason,
      rows: state.misfits,
      examples: await someExamples(question, test, state.column, ranges, EXAMPLES),
    })
  }
  return found
}

async function ruleFindings(
  question: TableQuestion,
  broken: ReadonlyMap<Rule, number>,
  ranges: readonly ScanRange[],
): Promise<Finding[]> {
  const found: Finding[] = []
  for (const [rule, rows] of broken) {
    const column = question.columns.find((one) => one.name === rule.column) ?? null
    const examples = await someExamples(question, rule.broken, column, ranges, EXAMPLES)
    found.push({ column: rule.column, reason: rule.reason, rows, examples })
  }
  return found
}

async function someExamples(
  question: TableQuestion,
  test: string,
  column: ColumnQuestion | null,
  ranges: readonly ScanRange[],
  limit: number,
): Promise<string[]> {
  const found: string[] = []
  for (const range of ranges) {
    if (found.length >= limit) break
    const sql = statements.examples(question, test, column, range, limit - found.length)
    const [result] = await run(question, [sql])
    found.push(...result!.map((row) => String(row[0])))
  }
  return found
}

/**
 * Where content changed the type that the declaration asked for: one value that did it, if possible one
 * that cannot be read as that type in any way.
 */
async function vetoes(question: TableQuestion, states: readonly State[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const state of states) {
    const { ways, expression, name } = state.column
    const preferred = ways[0]!
    if (preferred.type === wayOf(state).type) continue
    const alike = ways.filter((way) => way.type === preferred.type)
    const tests = alike.map((way) => `(${way.misfit(expression) ?? '0'})`)
    for (const [test, reason] of [
      [
        tests.join(' AND '),
        alike.length === 1 ? preferred.misfitReason : `cannot be read as ${preferred.type}`,
      ],
      [tests[0]!, preferred.misfitReason],
    ] as const) {
      const [example] = await someExamples(question, test, state.column, question.ranges, 1)
      if (example === undefined) continue
      const { sums } = await countAll(question, [test], question.ranges)
      const others = sums[0]! - 1
      const more = others === 0 ? '' : ` (and ${others.toLocaleString('en')} more)`
      found.set(name, `${example} ${reason}${more}`)
      break
    }
  }
  return found
}
