import type { CheckConstraint } from '../catalog/model.ts'
import { ident } from '../connection/quote.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { Rule } from '../profile/model.ts'
import { translate } from '../types/expression.ts'
import type { Draft } from './draft.ts'
import { isCondition, overTable } from './source-sql.ts'
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
  // What SQLite does not understand here is left to the target.
  const known = await Promise.all(rules.map(({ rule }) => isCondition(source, draft.source, rule.broken)))
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
  const expression = overTable(check.expression, draft.source)
  const choices = draft.columns.filter((column) => expression.columns.includes(column.source.name))
  // The target judges what the config makes of a value, which is known only there.
  if (
    choices.some(
      ({ choice }) => choice?.convert != null || choice?.nul != null || choice?.invalidUtf8 != null,
    )
  )
    return null
  const emptied = choices.filter(({ choice }) => choice?.empty === 'null')
  const broken = [
    `NOT (${expression.sql})`,
    ...emptied.map(({ source }) => `t.${ident(source.name)} IS NOT ''`),
  ].join(' AND ')
  return {
    check,
    rule: {
      kind: 'check',
      column: expression.columns.length === 1 ? expression.columns[0]! : null,
      broken: `(${broken})`,
      reason: `breaks CHECK (${check.expression.replace(/\s+/g, ' ').trim()})`,
    },
  }
}
