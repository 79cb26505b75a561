import type { AppliedMove, KnownMap, RejectsOf, Staged } from '../merge/model.ts'
import { failWhereAmbiguous } from './ambiguous.ts'
import { countPeople } from './count.ts'
import { prepareRows, writeRows } from './create.ts'
import { recordCreated } from './created.ts'
import { gatherAmbiguous, liveMap } from './live-map.ts'
import { honourMap, makeMap, writeMap } from './map.ts'
import { matchByRules } from './match.ts'
import { endPeople, type Resolving, resolving, startPeople, studyPeople, temporary } from './people.ts'
import { setAsidePeople } from './rejects.ts'
import { createRelated } from './related.ts'
import { samePerson } from './same-person.ts'
import { severalOld } from './several.ts'
import { OWED, PEOPLE } from './tables.ts'
import { take } from './take.ts'

export { compareIdentity } from './compare.ts'
export { requireFoundAgain } from './found-again.ts'
export { liveMap } from './live-map.ts'
export { dropMap, knownMap } from './map.ts'
export { mapByRules } from './rules-map.ts'

export interface Resolved extends AppliedMove {
  /** Where other moves look up the new keys. */
  readonly known: KnownMap
}

/**
 * Finds or makes the new key of each staged old key and writes both into the identity's map, inside
 * the transaction that the caller has opened. Errors: LF210 where an ambiguity is to fail, with every case;
 * LF005 where the map lacks a column; LF304.
 */
export async function resolveIdentity(staged: Staged, rejects: RejectsOf): Promise<Resolved> {
  const on = await resolving(staged)
  await startPeople(on)
  const map = await makeMap(on)
  await gatherAmbiguous(staged.session, staged.move, map, on.ambiguous)
  await honourMap(on, map)
  await matchByRules(on)
  await severalOld(on)
  const { unmatched } = on.identity
  if (unmatched.kind === 'create') await samePerson(on)
  failWhereAmbiguous(on.identity.name, on.ambiguous)
  if (unmatched.kind === 'create') await writeRows(on, unmatched, await prepareRows(on, unmatched))
  else await skip(on)
  await studyPeople(on)
  await writeMap(on, map)
  const known = (await liveMap(staged.session, staged.move, staged.maps.size))!
  await temporary(staged.session, OWED, 'SELECT NULL::pg_catalog.int8 AS nr, NULL::text AS tbl WHERE false')
  if (unmatched.kind === 'create') await createRelated(on, unmatched, known, rejects)
  await recordCreated(on)
  await take(on, rejects)
  await setAsidePeople(on, rejects)
  const applied = await countPeople(on)
  await endPeople(on)
  return { applied, notes: on.notes, known }
}

/** Who needs them will find that they are not known. */
async function skip({ session }: Resolving): Promise<void> {
  await session.query(`UPDATE ${PEOPLE} SET way = 'skipped' WHERE way IS NULL`)
}
