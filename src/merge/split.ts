import { ident, qualified } from '../connection/quote.ts'
import { type ColumnFacts, factsOf } from './facts.ts'
import { keyIsUnique, keysDiffer, type MergeMove, sameKey } from './key.ts'
import { sparingMisfits } from './misfits.ts'
import { CHANGED, type Reason, type Shaped, STAGE_ROW, type Staged, THERE, WRONG } from './model.ts'
import { writeShaped } from './shape.ts'
import { BY_ITSELF, type TypedRows, typedRows, type Values } from './values.ts'

/** Staged rows, told apart by what is in the target. */
export interface Split extends Shaped {
  readonly move: MergeMove
  /** Quoted. */
  readonly target: string
  /** SELECT of all staged rows in the target's columns. */
  readonly typed: string
  /** Of the mapped columns, in their order. */
  readonly facts: readonly ColumnFacts[]
  readonly key: readonly ColumnFacts[]
  /** Mapped columns whose bytes may differ where the key is equal. */
  readonly others: readonly ColumnFacts[]
  /** Those of `others` by which a row is changed: what triggers set is theirs. */
  readonly compared: readonly ColumnFacts[]
  /** All staged rows; those that are not among the shaped ones are in the target as they are. */
  readonly staged: number
  /** Several staged rows have one key. */
  readonly repeated: boolean
}

const REPEATED = '"landfall_repeated"'

/**
 * Joins the staged rows with the target by the key, once, and writes down those that are new, have other
 * values, or have something wrong with them. Rows that are in the target as they should be are not written
 * down, unless several staged rows have their key.
 *
 * @param name of the temporary table, not quoted.
 */
export async function split(staged: Staged, move: MergeMove, name: string): Promise<Split> {
  const { session, stage, maps } = staged
  const { mapping } = move
  const into = { schema: move.target.schema, name: move.target.name }
  // What has no key cannot be told apart, even where the target's column may be NULL.
  const columns = mapping.columns.map((column) =>
    mapping.key.includes(column.name) ? { ...column, notNull: true } : column,
  )
  const values = { stage, into, columns, maps }
  return sparingMisfits(session, values, mapping.rules.checks, (some) => splitRows(staged, move, name, some))
}

async function splitRows(staged: Staged, move: MergeMove, name: string, values: Values): Promise<Split> {
  const { session, stage } = staged
  const { mapping } = move
  const { into } = values
  const target = qualified(into.schema, into.name)
  const rows = await typedRows(session, values, mapping.rules.checks)
  const key = factsOf(new Map(rows.facts.map((fact) => [fact.name, fact])), mapping.key, into)
  const others = rows.facts.filter((fact) => fact.loose || !key.includes(fact))
  const compared = others.filter(({ name }) => !mapping.setByTriggers?.includes(name))
  const counted = await session.query<{ rows: string }>(`SELECT pg_catalog.count(*) AS rows FROM ${stage}`)
  const repeated = !keysDiffer(move, key) && (await findRepeated(staged, rows, key))

  const parents = parentTests(move, rows)
  // Several rows of the target may have a key where all stay as they are: one stands for them.
  const names = key.map(({ name }) => ident(name)).join(', ')
  const there =
    mapping.ifThere === 'keep' && !keyIsUnique(move)
      ? `(SELECT DISTINCT ON (${names}) tableoid, * FROM ${target})`
      : target
  const joins = [
    `LEFT JOIN ${there} AS t ON ${sameKey(key, 'w', 't')}`,
    ...parents.map(({ join }) => join),
    ...(repeated ? [`LEFT JOIN ${REPEATED} AS d ON ${sameKey(key, 'w', 'd')}`] : []),
  ]
  // A default that is given once is for new rows: what is there stays.
  const own = (column: string): string => {
    const flag = rows.givenOnce.get(column)
    const value = `w.${ident(column)}`
    return flag === undefined
      ? value
      : `CASE WHEN w.${flag} AND t.tableoid IS NOT NULL THEN t.${ident(column)} ELSE ${value} END`
  }
  const differs =
    compared.length === 0 || mapping.ifThere === 'keep'
      ? 'false'
      : `t.tableoid IS NOT NULL AND ${differences(compared, own, 't')}`
  const first = rows.reasons.flatMap(({ parent }, at) => (parent ? [at] : []))
  // The server gives these values itself, and lets nobody change them.
  const fixed = mapping.ifThere !== 'update' ? [] : others.filter(({ always }) => always)
  const tests = [
    ...parents,
    ...fixed.map((fact) => ({
      test: `w.${WRONG} IS NULL AND t.tableoid IS NOT NULL AND ${differences([fact], own, 't')}`,
      reason: {
        column: fact.name,
        text: 'is GENERATED ALWAYS, and the row that is there has another value',
        ...BY_ITSELF,
      },
    })),
  ]
  const judged =
    tests.length === 0
      ? `w.${WRONG}`
      : `CASE ${first.length > 0 ? `WHEN w.${WRONG} IN (${first.join(', ')}) THEN w.${WRONG} ` : ''}${tests.map(({ test, reason }) => `WHEN ${test} THEN ${rows.reasons.push(reason) - 1}`).join(' ')} ELSE w.${WRONG} END`
  // What stays as it is, whatever the staged row looks like, has nothing wrong with it.
  const wrong = mapping.ifThere === 'keep' ? `CASE WHEN t.tableoid IS NULL THEN ${judged} END` : judged
  // OFFSET keeps the planner from computing each value once for each place where it is used, but also from
  // having several processes work it out.
  const fence = isComputed(move, rows) ? ' OFFSET 0' : ''
  const sql = `SELECT * FROM (
      SELECT w.${STAGE_ROW}, ${[...rows.facts.map(({ name }) => `${own(name)} AS ${ident(name)}`), `${wrong} AS ${WRONG}`].join(', ')},
        t.tableoid IS NOT NULL AS ${THERE}, ${differs} AS ${CHANGED}${repeated ? `, d.${ident(key[0]!.name)} IS NOT NULL AS landfall_twice` : ''}
      FROM (${rows.sql}${fence}) AS w ${joins.join(' ')}) AS landfall_split
    WHERE ${mapping.ifThere === 'fail' ? 'true' : `${WRONG} IS NOT NULL OR NOT ${THERE} OR ${CHANGED}${repeated ? ' OR landfall_twice' : ''}`}`
  const shaped = await writeShaped(session, name, rows, sql)
  if (repeated) await session.query(`DROP TABLE ${REPEATED}`)
  return {
    ...shaped,
    move,
    target,
    typed: rows.sql,
    facts: rows.facts,
    key,
    others,
    compared,
    staged: Number(counted.rows[0]!.rows),
    repeated,
  }
}

