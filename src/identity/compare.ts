import type { RowDifference } from '../contract/verify.ts'
import { type ColumnFacts, columnFacts, factsOf } from '../merge/facts.ts'
import { type ComparedMove, STAGE_ROW, type Staged } from '../merge/model.ts'
import { shape } from '../merge/shape.ts'
import { prepareRows } from './create.ts'
import { of } from './equal.ts'
import { findMap, honourMap } from './map.ts'
import { matchByRules } from './match.ts'
import { endPeople, keyText, type Resolving, resolving, startPeople } from './people.ts'
import { samePerson } from './same-person.ts'
import { severalOld } from './several.ts'
import { bare, CREATED, PEOPLE, SAID } from './tables.ts'
import { differs, whatIsSaid } from './take.ts'

/** Characters of a value that are shown. */
const SHOWN = 60

/**
 * Whether the staged old keys have new ones whose rows are there and hold what they should: the columns that
 * are taken over, where the source has a value, and of rows that were created all but the numbered texts,
 * as far as the map tells which these are. Without a map, rows that were created are found by the rules.
 * Nothing but temporary tables is written.
 *
 * @param most so many differences are listed.
 */
export async function compareIdentity(
  staged: Staged,
  most: number,
  showValues = false,
): Promise<ComparedMove> {
  const on = await resolving(staged)
  const { session } = on
  const { unmatched } = on.identity
  await startPeople(on)
  const map = await findMap(session, staged.move)
  if (map) await honourMap(on, map)
  await matchByRules(on)
  await severalOld(on)
  if (unmatched.kind === 'create') {
    await samePerson(on)
    await prepareRows(on, unmatched)
  } else await session.query(`UPDATE ${PEOPLE} SET way = 'skipped' WHERE way IS NULL`)
  const sides = [...(await takenSide(on)), ...(await createdSide(on))]
  // What only a rule finds is not in the map, where all others look.
  const missing = `p.reason IS NULL AND (p.way IS NULL${map ? ` OR p.way = 'matched'` : ''})`
  const found = {
    ...(await countRows(on, missing)),
    ...(await list(on, missing, sides, most, showValues)),
  }
  await endPeople(on)
  return found
}

/** A column that is compared: its value as SQL, and when it is not the same. `p`, `f`, `c` and `t` are joined. */
interface Side {
  readonly column: string
  readonly value: string
  readonly differs: string
}

async function takenSide(on: Resolving): Promise<Side[]> {
  if (on.identity.take.length === 0) return []
  const facts = await whatIsSaid(on)
  return facts.map((fact, at) => ({
    column: fact.name,
    value: `f.v${at}`,
    differs: differs(fact, `f.v${at}`),
  }))
}

async function createdSide(on: Resolving): Promise<Side[]> {
  const { session, staged, identity } = on
  const { unmatched, take, toKey } = identity
  if (unmatched.kind !== 'create') return []
  const columns = unmatched.columns.filter(
    ({ name, unique }) => !unique && name !== toKey.column && !take.some((one) => one.name === name),
  )
  await session.query(`DROP TABLE IF EXISTS ${CREATED}`)
  if (columns.length === 0) return []
  const { schema, name } = staged.move.target
  await shape(session, {
    name: bare(CREATED),
    stage: staged.stage,
    into: { schema, name },
    // What stood in for a value that the source lacks was given then; only values of the source are known.
    columns: columns.map((column) =>
      column.givenOnce ? { ...column, orElse: null, notNull: false } : column,
    ),
    maps: staged.maps,
    where: `${STAGE_ROW} IN (SELECT nr FROM ${PEOPLE} WHERE way = 'known' AND rule = 'created')`,
  })
  const facts = factsOf(
    await columnFacts(session, on.target),
    columns.map((column) => column.name),
    { schema, name },
  )
  return facts.map((fact, at) => {
    const value = of('c', fact.name)
    const known = columns[at]!.givenOnce ? value : `c.${STAGE_ROW}`
    return { column: fact.name, value, differs: `${known} IS NOT NULL AND ${another(fact, value)}` }
  })
}

