import type { AppliedMove, RejectsOf, Staged } from '../merge/model.ts'
import { failWhereAmbiguous } from './ambiguous.ts'
import { countPeople } from './count.ts'
import { honourMap, makeMap, writeMap } from './map.ts'
import { HITS, matchByRules, VALUES } from './match.ts'
import { endPeople, resolving, startPeople } from './people.ts'
import { setAsidePeople } from './rejects.ts'
import { OTHERS, severalOld } from './several.ts'

/**
 * Finds or makes the new key of each staged old key and writes both into the identity's map, inside
 * the transaction that the caller has opened. Errors: LF210 where an ambiguity is to fail, with every case;
 * LF005 where the map lacks a column; LF304.
 */
export async function resolveIdentity(staged: Staged, rejects: RejectsOf): Promise<AppliedMove> {
  const on = await resolving(staged)
  await startPeople(on)
  const map = await makeMap(on)
  await honourMap(on, map)
  await matchByRules(on)
  await severalOld(on)
  failWhereAmbiguous(on.identity.name, on.ambiguous)
  await writeMap(on, map)
  await setAsidePeople(on, rejects)
  const applied = await countPeople(on)
  await endPeople(on.session, [VALUES, HITS, OTHERS])
  return { applied, notes: on.notes }
}

export { dropMap, knownMap } from './map.ts'
