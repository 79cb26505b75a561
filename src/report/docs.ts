import { ERRORS, type ErrorCode } from '../errors.ts'
import { EXPLANATIONS } from './explanations.ts'
import { PLAIN, paragraph, type Style } from './text.ts'

export const CODES = Object.keys(ERRORS) as ErrorCode[]

/** One error code for a terminal: what happened, why, what to do. */
export function renderExplanation(code: ErrorCode, style: Style = PLAIN): string {
  const { bold, dim } = style.colors
  const { what, why, todo } = EXPLANATIONS[code]
  const page = { ...style, width: Math.min(style.width, 100) }
  const lines = [
    `${bold(code)}  ${bold(ERRORS[code].title)}   ${dim(`exit status ${ERRORS[code].exit}`)}`,
    '',
    ...paragraph(what, page, '', ''),
    ...paragraph(why, page, '', ''),
    '',
    'What to do',
    ...todo.flatMap((line) => paragraph(line, page, '  - ', '    ')),
  ]
  return `${lines.join('\n')}\n`
}

/** All codes, a line each. */
export function renderCodes(): string {
  return `${CODES.map((code) => `${code}  ${ERRORS[code].title}`).join('\n')}\n`
}
