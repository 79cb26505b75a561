import type { Reason, Shaped } from './model.ts'

/** The number of a reason; the same one has one number. */
export function reasonOf({ reasons }: Pick<Shaped, 'reasons'>, reason: Reason): number {
  const at = reasons.findIndex(({ column, text }) => column === reason.column && text === reason.text)
  return at < 0 ? reasons.push(reason) - 1 : at
}
