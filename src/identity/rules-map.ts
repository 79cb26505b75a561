import { ident } from '../connection/quote.ts'
import type { KnownMap, Staged } from '../merge/model.ts'
import { ignoresCase } from './map.ts'
import { matchByRules } from './match.ts'
import { endPeople, resolving, startPeople } from './people.ts'
import { severalOld } from './several.ts'
import { PEOPLE } from './tables.ts'

/**
 * The map of an identity whose own was not kept, as the rules find it now: a temporary table that goes with
 * the transaction. Rows that were created and that no rule finds are not in it.
 */
export async function mapByRules(staged: Staged): Promise<KnownMap> {
  const on = await resolving(staged)
  const { session } = on
  await startPeople(on)
  await matchByRules(on)
  await severalOld(on)
  const name = ident(`landfall_map_${staged.maps.size}`)
  await session.query(
    `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS SELECT old, new FROM ${PEOPLE} WHERE new IS NOT NULL`,
  )
  await session.query(`ANALYZE pg_temp.${name}`)
  await endPeople(on)
  const unknownFails = on.identity.unmatched.kind === 'fail'
  return {
    relation: `pg_temp.${name}`,
    oldKey: 'old',
    newKey: 'new',
    ignoresCase: ignoresCase(staged.move),
    unknownFails,
  }
}
