import { ERRORS, type ErrorCode } from '../errors.ts'
import { EXPLANATIONS } from './explanations.ts'
import { PLAIN, type Style } from './text.ts'

export const CODES = Object.keys(ERRORS) as ErrorCode[]

/** One error code for a terminal: what happened, why, what to do. */
export function renderExplanation(code: ErrorCode, style: Style = PLAIN): string {
  const { bold, dim } = style.colors
  const { what, why, todo } = EXPLANATIONS[code]
  const lines = [
    `${bold(code)}  ${bold(ERRORS[code].title)}   ${dim(`exit status ${ERRORS[code].exit}`)}`,
    '',
    what,
    why,
    '',
    'What to do',
    ...todo.map((line) => `  - ${line}`),
  ]
  return `${lines.flatMap((line) => wrap(line, style.width)).join('\n')}\n`
}

/** All codes, a line each. */
export function renderCodes(): string {
  return `${CODES.map((code) => `${code}  ${ERRORS[code].title}`).join('\n')}\n`
}

function wrap(line: string, width: number): string[] {
  const limit = Math.min(width, 100)
  // Escape sequences have no width; a styled line is a title, which is short.
  if (line.length <= limit || line.includes('\u001b')) return [line]
  const indent = line.startsWith('  - ') ? '    ' : ''
  const out: string[] = []
  let current = ''
  for (const word of line.split(/(?<=\S) /)) {
    if (current !== '' && current.length + 1 + word.length > limit) {
      out.push(current)
      current = indent + word
    } else {
      current = current === '' ? word : `${current} ${word}`
    }
  }
  return [...out, current]
}
