import type { ReachedSettings, Settings } from '../config/model.ts'
import { askExporter } from '../connection/exported.ts'
import { isExported } from '../connection/settings.ts'
import type { Tools } from '../contract/tools.ts'

/**
 * The settings with a source that can be opened: an exporter is asked for it, any other is as it was. What
 * opens a source calls this first, and once, since an exporter may end after the first hand-over.
 *
 * Errors: LF106, LF107, LF108; LF403.
 */
export async function reachSource(settings: Settings, tools: Tools): Promise<ReachedSettings> {
  const { from } = settings
  if (!isExported(from)) return { ...settings, from }
  tools.progress?.({ kind: 'phase', phase: 'source', detail: from.label })
  const note = (text: string): void => tools.progress?.({ kind: 'note', text })
  const reached = await askExporter(from, { signal: tools.signal, note })
  for (const text of reached.notes) note(text)
  return { ...settings, from: reached }
}
