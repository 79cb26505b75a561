import { createHash } from 'node:crypto'
import type { Settings } from '../config/model.ts'

/** What the user chose, as far as it bears on the plan: an unchanged hash needs no new plan. */
export function choicesOf(settings: Settings): string {
  const { moves, names, targetSchema, tables, exclude } = settings
  return createHash('sha256')
    .update(JSON.stringify({ moves, names, targetSchema, tables, exclude }))
    .digest('hex')
}
