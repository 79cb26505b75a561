import { literal } from '../connection/quote.ts'
import type { RowDifference } from '../contract/verify.ts'
import { type ColumnFacts, columnFacts, factsOf } from '../merge/facts.ts'
import { type ComparedMove, STAGE_ROW, type Staged } from '../merge/model.ts'
import { shape } from '../merge/shape.ts'
import { findLacking } from './compare-related.ts'
import { prepareRows } from './create.ts'
import { findCreated } from './created.ts'
import { of } from './equal.ts'
import { findMap, honourMap } from './map.ts'
import { matchByRules } from './match.ts'
import { endPeople, keyText, type Resolving, resolving, startPeople } from './people.ts'
import { tableName } from './related.ts'
import { samePerson } from './same-person.ts'
import { severalOld } from './several.ts'
import { bare, CREATED, LACKING, PEOPLE, SAID } from './tables.ts'
import { differs, judgeTaken } from './take.ts'

/** Characters of a value that are shown. */
const SHOWN = 60

/**
 * Whether the staged old keys have new ones whose rows are there and hold what they should: the columns that
 * are taken over, where the source has a value, and of rows that were created when the identity was applied
 * last all but the numbered texts, and the rows of other tables that were made with them. What was created
 * before is the application's by now. Without a map, rows that were created are found by the rules. Nothing
 * but temporary tables is written.
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
  let told = true
  if (unmatched.kind === 'create') {
    told = await findCreated(on)
    await samePerson(on)
    await prepareRows(on, unmatched)
    if (told) await findLacking(on, unmatched)
  } else await session.query(`UPDATE ${PEOPLE} SET way = 'skipped' WHERE way IS NULL`)
  const sides = [...(await takenSide(on)), ...(told ? [...(await createdSide(on)), ...relatedSides(on)] : [])]
  // What only a rule finds is not in the map, where all others look.
  const missing = `p.reason IS NULL AND (p.way IS NULL${map ? ` OR p.way = 'matched'` : ''})`
  const found = {
    ...(await countRows(on, missing)),
    ...(await list(on, missing, sides, most, showValues)),
    ...(await leftOut(on, map?.ours === true, told)),
  }
  await endPeople(on)
  return found
}

/** A column that is compared: its value as SQL, and when it is not the same. `p`, `f`, `c` and `t` are joined. */
interface Side {
  readonly column: string
  readonly value: string
  /** What the target has, where that is no column of `t`. */
  readonly found?: string
  readonly differs: string
}

async function takenSide(on: Resolving): Promise<Side[]> {
  if (on.identity.take.length === 0) return []
  const facts = await judgeTaken(on)
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
    where: `${STAGE_ROW} IN (SELECT nr FROM ${PEOPLE} WHERE fresh)`,
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

/** A row that goes with what was created is shown like a column, by the name of its table. */
function relatedSides({ identity: { unmatched } }: Resolving): Side[] {
  if (unmatched.kind !== 'create') return []
  return unmatched.alsoCreate.map((also): Side => {
    const table = literal(tableName(also))
    return {
      column: tableName(also),
      value: `'a row'`,
      found: 'NULL',
      differs: `EXISTS (SELECT FROM ${LACKING} l WHERE l.nr = p.nr AND l.tbl = ${table})`,
    }
  })
}

/** What was not looked at, and why. */
async function leftOut(
  { session, staged: { move }, identity: { take, unmatched } }: Resolving,
  ours: boolean,
  told: boolean,
): Promise<Pick<ComparedMove, 'note' | 'incomplete'>> {
  if (unmatched.kind !== 'create') return {}
  if (!told) return { incomplete: 'there is no journal that tells which rows were created' }
  const {
    rows: [found],
  } = await session.query<{ n: string }>(
    `SELECT pg_catalog.count(*) AS n FROM ${PEOPLE} WHERE way = 'known' AND NOT fresh ${ours ? `AND rule = 'created'` : ''}`,
  )
  if (found!.n === '0') return {}
  const rows = `${found!.n} ${found!.n === '1' ? 'row' : 'rows'} that ${ours ? 'an earlier run created' : 'the map knew before'}`
  const names = take.map(({ name }) => name).join(', ')
  return {
    note: `${move.source}: of ${rows} ${names === '' ? 'only whether they are there' : `only ${names}`} was compared: the application may have changed the rest`,
  }
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
      ${each(({ column, found }) => shown(found ?? of('t', column)))} AS target ${from} ORDER BY p.nr LIMIT ${Math.max(0, most - lost.length)}`,
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
