import type { Settings } from './config/model.ts'
import type { Tools } from './contract/tools.ts'
import type { VerifyReport } from './contract/verify.ts'
import { LandfallError } from './errors.ts'

/**
 * Compares the source with the target, all rows and all columns, after the plan's conversions, and names
 * every difference. With `settings.verification.repair` the target is made equal to the source. Without it
 * nothing is written but the checks, in the schema `landfall`.
 *
 * Errors: those of `plan`; LF2xx where the target cannot be compared at all, LF401 for a repair while
 * another run is at work, LF403 when `tools.signal` was aborted.
 */
export async function verify(_settings: Settings, _tools: Tools = {}): Promise<VerifyReport> {
  throw new LandfallError('LF900', 'not built yet')
}