function another({ name, loose }: ColumnFacts, value: string): string {
  const text = loose ? '::pg_catalog.text' : ''
  return `${of('t', name)}${text} IS DISTINCT FROM ${value}${text}`
}

async function countRows(
  { session }: Resolving,
  missing: string,
): Promise<Pick<ComparedMove, 'expected' | 'setAside' | 'missing'>> {
  const {
    rows: [row],
  } = await session.query<Record<'expected' | 'aside' | 'missing', string>>(
    `SELECT pg_catalog.count(*) FILTER (WHERE reason IS NULL AND way IS DISTINCT FROM 'skipped') AS expected,
      pg_catalog.count(*) FILTER (WHERE reason IS NOT NULL) AS aside,
      pg_catalog.count(*) FILTER (WHERE ${missing}) AS missing FROM ${PEOPLE} p`,
  )
  return { expected: Number(row!.expected), setAside: Number(row!.aside), missing: Number(row!.missing) }
}

async function list(
  on: Resolving,
  missing: string,
  sides: readonly Side[],
  most: number,
  showValues: boolean,
): Promise<Pick<ComparedMove, 'changed' | 'differences'>> {
  const { session, staged } = on
  const table = staged.move.source
  const { rows: lost } = await session.query<{ key: string }>(
    `SELECT ${keyText(on)} AS key FROM ${PEOPLE} p WHERE ${missing} ORDER BY p.nr LIMIT ${Math.max(0, most)}`,
  )
  const differences: RowDifference[] = lost.map(({ key }) => ({ table, kind: 'missing', key, columns: [] }))
  if (sides.length === 0) return { changed: 0, differences }
  const from = changedRows(on, missing, sides)
  const {
    rows: [count],
  } = await session.query<{ n: string }>(`SELECT pg_catalog.count(*) AS n ${from}`)
  const each = (sql: (side: Side) => string): string =>
    `ARRAY[${sides.map((side) => `CASE WHEN ${side.differs} THEN ${sql(side)} END`).join(', ')}]::pg_catalog.text[]`
  const shown = (sql: string): string => `pg_catalog.left((${sql})::pg_catalog.text, ${SHOWN})`
  const { rows } = await session.query<{
    key: string
    differs: boolean[]
    source: string[]
    target: string[]
  }>(
    `SELECT ${keyText(on)} AS key, ${each(() => `'x'`)} AS differs, ${each(({ value }) => shown(value))} AS source,
      ${each(({ column }) => shown(of('t', column)))} AS target ${from} ORDER BY p.nr LIMIT ${Math.max(0, most - lost.length)}`,
  )
  for (const row of rows) {
    const columns = sides.flatMap(({ column }, at) => {
      if (row.differs[at] === null) return []
      return [showValues ? { column, source: row.source[at]!, target: row.target[at]! } : { column }]
    })
    differences.push({ table, kind: 'changed', key: row.key, columns })
  }
  return { changed: Number(count!.n), differences }
}

/** FROM and WHERE of the rows of which a side differs. */
function changedRows({ target, identity }: Resolving, missing: string, sides: readonly Side[]): string {
  const joined = (alias: string, table: string, column: string): string =>
    sides.some(({ value }) => value.startsWith(`${alias}.`))
      ? `LEFT JOIN ${table} ${alias} ON ${alias}.${column} = p.nr`
      : ''
  return `FROM ${PEOPLE} p JOIN ${target} t ON ${of('t', identity.toKey.column)} = p.new
    ${joined('f', SAID, 'nr')} ${joined('c', CREATED, STAGE_ROW)}
    WHERE p.reason IS NULL AND NOT (${missing}) AND (${sides.map((side) => `(${side.differs})`).join(' OR ')})`
}
