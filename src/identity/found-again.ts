import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { named } from '../merge/key.ts'
import type { Staged } from '../merge/model.ts'
import { columnTypes } from './equal.ts'
import { identityOf, knownMap } from './map.ts'
import { sourceName } from './people.ts'
import { mapByRules } from './rules-map.ts'

const NAMED = 20
const LISTED = 10_000

/**
 * Of an identity whose map is not kept, the rules are all that finds what was created: without them a second
 * run would create it again. Call it when all moves are applied, since a rule may look in a table that
 * another move fills. Error LF204 with the keys that no rule finds.
 */
export async function requireFoundAgain(staged: Staged): Promise<void> {
  const { session, move, stage } = staged
  const identity = identityOf(move)
  const { key, name, map, unmatched } = identity
  if (!map.drop || unmatched.kind !== 'create') return
  const known = knownMap(move)
  const found = await mapByRules(staged)
  const { operator } = (await columnTypes(session, stage)).get(key.column)!
  const { rows } = await session.query<{ key: string; all: string }>(
    `SELECT ${named([[sourceName({ staged, identity }), `m.${known.oldKey}`]])} AS key, pg_catalog.count(*) OVER () AS all
      FROM ${known.relation} AS m LEFT JOIN ${found.relation} AS f ON f.${found.oldKey} ${operator} m.${known.oldKey}
      WHERE f.${found.newKey}::pg_catalog.text IS DISTINCT FROM m.${known.newKey}::pg_catalog.text
        AND EXISTS (SELECT FROM ${stage} AS s WHERE s.${ident(key.column)} ${operator} m.${known.oldKey})
      ORDER BY m.${known.oldKey} LIMIT ${LISTED}`,
  )
  await session.query(`DROP TABLE ${found.relation}`)
  if (rows.length === 0) return
  const count = Number(rows[0]!.all)
  throw new LandfallError(
    'LF204',
    `identity ${name}: ${count === 1 ? '1 key would not be found' : `${count} keys would not be found`} again, and be created anew by every further run`,
    {
      hint: [
        ...rows.slice(0, NAMED).map((row) => row.key),
        ...(count > NAMED ? [`and ${count - NAMED} more (--json lists them)`] : []),
        'No rule finds what was created for them, and the map is not kept. The target’s tables are as they were.',
        `identities.${name}.keptIn: '…'   keep the map in a table of this name, or leave keptIn out`,
        `identities.${name}.match: add a rule that finds them, or leave them out: from: sql\`SELECT … WHERE …\``,
      ].join('\n'),
      place: { table: move.source },
      details: { identity: name, rows: rows.map((row) => ({ key: row.key })), count },
    },
  )
}
