import type { ColumnDifference } from '../contract/verify.ts'
import { columns, cut, printable } from './text.ts'

/** So many terminal columns of a value are shown. */
const WIDEST = 120
/** Characters before the first one that differs, where a value is too long to be shown whole. */
const BEFORE = 20

/**
 * The two values of a column, to be compared by eye: NULL as `NULL`, numbers as they are, all else in
 * quotes. Of long values what is around the first difference; what differs and looks the same (é of one
 * or two characters) with its characters' numbers. Null where the values were not asked for.
 */
export function valuePair(found: ColumnDifference): { source: string | null; target: string | null } {
  const { source, target } = found
  if (typeof source !== 'string' || typeof target !== 'string')
    return { source: one(source), target: one(target) }
  const long = Math.max(columns(source), columns(target)) > WIDEST
  const from = long ? startAt(source, firstOther(source, target) - BEFORE) : 0
  const shown = { source: quoted(source, from, printable), target: quoted(target, from, printable) }
  const alike = shown.source.normalize('NFKC') === shown.target.normalize('NFKC')
  if (!alike || source === target) return shown
  return { source: quoted(source, from, asNumbers), target: quoted(target, from, asNumbers) }
}

function one(value: string | null | undefined): string | null {
  if (value === undefined) return null
  return value === null ? 'NULL' : quoted(value, 0, printable)
}

function quoted(value: string, from: number, show: (text: string) => string): string {
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) && value.length <= WIDEST) return value
  const head = from > 0 ? '…' : ''
  const text = value.slice(from, from + 2 * WIDEST)
  // Quotes and backslashes of the value are not those around it, and not those of an escape.
  return `${head}"${cut(show(text.replaceAll(/["\\]/g, '\\$&')), WIDEST)}"`
}

function asNumbers(text: string): string {
  return printable(text).replaceAll(/[^ -~]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
}

/** Where two texts begin to differ. */
function firstOther(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

/** The same place, or the one before it where it would cut a character in two. */
function startAt(text: string, at: number): number {
  if (at <= 0) return 0
  return /[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at
}
