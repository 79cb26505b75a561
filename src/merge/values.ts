import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { MappedColumn, TargetRules } from '../plan/mapping.ts'
import { type ColumnFacts, columnFacts, factsOf, lookups } from './facts.ts'
import { type KnownMap, type Reason, STAGE_ROW, WRONG } from './model.ts'

/** Which staged rows are to become rows of which table, and how. */
export interface Values {
  /** Quoted name of the stage. */
  readonly stage: string
  readonly into: { readonly schema: string; readonly name: string }
  readonly columns: readonly MappedColumn[]
  /** The identity maps that the columns name. */
  readonly maps: ReadonlyMap<string, KnownMap>
  /** SQL over the stage's columns; all rows where it is missing. */
  readonly where?: string | undefined
}

/** Of a reason that has to do with no other row. */
export const BY_ITSELF = { parent: false, fails: false } as const

/** Rows of the stage as the target would hold them, as a query. */
export interface TypedRows {
  /**
   * SELECT of `STAGE_ROW`, the target's columns with their types and collations, and `WRONG`: what is wrong
   * with a row by itself.
   */
  readonly sql: string
  readonly facts: readonly ColumnFacts[]
  readonly reasons: Reason[]
  /**
   * Columns whose default is given once, when a row is made; each with a column of `sql`, which is true where
   * the staged row has no value of its own.
   */
  readonly givenOnce: ReadonlyMap<string, string>
}

/**
 * Values are cast to the target's types. What the cast would cut off, or an identity does not know, NOT
 * NULL and CHECK would refuse, is found in the same pass.
 */
export async function typedRows(
  session: Session,
  values: Values,
  checks: TargetRules['checks'] = [],
): Promise<TypedRows> {
  const { stage, into, columns, maps } = values
  const relation = qualified(into.schema, into.name)
  const facts = factsOf(
    await columnFacts(session, relation),
    columns.map(({ name }) => name),
    into,
  )
  const stageFacts = await columnFacts(session, stage)
  const stagedAs = new Map([...stageFacts.values()].map((one) => [ident(one.name), one]))
  const reasons: Reason[] = []
  const raw: string[] = []
  const wrong: string[] = []
  const add = (tests: string[], test: string, reason: Reason): void => {
    tests.push(`WHEN ${test} THEN ${reasons.push(reason) - 1}`)
  }

  for (const { name, misfits = [] } of columns)
    for (const { test, reason } of misfits) add(raw, test, { column: name, text: reason, ...BY_ITSELF })
  const looked = columns.filter(({ identity }) => identity !== null)
  const known = looked.map((column) => {
    const map = maps.get(column.identity!)
    if (map === undefined) throw new TypeError(`the identity ${column.identity} is not resolved yet`)
    return map
  })
  const same = await lookups(
    session,
    stage,
    looked.map(({ value }, at) => ({ value, map: known[at]! })),
  )
  // The stage's columns are named bare: nothing else may have a name like theirs.
  const joins = looked.map((column, at) => {
    const { relation: map, oldKey, newKey } = known[at]!
    add(raw, `(${column.value}) IS NOT NULL AND m${at}.landfall_old_${at} IS NULL`, {
      column: column.name,
      text: `is not known by the identity ${column.identity}`,
      parent: true,
      lacks: { identity: column.identity!, value: column.value },
      fails: known[at]!.unknownFails ?? false,
    })
    return `LEFT JOIN (SELECT ${oldKey} AS landfall_old_${at}, ${newKey} AS landfall_new_${at} FROM ${map}) AS m${at} ON ${same[at]!(`m${at}.landfall_old_${at}`, column.value)}`
  })

  const givenOnce = new Map<string, string>()
  const given: string[] = []
  const typed = columns.map((column, at) => {
    const fact = facts[at]!
    const lookup = looked.indexOf(column)
    const value = lookup < 0 ? column.value : `m${lookup}.landfall_new_${lookup}`
    const staged = lookup < 0 ? stagedAs.get(value) : undefined
    const as = ` AS ${ident(column.name)}`
    // Nothing to cast, to cut or to replace.
    if (staged?.type === fact.type && staged.collation === fact.collation && column.orElse === null)
      return value + as
    if (staged?.type !== fact.type)
      for (const one of column.orElse === null ? [value] : [value, column.orElse]) {
        const cut = cutTest(one, column, fact)
        if (cut !== null) add(raw, cut.test, { column: column.name, text: cut.text, ...BY_ITSELF })
      }
    const cast = (sql: string): string => `(${sql})::${fact.type}`
    if (column.givenOnce) {
      const flag = `landfall_given_${at}`
      givenOnce.set(column.name, flag)
      given.push(`${cast(value)} IS NULL AS ${flag}`)
    }
    const whole = column.orElse === null ? cast(value) : `coalesce(${cast(value)}, ${cast(column.orElse)})`
    return (fact.collation === null ? whole : `${whole} COLLATE ${fact.collation}`) + as
  })

  for (const column of columns)
    if (column.notNull)
      add(wrong, `${ident(column.name)} IS NULL`, {
        column: column.name,
        text: 'has no value, and the target must have one',
        ...BY_ITSELF,
      })
  for (const { expression } of checks)
    add(wrong, `(${expression}) IS FALSE`, {
      column: null,
      text: `breaks CHECK (${expression.replace(/\s+/g, ' ').trim()})`,
      ...BY_ITSELF,
    })

  const inner = `SELECT s.${STAGE_ROW}, ${[...typed, ...given, `${cases(raw)} AS landfall_raw`].join(', ')}
    FROM ${[`${stage} AS s`, ...joins].join(' ')}${values.where === undefined ? '' : ` WHERE ${values.where}`}`
  const names = [...columns.map(({ name }) => ident(name)), ...givenOnce.values()].join(', ')
  const sql = `SELECT ${STAGE_ROW}, ${names}, coalesce(landfall_raw, ${cases(wrong)}) AS ${WRONG} FROM (${inner}) AS landfall_v`
  return { sql, facts, reasons, givenOnce }
}

const cases = (tests: readonly string[]): string =>
  tests.length === 0 ? 'NULL::pg_catalog.int4' : `CASE ${tests.join(' ')} END`

/** True where an explicit cast would cut off what an assignment refuses. */
function cutTest(
  value: string,
  { maxLength }: MappedColumn,
  { type, uncut }: ColumnFacts,
): { readonly test: string; readonly text: string } | null {
  if (maxLength !== null) {
    // Bytes are counted without a look at them. Blanks at the end, which an assignment cuts too, count
    // where the type keeps them.
    const text = `(${value})::pg_catalog.text`
    const kept = uncut === 'bpchar' ? `pg_catalog.rtrim(${text})` : text
    return {
      test: `pg_catalog.octet_length(${text}) > ${maxLength} AND pg_catalog.char_length(${kept}) > ${maxLength}`,
      text: `is longer than ${maxLength} characters`,
    }
  }
  if (uncut === null) return null
  return {
    test: `(${value})::${type}::${uncut} IS DISTINCT FROM (${value})::${uncut}`,
    text: `does not fit into ${type}`,
  }
}
