import type { CheckConstraint } from '../catalog/model.ts'
import { isSign, nameOf, type Token, tokenize } from '../catalog/sqlite-tokens.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import { LandfallError } from '../errors.ts'
import type { Rule } from '../profile/model.ts'
import { run } from '../profile/run.ts'
import { translate } from '../types/expression.ts'
import type { Draft } from './draft.ts'
import { expressionColumns } from './target-table.ts'
import type { Asked } from './ways.ts'

/** A check of the source that the target may get, and the rows that break it already. */
export interface CheckRule {
  readonly check: CheckConstraint
  readonly rule: Rule
}

/**
 * Rows can break the checks of their own table (`PRAGMA ignore_check_constraints`, a definition that
 * came later). Found out beforehand: otherwise the constraint would fail when all rows are loaded.
 */
export async function checkRules(
  source: SqliteSource,
  draft: Draft,
  asked: ReadonlyMap<string, Asked>,
): Promise<CheckRule[]> {
  if (draft.existing !== null || draft.source.checks.length === 0) return []
  const rules = draft.source.checks
    .filter((check) => isTranslatable(check, draft, asked))
    .flatMap((check) => checkRule(check, draft) ?? [])
  const known = await Promise.all(rules.map(({ rule }) => isStatement(source, draft, rule)))
  return rules.filter((_, i) => known[i])
}

/** With the types that are asked for first, or with those that hold everything: content decides later. */
function isTranslatable(check: CheckConstraint, draft: Draft, asked: ReadonlyMap<string, Asked>): boolean {
  return [0, -1].some((at) => {
    const columns = draft.columns.map((column) => ({
      source: column.source.name,
      target: column.target,
      type: asked.get(column.source.name)!.ways.at(at)!.type,
    }))
    const context = {
      columns: expressionColumns({ table: draft.source, columns }),
      purpose: 'check',
    } as const
    return 'sql' in translate(check.expression, context)
  })
}

function checkRule(check: CheckConstraint, draft: Draft): CheckRule | null {
  const named = new Set<string>()
  const expression = overTable(check.expression, (name) => {
    const column = draft.source.columns.find((one) => one.name.toLowerCase() === name.toLowerCase())
    if (column !== undefined) named.add(column.name)
    return column !== undefined
  })
  const choices = draft.columns.filter((column) => named.has(column.source.name))
  // The target judges what the config makes of a value, which is known only there.
  if (
    choices.some(
      ({ choice }) => choice?.convert != null || choice?.nul != null || choice?.invalidUtf8 != null,
    )
  )
    return null
  const emptied = choices.filter(({ choice }) => choice?.empty === 'null')
  const broken = [
    `NOT (${expression})`,
    ...emptied.map(({ source }) => `t.${ident(source.name)} IS NOT ''`),
  ].join(' AND ')
  return {
    check,
    rule: {
      kind: 'check',
      column: named.size === 1 ? [...named][0]! : null,
      broken: `(${broken})`,
      reason: `breaks CHECK (${check.expression.replace(/\s+/g, ' ').trim()})`,
    },
  }
}

/**
 * The expression as it can stand in a SELECT over the table named `t`: names that go by the table's own
 * name go by `t`, and a text in double quotes is written as the text that SQLite takes it for.
 */
function overTable(sql: string, isColumn: (name: string) => boolean): string {
  const tokens = tokenize(sql)
  let result = ''
  let from = 0
  const replace = (token: Token, text: string) => {
    result += sql.slice(from, token.start) + text
    from = token.end
  }
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'string' || token.kind === 'sign') continue
    const isPrefix = !/^\d/.test(token.text) && isSign(tokens[i + 1], '.')
    if (isPrefix) replace(token, 't')
    else if (!isColumn(nameOf(token)) && token.text.startsWith('"')) replace(token, literal(nameOf(token)))
  }
  return result + sql.slice(from)
}

/** What SQLite does not understand outside of its table is left to the target. */
async function isStatement(source: SqliteSource, draft: Draft, rule: Rule): Promise<boolean> {
  try {
    await run({ source }, [
      `SELECT 1 FROM ${qualified('main', draft.source.name)} AS t WHERE 0 AND ${rule.broken}`,
    ])
    return true
  } catch (error) {
    if (error instanceof LandfallError) return false
    throw error
  }
}
