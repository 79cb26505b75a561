import type { MatchChoice } from '../config/choices.ts'
import type { FoundIdentity } from './mapped-keys.ts'
import { block, type Mapping, type Path } from './mapped-model.ts'
import type { Stage } from './mapped-stage.ts'
import { columnOf, targetTable } from './mapped-tables.ts'
import { castType, isComparable } from './mapped-types.ts'
import type { MatchRule } from './mapping.ts'

/** One way to find the new key of an old one; null where a person has to decide first. */
export async function matchRule(
  mapping: Mapping,
  found: FoundIdentity,
  stage: Stage,
  said: MatchChoice,
  path: Path,
): Promise<MatchRule | null> {
  const { through, ignoreCase } = said
  const into = through === null ? found.into : await targetTable(mapping, through.table, [...path, 'through'])
  if (into === null) return null
  const gives = columnOf(into, through?.gives ?? found.said.toKey, [...path, 'gives'])
  const comparable = (column: string, type: string | null, other: string): void => {
    if (type === null || isComparable(type, other)) return
    block(
      mapping,
      into.table,
      column,
      `${into.table.name}.${column} is ${other}, which never equals ${type}`,
      [
        `${path.slice(0, 2).join('.')}.match: compare other columns, or a SELECT that converts: from: sql\`…\``,
      ],
    )
  }
  const baseOf = (name: string, declared: string): string => into.base.get(name) ?? declared
  if (through !== null) comparable(gives.name, found.newType, baseOf(gives.name, gives.declared))
  const where = through !== null ? 'where' : ignoreCase ? 'equalIgnoringCase' : 'equal'
  const pairs = said.pairs.map((pair) => {
    const column = columnOf(into, pair.column, [...path, where, pair.column])
    const value = stage.column(pair.source, [...path, where, pair.column])
    const base = baseOf(column.name, column.declared)
    if (!ignoreCase) comparable(column.name, value.type, base)
    return {
      column: column.name,
      type: ignoreCase ? null : castType(base, column.declared),
      value: value.sql,
    }
  })
  const names = said.pairs.map(({ column }) => column).join(', ')
  const how = ignoreCase ? ' ignoring case' : ''
  return {
    label: through === null ? `equal${how}: ${names}` : `through ${into.table.name}.${names}${how}`,
    table: { schema: into.table.schema, name: into.table.name },
    gives: gives.name,
    pairs,
    ignoreCase,
  }
}
