import pc from 'picocolors'

export type Colors = ReturnType<typeof pc.createColors>

/** How a report is drawn: with colours or without, for a terminal so many columns wide. */
export interface Style {
  readonly colors: Colors
  /** Infinity where nothing breaks long lines: in files, pipes and editors. */
  readonly width: number
}

export const PLAIN: Style = { colors: pc.createColors(false), width: Number.POSITIVE_INFINITY }

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
    .replaceAll(/:\/\/[^\s"@/:]*:[^\s"]*@/g, '://***@')
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

/**
 * Rows of plain cells under titles, aligned; lines carry no trailing spaces. Where the terminal is too
 * narrow, cells continue in their own column instead of being broken by the terminal.
 */
export function alignedTable(
  head: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  indent = '',
): string[] {
  const cells = rows.map((row) => row.map(printable))
  const wanted = head.map((column, i) =>
    Math.max(columns(column.title), ...cells.map((row) => columns(row[i] ?? ''))),
  )
  const widths = fitted(head, wanted, style.width - columns(indent))
  const line = (row: readonly string[]): string =>
    indent +
    head
      .map((column, i) => pad(row[i] ?? '', widths[i]!, column.align === 'right' ? 'right' : 'left'))
      .join('  ')
      .trimEnd()
  const lines = (row: readonly string[]): string[] => {
    const parts = head.map((column, i) =>
      column.align === 'right' ? [row[i] ?? ''] : wrap(row[i] ?? '', widths[i]!),
    )
    const height = Math.max(1, ...parts.map((part) => part.length))
    return Array.from({ length: height }, (_, n) => line(parts.map((part) => part[n] ?? '')))
  }
  return [style.colors.dim(line(head.map((column) => column.title))), ...cells.flatMap(lines)]
}

/** Takes what is too much from the last column, which holds prose, then from the widest; not from numbers. */
function fitted(head: readonly TableColumn[], wanted: readonly number[], limit: number): number[] {
  const widths = [...wanted]
  const last = widths.length - 1
  let over = widths.reduce((sum, width) => sum + width, 0) + 2 * last - limit
  while (over > 0) {
    const open = widths.flatMap((width, i) =>
      head[i]!.align !== 'right' && width > Math.max(MIN_WIDTH, columns(head[i]!.title)) ? [i] : [],
    )
    if (open.length === 0) break
    const prose = open.includes(last) && widths[last]! > MIN_PROSE
    widths[prose ? last : open.reduce((best, i) => (widths[i]! > widths[best]! ? i : best))]!--
    over--
  }
  return widths
}

const MIN_WIDTH = 8
const MIN_PROSE = 28

/** Lines of at most so many columns, broken at spaces; only a word that is longer is broken inside. */
export function wrap(text: string, width: number): string[] {
  if (columns(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/(?<=\S) /)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (columns(longer) <= width) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    line = ''
    for (const char of word.trimStart()) {
      if (line !== '' && columns(line + char) > width) {
        lines.push(line)
        line = ''
      }
      line += char
    }
  }
  return [...lines, line]
}

/** A text behind an indent; where it does not fit it goes on in lines that are indented deeper. */
export function paragraph(text: string, style: Style, indent: string, more = `${indent}  `): string[] {
  // A terminal too narrow for any layout still gets whole words.
  const room = Math.max(20, style.width - Math.max(columns(indent), columns(more)))
  return wrap(printable(text), room).map((line, i) => (i === 0 ? indent : more) + line)
}

/** The same lines, with the words that open the first one painted. */
export function headed(
  lines: readonly string[],
  head: string,
  paint: (text: string) => string,
): readonly string[] {
  const [first = '', ...more] = lines
  return first.startsWith(head) ? [paint(head) + first.slice(head.length), ...more] : lines
}

/** Examples on a line; a composite key holds commas itself, so the next key stands behind a semicolon. */
export function joined(examples: readonly string[]): string {
  return examples.join('; ')
}

/** The first keys of some rows; `…` where there are more. */
export function exampleLines(
  found: { readonly rows: number; readonly examples: readonly string[] },
  style: Style,
): string[] {
  if (found.examples.length === 0) return []
  const rest = found.rows > found.examples.length ? '; …' : ''
  return paragraph(`${joined(found.examples)}${rest}`, style, '    ', '    ')
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
