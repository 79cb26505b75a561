import { translateDefault } from './expression-default.ts'
import type { ExpressionContext } from './expression-model.ts'
import { collated, condition, isNumber, number, textual } from './expression-operators.ts'
import { parse } from './expression-parser.ts'
import { Untranslatable } from './expression-tokens.ts'
import { translateTree } from './expression-tree.ts'
import { typeClass, type Value } from './expression-value.ts'

export type { ExpressionContext } from './expression-model.ts'
export type { ExpressionColumn } from './expression-value.ts'

export type Translation = { readonly sql: string } | { readonly untranslatable: string }

/**
 * Translates a SQLite expression into PostgreSQL where both mean the same for every row that is
 * carried, or says in one clause why not. A check that the target's types already keep is `true`.
 *
 * Equal means equal results, with these edges: what leaves 64 bits (SQLite goes on with a real) or
 * the range of doubles is an error in PostgreSQL, and an integer beyond 2^53 beside a real is rounded.
 */
export function translate(sql: string, context: ExpressionContext): Translation {
  try {
    const tree = parse(sql)
    if (context.purpose === 'default') return { sql: translateDefault(tree, context) }
    const value = translateTree(tree, context)
    if (context.purpose === 'index') {
      if (value.kind === 'opaque' && value.column === undefined)
        throw new Untranslatable('its values have another form in the target')
      if (value.constant !== undefined || value.kind === 'null')
        throw new Untranslatable('it is the same for every row')
      if (context.unique !== true && value.collation?.name === 'NOCASE') return { sql: `lower(${value.sql})` }
      return { sql: collated(value, value.collation?.name).sql }
    }
    if (context.purpose === 'generated') return { sql: stored(value, context.type ?? 'text') }
    return { sql: condition(value).sql }
  } catch (error) {
    if (error instanceof Untranslatable) return { untranslatable: error.message }
    throw error
  }
}

/** A generated column's expression, of a kind that the column's type takes without losing anything. */
function stored(value: Value, type: string): string {
  const wanted = typeClass(type)
  if (wanted === 'boolean' && value.kind === 'bool') return value.sql
  if (wanted === 'bytea' && value.kind === 'blob') return value.sql
  if (value.kind === 'null') return 'null'
  const plain = number(value)
  if (wanted === 'text') return textual(plain).sql
  if (wanted === 'int' && plain.kind === 'int') return plain.sql
  if ((wanted === 'double' || wanted === 'numeric') && isNumber(plain)) return plain.sql
  throw new Untranslatable(`its values have another form than ${type}`)
}
