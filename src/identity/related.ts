import { ident, literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { type KnownMap, type RejectsOf, type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import { shape } from '../merge/shape.ts'
import type { AlsoCreate } from '../plan/mapping.ts'
import { type Create, inOldOrder } from './create.ts'
import { goingWith } from './created.ts'
import { judgeNewRows } from './new-rows.ts'
import type { Resolving } from './people.ts'
import { refused, refuseWrong } from './refuse.ts'
import { writeRejects } from './rejects.ts'
import { moveSequences } from './sequence.ts'
import { OWED } from './tables.ts'

/** As messages and the journal call it. */
export const tableName = ({ schema, table }: AlsoCreate): string => `${schema}.${table}`

/**
 * Writes the rows of other tables that go with each row that was created. One that its table would
 * refuse is set aside by itself: what it belongs to stays, since others refer to that, and the next run
 * tries again.
 */
export async function createRelated(
  on: Resolving,
  create: Create,
  known: KnownMap,
  rejects: RejectsOf,
): Promise<void> {
  const { session, staged, identity } = on
  const maps = new Map([...staged.maps, [identity.name, known]])
  for (const [at, also] of create.alsoCreate.entries()) {
    const into = { schema: also.schema, name: also.table }
    const going = `${STAGE_ROW} IN (${goingWith(on, tableName(also))})`
    const shaped = await shape(session, {
      name: `landfall_also_${at}`,
      stage: staged.stage,
      into,
      columns: also.columns,
      maps,
      checks: also.rules.checks,
      where: also.where === null ? going : `${going} AND (${also.where})`,
    })
    await judgeNewRows({ session, shaped, into, order: inOldOrder(on) }, also.rules)
    await refuseWrong(on, shaped, into)
    await session.query(
      `INSERT INTO ${OWED} SELECT ${STAGE_ROW}, ${literal(tableName(also))} FROM ${shaped.relation} WHERE ${WRONG} IS NOT NULL`,
    )
    await write(on, also, shaped)
    await report(on, also, shaped, rejects)
    await session.query(`DROP TABLE ${shaped.relation}`)
  }
}

async function write(
  on: Resolving,
  { schema, table, columns }: AlsoCreate,
  { relation }: Shaped,
): Promise<void> {
  const names = columns.map(({ name }) => ident(name))
  await moveSequences(on.session, { schema, name: table })
  const { rowCount } = await on.session.query(
    `INSERT INTO ${qualified(schema, table)} (${names.join(', ')}) OVERRIDING SYSTEM VALUE
      SELECT ${names.map((name) => `s.${name}`).join(', ')} FROM ${relation} s JOIN (${inOldOrder(on)}) o ON o.nr = s.${STAGE_ROW}
      WHERE s.${WRONG} IS NULL ORDER BY o.ord`,
  )
  const {
    rows: [given],
  } = await on.session.query<{ n: string }>(
    `SELECT pg_catalog.count(*) AS n FROM ${relation} WHERE ${WRONG} IS NULL`,
  )
  if (rowCount !== Number(given!.n))
    throw new LandfallError(
      'LF304',
      `${on.staged.move.source}: ${qualified(schema, table)} took ${rowCount} of ${given!.n} new rows.`,
      {
        hint: 'A trigger or rule of the table keeps rows from being written. Nothing was written.',
        place: { table: on.staged.move.source },
      },
    )
  await moveSequences(on.session, { schema, name: table })
}

async function report(on: Resolving, also: AlsoCreate, shaped: Shaped, rejects: RejectsOf): Promise<void> {
  if (shaped.reasons.length === 0) return
  const table = tableName(also)
  const rows = await writeRejects(on, rejects, {
    table,
    rows: `SELECT s.${STAGE_ROW} AS nr, r.reason, r.col AS "column" FROM ${refused(shaped)}`,
  })
  if (rows > 0)
    on.notes.push(
      `${rows === 1 ? '1 row' : `${rows} rows`} of ${table} that would go with what was created cannot be stored: set aside, without what they belong to`,
    )
}
