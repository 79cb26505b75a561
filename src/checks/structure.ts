import type { Catalog } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Plan } from '../plan/model.ts'

/** In the making. */
export async function structureChecks(_: {
  readonly session: Session
  readonly plan: Plan
  readonly catalog: Catalog
}): Promise<CheckResult[]> {
  return []
}
