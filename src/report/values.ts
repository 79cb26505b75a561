import type { ColumnDifference } from '../contract/verify.ts'
import { cut, printable } from './text.ts'

/** So many terminal columns of a value are shown. */
const WIDEST = 120

/**
 * The two values of a column, to be compared by eye: NULL as `NULL`, numbers as they are, all else in
 * quotes. What differs and looks the same (é of one or two characters) is shown with its characters'
 * numbers. Null where the values were not asked for.
 */
export function valuePair({ source, target }: ColumnDifference): Pair {
  const shown = { source: quoted(source, printable), target: quoted(target, printable) }
  if (source === target || shown.source?.normalize('NFKC') !== shown.target?.normalize('NFKC')) return shown
  return { source: quoted(source, asNumbers), target: quoted(target, asNumbers) }
}

interface Pair {
  readonly source: string | null
  readonly target: string | null
}

function quoted(value: string | null | undefined, show: (text: string) => string): string | null {
  if (value === undefined) return null
  if (value === null) return 'NULL'
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) return cut(value, WIDEST)
  // Quotes and backslashes of the value are not those around it, and not those of an escape.
  return `"${cut(show(value.slice(0, 2 * WIDEST).replaceAll(/["\\]/g, '\\$&')), WIDEST)}"`
}

function asNumbers(text: string): string {
  return printable(text).replaceAll(/[^ -~]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
}
