import { isExpected, LandfallError, type Place } from '../errors.ts'
import type { Blocker } from '../plan/model.ts'
import { blockerChoices, blockerRows, renderBlocker } from './plan.ts'
import { many, PLAIN, printable, type Style, withoutSecrets, wrap } from './text.ts'

/** Labels (never connection strings) of the two databases, as far as they are known. */
export interface Ends {
  readonly source?: string
  readonly target?: string
}

/** The version of the object that `--json` prints for an error. */
export const ERROR_VERSION = 1

export interface ErrorReport {
  readonly version: typeof ERROR_VERSION
  readonly command: string
  readonly error: {
    readonly code: string
    readonly message: string
    readonly hint: string | null
    readonly place: Place | null
    readonly details: Readonly<Record<string, unknown>> | null
  }
}

/** A failure as text: code, what happened, where, what to do next; a stack only for a bug in Landfall. */
export function renderError(error: unknown, ends: Ends = {}, style: Style = PLAIN): string {
  const { bold, dim, red } = style.colors
  if (!isExpected(error)) return renderBug(error, style)
  const blockers = blockersOf(error)
  const only = blockers.length === 1 ? blockers[0] : undefined
  const message = only?.message ?? (blockers.length > 1 ? headline(blockers) : error.message)
  const lines = [`${red(bold(`error ${error.code}`))}  ${multiline(message, '             ', style)}`]
  const place = blockers.length > 0 ? '' : placeText(error)
  if (place !== '') lines.push(`  ${dim('at    ')} ${place}`)
  if (only !== undefined) lines.push(...blockerRows(only, style, '  '))
  const labels = [
    ends.source === undefined ? '' : `${dim('source')} ${printable(ends.source)}`,
    ends.target === undefined ? '' : `${dim('target')} ${printable(ends.target)}`,
  ].filter((label) => label !== '')
  if (labels.length > 0) lines.push(`  ${labels.join('     ')}`)
  if (only !== undefined) lines.push(...blockerChoices(only, style, '  '))
  else if (blockers.length > 0) lines.push(...blockers.flatMap((blocker) => renderBlocker(blocker, style)))
  // With blockers the choices are the hint.
  const hint = blockers.length > 0 ? [] : (error.hint?.split('\n') ?? [])
  hint.forEach((line, i) => {
    lines.push(`  ${dim(i === 0 ? 'try   ' : '      ')} ${printable(line)}`)
  })
  const unwritten = error.exitCode === 5 && error.details?.written !== true
  lines.push(`  ${unwritten ? 'nothing was written.     ' : ''}landfall docs ${error.code}`)
  return `${lines.join('\n')}\n`
}

function headline(blockers: readonly Blocker[]): string {
  return `${many(blockers.length, 'decision')} to take before anything is written`
}

/** The same for machines. */
export function errorReport(error: unknown, command: string): ErrorReport {
  const known = error instanceof LandfallError ? error : null
  return {
    version: ERROR_VERSION,
    command,
    error: {
      code: known?.code ?? 'LF900',
      message: known?.message ?? withoutSecrets(error instanceof Error ? error.message : String(error)),
      hint: known?.hint ?? null,
      place: known?.place ?? null,
      details: known?.details ?? null,
    },
  }
}

function renderBug(error: unknown, style: Style): string {
  const { bold, red } = style.colors
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  // A driver's own error may carry connection settings as fields: only its stack is shown.
  for (let depth = 0; cause instanceof Error && depth < 5; depth++, cause = cause.cause) {
    causes.push(`caused by ${cause.stack ?? cause.message}`)
  }
  return [
    `${red(bold('error LF900'))}  a bug in Landfall`,
    ...[stack, ...causes].map((text) =>
      text
        .split('\n')
        .map((line) => `  ${printable(withoutSecrets(line))}`)
        .join('\n'),
    ),
    '  Please report it with the command and the lines above; remove what is secret first.',
    '  landfall docs LF900',
    '',
  ].join('\n')
}

/** The place, without what the message already names. */
function placeText(error: LandfallError): string {
  const place = error.place
  if (place === undefined) return ''
  const parts = [
    place.table === undefined ? '' : `table ${place.table}`,
    place.column === undefined ? '' : `column ${place.column}`,
    place.key === undefined ? '' : place.key,
  ]
  return parts
    .filter((part) => part !== '')
    .map(printable)
    .join(', ')
}

/** `details.blockers` of an error that refuses a plan, each drawn as `landfall plan` draws it. */
function blockersOf(error: LandfallError): Blocker[] {
  const list = error.details?.blockers
  return Array.isArray(list) ? list.filter(isBlocker) : []
}

function isBlocker(value: unknown): value is Blocker {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    'message' in value &&
    'examples' in value &&
    Array.isArray(value.examples) &&
    'choices' in value &&
    Array.isArray(value.choices)
  )
}

function multiline(text: string, indent: string, style: Style): string {
  const room = Math.max(20, style.width - indent.length)
  return text
    .split('\n')
    .flatMap((line) => wrap(printable(line), room))
    .join(`\n${indent}`)
}
