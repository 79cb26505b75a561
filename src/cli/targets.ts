import type { TargetSettings } from '../config/model.ts'
import type { Source } from '../connection/settings.ts'
import type { Shell } from './shell.ts'

/** Lets error messages name the databases, and tells what the connection strings left unsaid. */
export function knowEnds(shell: Shell, settings: TargetSettings & { readonly from?: Source }): void {
  const target = settings.to === 'embedded' ? 'embedded PostgreSQL in .landfall' : settings.to.label
  shell.ends = { ...(settings.from === undefined ? {} : { source: settings.from.label }), target }
  const notes = [...(settings.from?.notes ?? []), ...(settings.to === 'embedded' ? [] : settings.to.notes)]
  for (const note of notes) shell.say(`note: ${note}\n`)
}
