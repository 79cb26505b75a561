import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import { createdTables } from '../journal/evidence.ts'
import { type Epoch, fenced } from '../journal/fence.ts'
import { forgetRun, readChunks, readPlan } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'

/**
 * Takes back what a run wrote, and nothing else: tables that it made are dropped, tables that were there
 * before are emptied, all in one transaction. Refused where a table holds other rows than the run's, which is
 * looked at once before anybody is asked and again when nobody can write any more.
 */
export async function takeBack(session: Session, epoch: Epoch, run: RunRecord, tools: Tools): Promise<void> {
  const made = await createdTables(session, run.id)
  const plan = await readPlan(session, run.id)
  const chunks = await readChunks(session, run.id)
  const isMade = (schema: string, name: string) =>
    made.some((table) => table.schema === schema && table.name === name)
  const filled = plan.moves.filter(
    (move) => move.existing && chunks.some((chunk) => chunk.move === move.source && chunk.state === 'done'),
  )
  const affected = plan.moves.filter(
    (move) => isMade(move.target.schema, move.target.name) || filled.includes(move),
  )
  const refuseOthers = async (): Promise<void> => {
    for (const { source, target } of affected)
      await refuseOtherRows(session, target.schema, target.name, tally(chunks, source).loaded)
  }
  await refuseOthers()
  if (run.state === 'done') {
    const emptied = filled.map((move) => move.target)
    await confirm(run, [...made].reverse(), emptied, tools)
  }
  await fenced(session, epoch, async () => {
    await lockAgainstWriters(
      session,
      affected.map((move) => move.target),
    )
    await refuseOthers()
    const drop = made.map((table) => qualified(table.schema, table.name))
    if (drop.length > 0) await session.query(`DROP TABLE IF EXISTS ${drop.join(', ')}`)
    const empty = filled.map((move) => qualified(move.target.schema, move.target.name))
    if (empty.length > 0) await session.query(`TRUNCATE ${empty.join(', ')}`)
    await forgetRun(session, run.id)
  })
}

/** SQLSTATE of a lock that was not to be had in time. */
const LOCK_NOT_AVAILABLE = '55P03'
/** Milliseconds that whoever writes to a table has to come to its end. */
const LOCK_WITHIN = 10_000

/** Until the transaction ends, nobody else writes to those of the tables that are there. LF203 where somebody does. */
export async function lockAgainstWriters(session: Session, tables: readonly TableName[]): Promise<void> {
  const there: string[] = []
  for (const { schema, name } of tables)
    if (await isThere(session, schema, name)) there.push(qualified(schema, name))
  if (there.length === 0) return
  await session.query(`SET LOCAL lock_timeout = ${LOCK_WITHIN}`)
  try {
    await session.query(`LOCK TABLE ${there.join(', ')} IN ACCESS EXCLUSIVE MODE`)
  } catch (error) {
    if (!(error instanceof LandfallError) || error.details?.sqlstate !== LOCK_NOT_AVAILABLE) throw error
    throw new LandfallError(
      'LF203',
      `somebody works with tables that are to be taken back, for longer than ${LOCK_WITHIN / 1000} s: ${there.join(', ')}`,
      { hint: 'Nothing was taken back. Stop what uses them, and start again with --restart.', cause: error },
    )
  }
  await session.query('SET LOCAL lock_timeout = 0')
}

/** LF203 where a table holds other rows than the run has loaded into it. */
export async function refuseOtherRows(
  session: Session,
  schema: string,
  name: string,
  loaded: number,
): Promise<void> {
  if (!(await isThere(session, schema, name))) return
  refuseOther(schema, name, await countRows(session, schema, name), loaded)
}

export function refuseOther(schema: string, name: string, rows: number, loaded: number): void {
  if (rows === loaded) return
  throw new LandfallError(
    'LF203',
    `${schema}.${name} holds ${rows.toLocaleString('en')} rows, and the run that is to be taken back wrote ${loaded.toLocaleString('en')}`,
    {
      place: { table: name },
      hint: 'Somebody else has written there. Save what is needed, empty or drop the table yourself, and start again with --restart.',
    },
  )
}

export async function isThere(session: Session, schema: string, name: string): Promise<boolean> {
  const { rows } = await session.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    qualified(schema, name),
  ])
  return rows[0]!.there
}

export async function holdsRows(session: Session, schema: string, name: string): Promise<boolean> {
  const { rows } = await session.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT FROM ${qualified(schema, name)}) AS any`,
  )
  return rows[0]!.any
}

export async function countRows(session: Session, schema: string, name: string): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `SELECT count(*)::text AS n FROM ${qualified(schema, name)}`,
  )
  return Number(rows[0]!.n)
}

/** What is done is somebody's data by now: a person has to say yes, knowing what goes. */
export async function confirm(
  run: RunRecord,
  dropped: readonly TableName[],
  emptied: readonly TableName[],
  tools: Tools,
  also: string | null = null,
): Promise<void> {
  const listed = (what: string, tables: readonly TableName[]) =>
    tables.length === 0
      ? []
      : [`  ${what}   ${tables.map(({ schema, name }) => `${schema}.${name}`).join(', ')}`]
  const question = [
    run.state === 'done'
      ? `The migration ${run.migration} is done. Take it back, with all rows of these tables, and begin again?`
      : `The migration ${run.migration} is not done. Take back what it made, with all rows of these tables, and begin again?`,
    ...listed('dropped', dropped),
    ...listed('emptied', emptied),
    ...(also === null ? [] : [`  in all    ${also}`]),
  ].join('\n')
  if (tools.ask === undefined)
    throw new LandfallError('LF206', 'nothing was taken back: the migration is done, and nobody said yes', {
      hint: 'Answer the question in a terminal, or give --yes.',
    })
  if (!(await tools.ask(question))) throw new LandfallError('LF206', 'you said no; nothing was changed')
}

interface TableName {
  readonly schema: string
  readonly name: string
}
