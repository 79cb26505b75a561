import { LandfallError } from '../errors.ts'
import { contradictions } from './contradictions.ts'
import { mistakesOf } from './mistakes.ts'
import type { MigrationConfig } from './model.ts'
import { config, rest } from './shape.ts'

/**
 * Checks that a value is a config, with the exact path and a suggestion for each mistake.
 * @param file named in the message
 * @throws LandfallError LF002
 */
export function validateConfig(value: unknown, file: string): MigrationConfig {
  const found = mistakes(value)
  if (found.length === 0) return value as MigrationConfig
  const message = found.length === 1 ? `${file}: ${found[0]}` : `${file}: ${found.length} mistakes`
  throw new LandfallError('LF002', message, {
    ...(found.length > 1 ? { hint: found.join('\n') } : {}),
    details: { file, mistakes: found },
  })
}

function mistakes(value: unknown): string[] {
  const result = config.safeParse(value, { reportInput: true })
  if (!result.success) return result.error.issues.flatMap((issue) => mistakesOf(issue, []))
  const found: string[] = []
  if (result.data.moves?.['*']) {
    const star = rest.safeParse(result.data.moves['*'])
    if (!star.success) found.push(...star.error.issues.flatMap((issue) => mistakesOf(issue, ['moves', '*'])))
  }
  // A list that only leaves out, or is empty, would move nothing; what was meant is everything else. Keys
  // may be all that is wanted.
  const moves = result.data.moves === undefined ? null : Object.values(result.data.moves)
  const resolves = Object.keys(result.data.identities ?? {}).length > 0
  if (!resolves && moves?.every((move) => move === false || move === undefined))
    found.push(`moves: names no table to move; add '*': {} to move the others`)
  return [...found, ...contradictions(value as MigrationConfig)]
}
