import type { Column } from '../catalog/model.ts'
import { ident } from '../connection/quote.ts'
import { familyOf, isPortable } from '../types/wire.ts'

/** One column as both PostgreSQL servers are asked for it. */
export interface CanonicalPair {
  /** SQL of each side over its table as `t`; equal values yield equal bytes in the binary form. */
  readonly source: string
  readonly target: string
  /** Why the text stands for the value, where the types are not the same; else null. */
  readonly note: string | null
}

/** Their values depend on the length or scale that was declared. */
const BY_LENGTH = new Set(['numeric', 'character', 'bit'])

const INTEGERS = new Set(['smallint', 'integer', 'bigint'])

export function isInteger(column: Column): boolean {
  return INTEGERS.has(column.declared)
}

/** A column of the table as `t`. */
export const sideColumn = ({ name }: Column): string => `t.${ident(name)}`

/** The form in which a column's values are compared. */
export function canonicalPair(source: Column, target: Column): CanonicalPair {
  const ours = sideColumn(source)
  const theirs = sideColumn(target)
  const from = familyOf(source.declared)
  const to = familyOf(target.declared)
  const alike = from.base === to.base && from.array === to.array
  const same = source.declared === target.declared || (alike && !BY_LENGTH.has(from.base))
  if (same && isPortable(source.declared)) return { source: ours, target: theirs, note: null }
  const note = same
    ? null
    : `${source.name}: ${source.declared} in the source and ${target.declared} in the target, compared as text`
  return {
    source: same ? asText(ours) : asComparableText(ours, source.declared),
    target: same ? asText(theirs) : asComparableText(theirs, target.declared),
    note,
  }
}

/**
 * SQL of the source's value as the target's column takes it, and the type that the text has to be turned
 * into first; null where the bytes are those of that type. A cast to a length would cut off in silence.
 */
export function loadedAs(
  source: Column,
  target: Column,
): { readonly sql: string; readonly judged: string | null } {
  const { note } = canonicalPair(source, target)
  const { base, array } = familyOf(target.declared)
  if (note === null && isPortable(target.declared)) return { sql: sideColumn(source), judged: null }
  const isText = !array && /^(text|character|bpchar)/.test(base)
  return { sql: asText(sideColumn(source)), judged: isText ? 'pg_catalog.text' : target.declared }
}

export const asText = (sql: string): string => `(${sql})::pg_catalog.text`

/** Of numbers with another scale only the value counts; `trim_scale` is not there before PostgreSQL 13. */
function asComparableText(sql: string, declared: string): string {
  const text = asText(sql)
  if (familyOf(declared).base !== 'numeric' || declared.endsWith('[]')) return text
  return `CASE WHEN ${text} ~ '[.]' THEN pg_catalog.rtrim(pg_catalog.rtrim(${text}, '0'), '.') ELSE ${text} END`
}

/** Values that people read without quotes. */
export function isPlain(column: Column): boolean {
  return /^(smallint|integer|bigint|real|double precision|numeric|boolean|date|time|uuid|oid|inet)/.test(
    column.declared,
  )
}
