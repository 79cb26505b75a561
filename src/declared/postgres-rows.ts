import { ident, literal } from '../connection/quote.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { rowCondition } from './definition.ts'
import type { Looking } from './looking.ts'
import { constantOf } from './postgres-constant.ts'
import { label, relation } from './postgres-sql.ts'
import { insertRows, nameOfRow, objectOf } from './postgres-statements.ts'

type Row = { readonly [column: string]: string }

/** Rows to have, in a table that is there: each is looked for by its key, and its values compared. */
export async function examineRows(looking: Looking): Promise<void> {
  const { at, table, findings } = looking
  if (table.rows === null) return
  const { key, rows } = table.rows
  const missing: Row[] = []
  for (const row of rows) {
    const object = objectOf('row', at, nameOfRow(key, row))
    const expected = `a row with ${pairs(row, Object.keys(row))}`
    const other = await otherValues(looking, key, row)
    if (other === null) {
      missing.push(row)
      findings.lacking(object, expected, 'rows', [])
    } else if (other.length === 0) findings.right(object, expected)
    else {
      const found = `${pairs(row, key)} has ${other.map(({ column, value }) => `${column} = ${value === null ? 'NULL' : literal(value)}`).join(', ')}`
      const columns = other.map(({ column }) => column)
      const why = 'The row has other values. Landfall does not change what is there.'
      findings.different(object, expected, found, why, [update(looking, key, row, columns)])
    }
  }
  if (missing.length > 0) findings.todo('rows', [insertRows(at, key, missing)])
}

/** The columns in which the row is not as declared; null: there is none. */
async function otherValues(
  { session, at, facts }: Looking,
  key: readonly string[],
  row: Row,
): Promise<{ readonly column: string; readonly value: string | null }[] | null> {
  const types = new Map(facts.columns.map(({ name, type }) => [name, type]))
  // A key that is only now added has no values yet; neither has any other column.
  if (key.some((column) => !types.has(column))) return null
  const columns: string[] = []
  for (const [column, sql] of Object.entries(row)) {
    if (key.includes(column) || !types.has(column)) continue
    // now() or a random value is another one each time: it is inserted, and not compared.
    if (sql === 'NULL' || (await constantOf(session, sql)) !== null) columns.push(column)
  }
  const fields = columns.map((column) => {
    const [there, wanted] = [`t.${ident(column)}::text`, `((${row[column]})::${types.get(column)})::text`]
    return `pg_catalog.json_build_object('value', ${there}, 'same', ${there} IS NOT DISTINCT FROM ${wanted})`
  })
  const { rows } = await session.query<{ json: string }>(
    `SELECT pg_catalog.json_build_array(${fields.join(', ')})::text AS json
      FROM ${relation(at)} t WHERE ${rowCondition(nameOfRow(key, row))} LIMIT 2`,
  )
  if (rows.length === 0) return null
  const found = rows.map(({ json }) => JSON.parse(json) as { value: string | null; same: boolean }[])
  return columns.flatMap((column, n) => {
    const wrong = found.find((values) => !values[n]!.same)
    return wrong === undefined ? [] : [{ column, value: wrong[n]!.value }]
  })
}

function update(
  { at }: Looking,
  key: readonly string[],
  row: Row,
  columns: readonly string[],
): SchemaStatement {
  const values = columns.map((column) => `${ident(column)} = ${row[column]}`)
  return {
    does: `change the row ${pairs(row, key)} of ${label(at)}`,
    sql: [`UPDATE ${relation(at)} t SET ${values.join(', ')} WHERE ${rowCondition(nameOfRow(key, row))}`],
    transaction: true,
    locks: [{ ...at, mode: 'ROW EXCLUSIVE' }],
    rewrites: false,
    scans: false,
    makes: [],
    drops: [],
  }
}

const pairs = (row: Row, columns: readonly string[]): string =>
  columns.map((column) => `${column} = ${row[column]}`).join(', ')
