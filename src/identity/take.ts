import { ident } from '../connection/quote.ts'
import type { ColumnFacts } from '../merge/facts.ts'
import { columnFacts, factsOf } from '../merge/facts.ts'
import { STAGE_ROW, WRONG } from '../merge/model.ts'
import { shape } from '../merge/shape.ts'
import { inOrder, of } from './equal.ts'
import { type Resolving, temporary } from './people.ts'
import { refuse } from './refuse.ts'
import { bare, PEOPLE, SAID, TAKEN } from './tables.ts'
import { refuseTriggered } from './triggered.ts'

/**
 * What the source has to say about the rows that it means. Of several staged rows that mean one row
 * the lowest old key that has a value speaks, column by column.
 */
export async function whatIsSaid(on: Resolving): Promise<readonly ColumnFacts[]> {
  const { session, staged, identity } = on
  const { schema, name } = staged.move.target
  const shaped = await shape(session, {
    name: bare(TAKEN),
    stage: staged.stage,
    into: { schema, name },
    columns: identity.take.map((column) => ({ ...column, notNull: false })),
    maps: staged.maps,
    where: `${ident(STAGE_ROW)} IN (SELECT nr FROM ${PEOPLE} WHERE new IS NOT NULL)`,
  })
  await refuse(on, shaped)
  const old = inOrder('p.old', on.oldType)
  const values = identity.take.map((column, at) => {
    const value = of('s', column.name)
    return `pg_catalog.first_value(${value}) OVER (PARTITION BY p.new ORDER BY ${value} IS NULL, ${old}) AS v${at}`
  })
  await temporary(
    session,
    SAID,
    `SELECT * FROM (
      SELECT p.new, pg_catalog.first_value(p.nr) OVER w AS nr, pg_catalog.row_number() OVER w AS nth, ${values.join(', ')}
        FROM ${PEOPLE} p JOIN ${shaped.relation} s ON s.${STAGE_ROW} = p.nr
        WHERE p.new IS NOT NULL AND s.${WRONG} IS NULL WINDOW w AS (PARTITION BY p.new ORDER BY ${old})
      ) f WHERE nth = 1`,
  )
  return factsOf(
    await columnFacts(session, on.target),
    identity.take.map((column) => column.name),
    staged.move.target,
  )
}

/** SQL that is true where the value is there and the target, `t`, has another. Equal is what looks equal. */
export function differs(facts: ColumnFacts, value: string): string {
  const own = of('t', facts.name)
  return facts.loose
    ? `${value} IS NOT NULL AND ${own}::pg_catalog.text IS DISTINCT FROM ${value}::pg_catalog.text`
    : `${value} IS NOT NULL AND ${own} IS DISTINCT FROM ${value}`
}

/**
 * Rows of the target take over what the source says and they do not. Rows that were created are asked too:
 * of several that were joined another may have a value, and a second run would find it.
 */
export async function take(on: Resolving): Promise<void> {
  const { session, identity, target } = on
  if (identity.take.length === 0) return
  const facts = await whatIsSaid(on)
  const set = facts.map(({ name }, at) => `${ident(name)} = coalesce(f.v${at}, t.${ident(name)})`)
  await session.query(
    `WITH changed AS (
      UPDATE ${target} t SET ${set.join(', ')} FROM ${SAID} f
        WHERE t.${ident(identity.toKey.column)} = f.new AND (${facts.map((one, at) => `(${differs(one, `f.v${at}`)})`).join(' OR ')})
        RETURNING f.nr)
      UPDATE ${PEOPLE} p SET updated = true FROM changed c WHERE c.nr = p.nr`,
  )
  await refuseTriggered(on, {
    joins: `JOIN ${SAID} f ON f.nr = p.nr JOIN ${target} t ON t.${ident(identity.toKey.column)} = f.new`,
    where: 'p.updated',
    columns: facts.map((one, at) => ({ name: one.name, differs: differs(one, `f.v${at}`) })),
    path: `identities.${identity.name}.matched.take`,
  })
}
