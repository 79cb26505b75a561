import { createHash } from 'node:crypto'
import type { Settings } from '../config/model.ts'

/** What the user chose, as far as it bears on the plan: an unchanged hash needs no new plan. */
export function choicesOf(settings: Omit<Settings, 'from'>): string {
  const { moves, identities, zone, names, targetSchema, sourceSchema, tables, exclude } = settings
  const choices = { moves, identities, zone, names, targetSchema, sourceSchema, tables, exclude }
  return createHash('sha256').update(JSON.stringify(choices, spelled)).digest('hex')
}

/** JSON has no such integers; they are no texts of digits either. */
function spelled(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? { $bigint: String(value) } : value
}
