import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import { forgetRun, readChunks } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { dropAll } from '../schema/postgres-empty.ts'
import type { PostgresStart } from './postgres-start.ts'
import { confirm, isThere, refuseOther, takeBack } from './restart.ts'

/**
 * Takes back what a copy of a whole database wrote. What `pg_dump` described stands in schemas in which
 * nothing stood before; refused where a table of them holds other rows than the run's.
 */
export async function takeBackClone(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { session, lock, tools } = start
  if (plan.schemaBy === undefined) return await takeBack(session, lock, run, tools)
  const chunks = await readChunks(session, run.id)
  for (const { source, target } of plan.moves) {
    const { schema, name } = target
    if (await isThere(session, schema, name))
      refuseOther(schema, name, await countOnly(session, target), tally(chunks, source).loaded)
  }
  const { schemas } = plan.schemaBy
  await refuseOtherTables(session, schemas, plan)
  if (run.state === 'done') {
    const dropped = plan.moves.map((move) => move.target)
    await confirm(run, dropped, [], tools, `everything else in ${schemas.join(', ')}`)
  }
  await fenced(session, lock, async () => {
    await dropAll(session, schemas)
    await forgetRun(session, run.id)
  })
}

/** LF203 where somebody made a table beside those of the run, which would go with them. */
async function refuseOtherTables(session: Session, schemas: readonly string[], plan: Plan): Promise<void> {
  const { rows } = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname IN (SELECT json_array_elements_text($1::json))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1, 2`,
    [JSON.stringify(schemas)],
  )
  const others = rows.filter(
    (row) => !plan.moves.some(({ target }) => target.schema === row.schema && target.name === row.name),
  )
  if (others.length === 0) return
  const names = others.map(({ schema, name }) => `${schema}.${name}`)
  throw new LandfallError('LF203', `not made by the run that is to be taken back: ${names.join(', ')}`, {
    hint: 'Taking back empties the schemas that the run filled. Move these tables to another schema or drop them, and start again with --restart.',
    details: { tables: names },
  })
}

/** The rows of a table without those of the tables that inherit from it, which are counted as their own. */
export async function countOnly(
  session: Session,
  { schema, name }: { readonly schema: string; readonly name: string },
): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `SELECT count(*)::text AS n FROM ONLY ${qualified(schema, name)}`,
  )
  return Number(rows[0]!.n)
}
