import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { sameKey, stagedKey } from './key.ts'
import { STAGE_ROW, type Staged, WRITES } from './model.ts'
import { differences, type Split } from './split.ts'

const NAMED = 20

/** Triggers and rules of a table and its partitions that fire for what is inserted or updated. */
const AT_WORK = `WITH tables AS (
    SELECT $1::pg_catalog.regclass AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass))
  SELECT DISTINCT 'trigger ' || t.tgname::pg_catalog.text AS name FROM pg_catalog.pg_trigger AS t JOIN tables ON tables.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 20 <> 0
  UNION SELECT 'rule ' || r.rulename::pg_catalog.text FROM pg_catalog.pg_rewrite AS r JOIN tables ON tables.oid = r.ev_class
    WHERE r.ev_type IN ('2', '3') AND r.ev_enabled IN ('O', 'A') ORDER BY 1`

/** What of a table may change rows that are written, e.g. `trigger touch`. `table` is quoted. */
export async function triggersAtWork(session: Session, table: string): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(AT_WORK, [table])
  return rows.map(({ name }) => name)
}

/**
 * Compares the rows that were written with what was to be written, where the table has triggers or rules.
 * Returns what they have set in the columns that the config leaves to them, a line each.
 *
 * Error LF304 where they have changed anything else: what came of it would be told as a difference, and
 * written again by every further run.
 */
export async function refuseTriggered(staged: Staged, shaped: Split): Promise<string[]> {
  const { session, stage } = staged
  const { move, relation, target, facts, key } = shaped
  const atWork = await triggersAtWork(session, target)
  if (atWork.length === 0) return []
  const left = move.mapping.setByTriggers ?? []
  const changed = facts.map((fact) => `(t.tableoid IS NOT NULL AND ${differences([fact], 'w', 't')})`)
  const from = `FROM (SELECT * FROM ${relation} WHERE ${WRITES}) AS w LEFT JOIN ${target} AS t ON ${sameKey(key, 'w', 't')}`
  const count = (test: string, as: string): string =>
    `pg_catalog.count(*) FILTER (WHERE ${test})::pg_catalog.float8 AS ${as}`
  const {
    rows: [found],
  } = await session.query<Record<string, number>>(
    `SELECT ${[count('t.tableoid IS NULL', 'lost'), ...changed.map((test, at) => count(test, `c${at}`))].join(', ')} ${from}`,
  )
  const lost = found!.lost!
  const told = facts.map(({ name }, at) => ({ name, rows: found![`c${at}`]! })).filter(({ rows }) => rows > 0)
  const wrong = told.filter(({ name }) => !left.includes(name))
  if (lost === 0 && wrong.length === 0)
    return told.map(({ name, rows }) => `triggers have set ${name} of ${rows} ${rows === 1 ? 'row' : 'rows'}`)
  const tests = facts.map((fact, at) => (left.includes(fact.name) ? 'false' : changed[at]!))
  const names = facts.map(({ name }, at) => `CASE WHEN ${tests[at]} THEN ${literal(name)} END`)
  const { rows } = await session.query<{ key: string; columns: string }>(
    `SELECT ${stagedKey(move)} AS key, pg_catalog.concat_ws(', ', CASE WHEN t.tableoid IS NULL THEN 'not there under its key' END, ${names.join(', ')}) AS columns
      ${from} JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW}
      WHERE t.tableoid IS NULL OR ${tests.join(' OR ')} ORDER BY w.${STAGE_ROW} LIMIT ${NAMED}`,
  )
  throw triggered(shaped, atWork, lost, wrong, rows)
}

function triggered(
  { move, key }: Split,
  atWork: readonly string[],
  lost: number,
  wrong: readonly { readonly name: string; readonly rows: number }[],
  rows: readonly { readonly key: string; readonly columns: string }[],
): LandfallError {
  const { name } = move.target
  const what = [
    ...(lost > 0 ? [`the key (${key.map((one) => one.name).join(', ')}) of ${lost} rows`] : []),
    ...wrong.map((one) => `${one.name} of ${one.rows} ${one.rows === 1 ? 'row' : 'rows'}`),
  ]
  const others = wrong.filter((one) => !key.some((part) => part.name === one.name))
  const list = others.map((one) => `'${one.name}'`).join(', ')
  return new LandfallError(
    'LF304',
    `${move.source}: ${atWork.join(', ')} of ${name} changed what was written: ${what.join(', ')}`,
    {
      hint: [
        ...rows.map((row) => `${row.key}: ${row.columns}`),
        'The target’s tables are as they were.',
        `moves.${name}.columns: { … }   make the value that stays, by convert, or leave the column out: false`,
        ...(others.length > 0
          ? [`moves.${name}.setByTriggers: [${list}]   leave it to the triggers, and compare it no more`]
          : []),
        ...(others.length === 0 && wrong.length + lost > 0
          ? [`ALTER TABLE … DISABLE TRIGGER   for as long as rows are merged`]
          : []),
      ].join('\n'),
      place: { table: move.source },
      details: { atWork, lost, columns: wrong, rows },
    },
  )
}
