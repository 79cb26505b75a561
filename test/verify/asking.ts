import { makeSettings, type Settings, type VerifyReport, verify } from '../../src/index.ts'
import type { Ask } from '../migrate/migrating.ts'

/** What the tests of two PostgreSQL databases ask; `folder` is where they run. */
export function asking(folder: string): {
  settings(from: string, to: string, ask?: Ask): Settings
  check(from: string, to: string, ask?: Ask): Promise<VerifyReport>
} {
  const settings = (from: string, to: string, { options, config }: Ask = {}): Settings =>
    makeSettings(config ?? {}, { from, to, jobs: 2, ...options }, { cwd: folder, environment: {} })
  return { settings, check: (from, to, ask = {}) => verify(settings(from, to, ask), ask.tools) }
}
