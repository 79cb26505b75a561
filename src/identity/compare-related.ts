import { literal, qualified } from '../connection/quote.ts'
import { columnFacts, factsOf } from '../merge/facts.ts'
import { STAGE_ROW, WRONG } from '../merge/model.ts'
import { shape } from '../merge/shape.ts'
import type { AlsoCreate } from '../plan/mapping.ts'
import type { Create } from './create.ts'
import { of } from './equal.ts'
import { type Resolving, temporary } from './people.ts'
import { tableName } from './related.ts'
import { FRESH, LACKING, OWED, PEOPLE } from './tables.ts'

/**
 * Lists the rows of other tables that were made with what was created last, and are not there as they should
 * be: `LACKING`. What was set aside then is not expected.
 */
export async function findLacking(on: Resolving, create: Create): Promise<void> {
  const { session, staged, identity } = on
  await temporary(session, LACKING, 'SELECT NULL::pg_catalog.int8 AS nr, NULL::text AS tbl WHERE false')
  if (create.alsoCreate.length === 0) return
  await temporary(session, FRESH, `SELECT old, new FROM ${PEOPLE} WHERE fresh`)
  const maps = new Map([...staged.maps, [identity.name, { relation: FRESH, oldKey: 'old', newKey: 'new' }]])
  for (const [at, also] of create.alsoCreate.entries()) {
    const table = literal(tableName(also))
    const expected = `${STAGE_ROW} IN (SELECT nr FROM ${PEOPLE} WHERE fresh)
      AND ${STAGE_ROW} NOT IN (SELECT nr FROM ${OWED} WHERE tbl = ${table})`
    const shaped = await shape(session, {
      name: `landfall_also_${at}`,
      stage: staged.stage,
      into: { schema: also.schema, name: also.table },
      // What stood in for a value that the source lacks was given then.
      columns: also.columns.map((one) => (one.givenOnce ? { ...one, orElse: null, notNull: false } : one)),
      maps,
      where: also.where === null ? expected : `${expected} AND (${also.where})`,
    })
    await session.query(
      `INSERT INTO ${LACKING} SELECT s.${STAGE_ROW}, ${table} FROM ${shaped.relation} s WHERE s.${WRONG} IS NULL
        AND NOT EXISTS (SELECT FROM ${qualified(also.schema, also.table)} t WHERE ${await same(on, also)})`,
    )
    await session.query(`DROP TABLE ${shaped.relation}`)
  }
}

/** SQL: `t` is the row `s`. Where there must be a value the comparison can be hashed. */
async function same({ session }: Resolving, { schema, table, columns }: AlsoCreate): Promise<string> {
  const facts = factsOf(
    await columnFacts(session, qualified(schema, table)),
    columns.map(({ name }) => name),
    { schema, name: table },
  )
  const tests = columns.map(({ name, givenOnce, notNull, identity }, at) => {
    const cast = facts[at]!.loose ? '::pg_catalog.text' : ''
    const [own, value] = [of('t', name) + cast, of('s', name) + cast]
    if (givenOnce) return `(${value} IS NULL OR ${own} = ${value})`
    return notNull || identity !== null ? `${own} = ${value}` : `${own} IS NOT DISTINCT FROM ${value}`
  })
  return tests.join(' AND ')
}
