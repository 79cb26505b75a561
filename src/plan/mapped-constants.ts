import type { Constant } from '../config/column.ts'
import { literal } from '../connection/quote.ts'
import { castType, isArray, isJson } from './mapped-types.ts'

/**
 * A constant of the config as SQL of the target. Its text is what the type's own input takes, so that
 * nothing is rounded on the way.
 *
 * @param type the column's, of a domain the type beneath; `declared`: as it is declared.
 * @returns null where the type cannot hold such a constant: an object that is not JSON, a list that is
 *   neither JSON nor an array.
 */
export function renderConstant(value: Constant, type: string, declared: string): string | null {
  if (value === null) return 'NULL'
  const text = textOf(value, type)
  return text === null ? null : `${literal(text)}::${castType(type, declared)}`
}

function textOf(value: Constant, type: string): string | null {
  if (isJson(type)) return json(value)
  if (isArray(type)) return Array.isArray(value) ? arrayText(value, type.slice(0, -2)) : null
  return typeof value === 'object' ? null : String(value)
}

/** `JSON.stringify` knows no bigint. */
function json(value: Constant): string {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isList(value)) return `[${value.map(json).join(',')}]`
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}:${json(one)}`)
    .join(',')}}`
}

const isList = (value: Constant): value is readonly Constant[] => Array.isArray(value)

/** Lists in lists are an array's further dimensions, but of JSON an element. */
function arrayText(values: readonly Constant[], element: string): string | null {
  const parts: string[] = []
  for (const value of values) {
    const nested = isList(value) && !isJson(element)
    const text = value === null ? 'NULL' : nested ? arrayText(value, element) : textOf(value, element)
    if (text === null) return null
    parts.push(value === null || nested ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`)
  }
  return `{${parts.join(',')}}`
}