/** Some value is more than a staged one as it is, or what an identity knows for it. */
function isComputed({ mapping, columns }: MergeMove, { facts }: TypedRows): boolean {
  const isStaged = (value: string, type: string): boolean =>
    columns.some((column) => ident(column.target) === value && column.type === type)
  return (
    mapping.rules.checks.length > 0 ||
    mapping.columns.some(
      ({ value, identity, orElse }, at) =>
        orElse !== null || (identity === null && !isStaged(value, facts[at]!.type)),
    )
  )
}

/**
 * SQL: the bytes of a column differ. It does without operators, which some types do not have, and which of
 * others pass something over: case, `1.0` and `1.00`, `-0`. One call is as fast as a comparison of each.
 */
export function differences(
  columns: readonly ColumnFacts[],
  left: string | ((column: string) => string),
  right: string,
): string {
  const row = (side: typeof left): string =>
    `ROW(${columns.map(({ name }) => (typeof side === 'string' ? `${side}.${ident(name)}` : side(name))).join(', ')})`
  return `pg_catalog.record_image_ne(${row(left)}, ${row(right)})`
}

/** Writes down the keys that several staged rows have. */
async function findRepeated(
  { session }: Staged,
  { sql }: TypedRows,
  key: readonly ColumnFacts[],
): Promise<boolean> {
  const names = key.map(({ name }) => ident(name))
  const { rowCount } = await session.query(
    `CREATE TEMPORARY TABLE ${REPEATED} ON COMMIT DROP AS SELECT ${names.join(', ')} FROM (${sql}) AS w
      WHERE ${names.map((name) => `${name} IS NOT NULL`).join(' AND ')} GROUP BY ${names.join(', ')} HAVING pg_catalog.count(*) > 1`,
  )
  if (rowCount === 0) await session.query(`DROP TABLE ${REPEATED}`)
  return rowCount > 0
}

interface ParentTest {
  readonly join: string
  readonly test: string
  readonly reason: Reason
}

/** Foreign keys to other tables; what refers to its own table may find its parent among the staged rows. */
function parentTests({ mapping, target }: MergeMove, { facts }: TypedRows): ParentTest[] {
  const outside = mapping.rules.parents.filter(
    ({ refSchema, refTable }) => refSchema !== target.schema || refTable !== target.name,
  )
  return outside.map(({ columns, refSchema, refTable, refColumns }, at) => {
    const names = refColumns.map((name, i) => `${ident(name)} AS landfall_ref_${i}`).join(', ')
    const same = columns.map((name, i) => {
      const equals = facts.find((fact) => fact.name === name)?.equals ?? '='
      return `w.${ident(name)} ${equals} p${at}.landfall_ref_${i}`
    })
    const present = columns.map((name) => `w.${ident(name)} IS NOT NULL`).join(' AND ')
    return {
      join: `LEFT JOIN (SELECT ${names} FROM ${qualified(refSchema, refTable)}) AS p${at} ON ${same.join(' AND ')}`,
      test: `p${at}.landfall_ref_0 IS NULL AND ${present}`,
      reason: {
        column: columns.length === 1 ? columns[0]! : null,
        text: `has no parent in ${refTable}`,
        parent: true,
        lacks: { schema: refSchema, table: refTable, columns, refColumns },
        fails: false,
      },
    }
  })
}
