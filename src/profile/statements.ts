import { inRange, type KeyRange, keyPreview, literalOf, previewOf } from '../connection/sqlite-key.ts'
import type { Way } from '../types/model.ts'
import type { ColumnQuestion, Rule, TableQuestion } from './model.ts'

/** A column with one of its ways. */
export interface Choice {
  readonly column: ColumnQuestion
  readonly way: Way
}

/** What a bulk test of bytes may hold at once; longer values are tested one by one. */
const BULK_BYTES = 16 * 1024 * 1024

/** `a OR b OR …` as a balanced tree, since SQLite limits the depth of an expression. */
export function anyOf(tests: readonly string[]): string {
  if (tests.length === 0) return '0'
  if (tests.length === 1) return `(${tests[0]})`
  const middle = tests.length >> 1
  return `(${anyOf(tests.slice(0, middle))} OR ${anyOf(tests.slice(middle))})`
}

function from(question: TableQuestion, range: KeyRange): string {
  return `FROM ${question.table} AS t WHERE ${inRange(question.key.expressions, range)}`
}

/**
 * One pass over a range: how many rows there are, how many may break something, and whether all the
 * text in it is valid. Texts are joined and tested at once, because one call for each value would cost
 * more than reading it.
 */
export function scan(
  question: TableQuestion,
  choices: readonly Choice[],
  rules: readonly Rule[],
  range: KeyRange & { readonly rows: number },
): string {
  const textual = choices.filter((choice) => choice.way.bytes)
  const bulk = question.encoding === 'UTF-8'
  const short = Math.max(64, Math.floor(BULK_BYTES / Math.max(1, range.rows) / Math.max(1, textual.length)))
  const tests = choices.flatMap(({ column, way }) => {
    const c = column.expression
    if (!way.bytes) return nonNull(way.misfit(c))
    if (!bulk) return nonNull(way.misfit(c))
    return [
      ...nonNull(way.quickMisfit(c)),
      `octet_length(${c}) > ${short} AND NOT landfall_text_ok(CAST(${c} AS BLOB))`,
    ]
  })
  const pieces = bulk
    ? textual.map(({ column: { expression: c } }) => `CASE WHEN octet_length(${c}) <= ${short} THEN ${c} END`)
    : []
  const texts =
    pieces.length === 0
      ? '1'
      : `coalesce(landfall_text_ok(CAST(group_concat(${joined(pieces)}, char(10)) AS BLOB)), 1)`
  const broken = anyOf([...tests, ...rules.map((rule) => rule.broken)])
  return `SELECT count(*), count(*) FILTER (WHERE ${broken}), ${texts} ${from(question, range)}`
}

/** `concat_ws` takes at most a thousand arguments; tables may have more columns. */
function joined(pieces: readonly string[]): string {
  if (pieces.length <= 500) return `concat_ws(char(10), ${pieces.join(', ')})`
  return `concat_ws(char(10), ${joined(pieces.slice(0, 500))}, ${joined(pieces.slice(500))})`
}

/** How many rows of a range fail each test, exactly. */
export function counts(question: TableQuestion, tests: readonly string[], range: KeyRange): string {
  return `SELECT ${tests.map((test) => `count(*) FILTER (WHERE ${test})`).join(', ')} ${from(question, range)}`
}

/** The same over a few rows from one end of the table: enough to guess which way fits. */
export function sampleCounts(
  question: TableQuestion,
  columns: readonly ColumnQuestion[],
  tests: readonly string[],
  range: KeyRange,
): string {
  const names = columns.map((column) => column.expression).join(', ')
  return `SELECT ${tests.map((test) => `count(*) FILTER (WHERE ${test})`).join(', ')} FROM (SELECT ${names} ${from(question, range)} LIMIT 1000)`
}

/** Up to `limit` rows that fail a test: key and value, for people. */
export function examples(
  question: TableQuestion,
  test: string,
  column: ColumnQuestion | null,
  range: KeyRange,
  limit: number,
): string {
  const key = keyPreview(question.key.names, question.key.expressions)
  const value = column === null ? '' : ` || ' (' || ${previewOf(column.expression)} || ')'`
  return `SELECT ${key}${value} ${from(question, range)} AND (${test}) LIMIT ${limit}`
}

/** The keys of all rows of a range that fail some test, with the number of the first test they fail. */
export function failingKeys(question: TableQuestion, tests: readonly string[], range: KeyRange): string {
  const which = tests.map((test, i) => `WHEN ${test} THEN ${i}`).join(' ')
  const keys = question.key.expressions.map(literalOf).join(', ')
  return `SELECT CASE ${which} END, ${keys} ${from(question, range)} AND ${anyOf(tests)}`
}

export function nonNull(test: string | null): string[] {
  return test === null ? [] : [test]
}
