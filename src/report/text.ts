import pc from 'picocolors'

export type Colors = ReturnType<typeof pc.createColors>

/** How a report is drawn: with colours or without, for a terminal so many columns wide. */
export interface Style {
  readonly colors: Colors
  readonly width: number
}

export const PLAIN: Style = { colors: pc.createColors(false), width: 100 }

/** Names and values come from anywhere: what would steer a terminal is shown as an escape instead. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) =>
      ({ '\n': '\\n', '\t': '\\t', '\r': '\\r' })[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}

/** Hides what looks like a password, for texts that we did not write ourselves. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/:\/\/[^\s'"@/:]*:[^\s'"]*@/g, '://***@')
    .replaceAll(/(password|passwd|pwd|token)(\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s,;&]+)/gi, '$1$2***')
}

/** Terminal columns of a text without control characters. */
export function columns(text: string): number {
  let count = 0
  for (const char of text) {
    if (/\p{M}/u.test(char)) continue
    count += WIDE.test(char) ? 2 : 1
  }
  return count
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u

/** Cut to so many columns, with `…` where something was cut. */
export function cut(text: string, width: number): string {
  if (columns(text) <= width) return text
  let out = ''
  let used = 0
  for (const char of text) {
    const more = columns(char)
    if (used + more > width - 1) break
    out += char
    used += more
  }
  return `${out}…`
}

export function pad(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - columns(text)))
  return side === 'left' ? text + space : space + text
}

export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Rows of plain cells under titles, aligned; lines carry no trailing spaces. */
export function alignedTable(
  head: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  indent = '',
): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = head.map((column, i) =>
    Math.max(columns(column.title), ...cells.map((row) => columns(row[i] ?? ''))),
  )
  const line = (row: readonly string[]): string =>
    indent +
    head
      .map((column, i) => pad(row[i] ?? '', widths[i]!, column.align === 'right' ? 'right' : 'left'))
      .join('  ')
      .trimEnd()
  return [style.colors.dim(line(head.map((column) => column.title))), ...cells.map(line)]
}

/** `1,234,567`, the same in every locale. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 row`, `2 rows`. */
export function rows(n: number): string {
  return `${count(n)} ${n === 1 ? 'row' : 'rows'}`
}

/** `1 table`, `2 tables`. */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : more}`
}

/** `0.42 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`
}

/** Rows per second: `850/s`, `12.3 k/s`, `1.20 M/s`; `-` when there is nothing to say. */
export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '-'
  if (perSecond < 1000) return `${Math.round(perSecond)}/s`
  if (perSecond < 1e6) return `${(perSecond / 1000).toFixed(1)} k/s`
  return `${(perSecond / 1e6).toFixed(2)} M/s`
}
