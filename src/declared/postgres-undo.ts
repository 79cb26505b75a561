import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { Declaration, TableName } from '../contract/declaration.ts'
import type { SchemaObject, SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import { objectName } from './checks.ts'
import { definitionOf, rowCondition } from './definition.ts'
import { tableKey } from './known-tables.ts'
import type { Guard } from './postgres-carry-out.ts'
import { dependantsOf } from './postgres-dependants.ts'
import { rowsReferring } from './postgres-referring.ts'
import { commentSql, label, relation } from './postgres-sql.ts'
import { alter, dropIndex } from './postgres-statements.ts'
import { type Made, readRecord } from './record.ts'

/** What undoing a declaration comes to. */
export interface UndoPlan {
  /** In the order in which they are carried out: what depends on something goes before it. */
  readonly statements: readonly SchemaStatement[]
  /** Tables that go, and columns of tables that stay. */
  readonly going: readonly SchemaObject[]
  /** What the record says to be made, and what somebody has dropped since. */
  readonly gone: readonly SchemaObject[]
  /** What is there of the record. */
  readonly there: readonly Made[]
  /** Why nothing can be dropped; empty: it can. */
  readonly blockers: readonly string[]
}

/**
 * Reads the record of what the declaration has made, and whether it still is as it was. `session` has an
 * empty `search_path`, as the record was written with.
 */
export async function undoPlan(session: Session, { name }: Declaration): Promise<UndoPlan> {
  const record = await readRecord(session, name)
  const there = record.filter(({ now }) => now !== null)
  const inTable = goingWithTable(there)
  const blockers = await blockersOf(session, name, there, there)
  const staying = there.filter((one) => !inTable(one))
  const gone = record.filter(({ now }) => now === null)
  const of = (...kinds: Made['kind'][]): Made[] =>
    staying.filter(({ kind }) => kinds.includes(kind)).reverse()
  const columns = of('column')
  const isColumnGoing = (one: Made): boolean =>
    columns.some(
      (column) => column.table === one.table && column.schema === one.schema && column.name === one.name,
    )
  const keys = [...there].reverse().filter(({ kind }) => kind === 'foreign key')
  const statements: SchemaStatement[] = [
    ...of('row').map(deleteRow),
    ...of('comment')
      .filter((one) => !isColumnGoing(one))
      .map(dropComment),
    ...(await Promise.all(keys.map(async (key) => dropConstraint(key, await referredBy(session, key))))),
    ...of('check', 'unique', 'primary key').map((one) => dropConstraint(one, [])),
    ...of('index').map((one) => dropIndex(one, one.name, '')),
    ...byTable(columns).map((some) => dropColumns(some, of('comment').filter(isColumnGoing))),
    ...of('table').map((table) => dropTable(table, there)),
    ...of('schema').map(dropSchema),
  ]
  return { statements, going: [...of('table'), ...columns], gone, there, blockers }
}

/**
 * Of an index that was begun, nothing but its statement is known: where the server prints it in other words
 * it cannot be told from one that others made.
 */
function isChanged({ definition, now, statement }: Made): boolean {
  if (definition !== null) return definition !== now
  return now !== null && plainly(statement) !== plainly(now)
}

const plainly = (index: string): string => index.replaceAll(/"| CONCURRENTLY| USING btree/g, '')

function changeOf(one: Made): string {
  return one.definition === null
    ? `${objectName(one)} was begun by ${one.statement}, and is ${one.now}: it cannot be told who made it; landfall schema apply completes the record`
    : `${objectName(one)} was ${one.definition} when it was made, and is ${one.now}`
}

function goingWithTable(there: readonly Made[]): (one: SchemaObject) => boolean {
  const tables = new Set(
    there.flatMap(({ kind, schema, table }) => (kind === 'table' ? [tableKey(schema, table)] : [])),
  )
  return ({ kind, schema, table }) => kind !== 'table' && tables.has(tableKey(schema, table))
}

/** Why these of what is `there` cannot be dropped. */
async function blockersOf(
  session: Session,
  name: string,
  these: readonly Made[],
  there: readonly Made[],
): Promise<readonly string[]> {
  const inTable = goingWithTable(there)
  return [
    ...these
      // The rows of a table that goes are its data: counted, and not compared.
      .filter((one) => isChanged(one) && !(one.kind === 'row' && inTable(one)))
      .map(changeOf),
    ...(await dependantsOf(session, there)).map((what) => `${what} was not made by "${name}"`),
    ...(await rowsReferring(
      session,
      these.filter((one) => one.kind === 'row' && !inTable(one)),
    )),
  ]
}

/**
 * Asks again, under the locks of each statement: until they are had, others go on building.
 * Errors: LF212.
 */
export function guardUndo({ name }: Declaration, { there }: UndoPlan): Guard {
  return async (session, { drops }) => {
    const these: Made[] = []
    for (const object of drops) {
      const made = there.find((one) => isSameObject(one, object))
      if (made === undefined || (made.kind === 'row' && goingWithTable(there)(made))) continue
      const { rows } = await session.query<{ now: string | null }>(`SELECT ${definitionOf(object)} AS now`)
      these.push({ ...made, now: rows[0]!.now })
    }
    refuseUndo(
      { blockers: await blockersOf(session, name, these, there) },
      'What was dropped before stays dropped; the same command goes on from here.',
    )
  }
}

const isSameObject = (one: SchemaObject, other: SchemaObject): boolean =>
  one.kind === other.kind &&
  one.schema === other.schema &&
  one.table === other.table &&
  one.name === other.name

/** Errors: LF212. */
export function refuseUndo({ blockers }: Pick<UndoPlan, 'blockers'>, done = 'Nothing was dropped.'): void {
  if (blockers.length === 0) return
  const more = blockers.length === 1 ? '' : `, and ${blockers.length - 1} more`
  throw new LandfallError('LF212', `${blockers[0]}${more}`, {
    hint: [...blockers.slice(1), `${done} What you drop yourself, undo forgets.`].join('\n'),
    details: { blockers },
  })
}

const PLAIN = { transaction: true, rewrites: false, scans: false, makes: [] } as const

function deleteRow(row: Made): SchemaStatement {
  return {
    ...PLAIN,
    does: `delete the ${objectName(row)}`,
    sql: [`DELETE FROM ${relation(row)} t WHERE ${rowCondition(row.name)}`],
    locks: [{ schema: row.schema, table: row.table, mode: 'ROW EXCLUSIVE' }],
    drops: [row],
  }
}

function dropComment(one: Made): SchemaStatement {
  return {
    ...PLAIN,
    does: `take away the ${objectName(one)}`,
    sql: [commentSql(one, one.name, null)],
    locks: [{ schema: one.schema, table: one.table, mode: 'SHARE UPDATE EXCLUSIVE' }],
    drops: [one],
  }
}

/** A foreign key's lock is on both tables, and the other one is most often the busier one. */
function dropConstraint(one: Made, others: readonly TableName[]): SchemaStatement {
  const locks = [...others, one].map(
    ({ schema, table }) => ({ schema, table, mode: 'ACCESS EXCLUSIVE' }) as const,
  )
  return alter(one, `drop the ${objectName(one)}`, [`DROP CONSTRAINT ${ident(one.name)}`], {
    locks,
    drops: [one],
  })
}

async function referredBy(session: Session, key: Made): Promise<readonly TableName[]> {
  const { rows } = await session.query<TableName & { readonly self: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS "table", c.oid = con.conrelid AS self
      FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_class c ON c.oid = con.confrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE con.conrelid = $1::regclass AND con.conname = $2 AND con.contype = 'f'`,
    [relation(key), key.name],
  )
  return rows.flatMap(({ schema, table, self }) => (self ? [] : [{ schema, table }]))
}

function byTable(columns: readonly Made[]): readonly (readonly Made[])[] {
  return [...Map.groupBy(columns, ({ schema, table }) => tableKey(schema, table)).values()]
}

function dropColumns(columns: readonly Made[], comments: readonly Made[]): SchemaStatement {
  const at = columns[0]!
  const names = columns.map(({ name }) => name)
  return alter(
    at,
    `drop ${names.join(', ')} of ${label(at)}`,
    names.map((name) => `DROP COLUMN ${ident(name)}`),
    {
      drops: [
        ...columns,
        ...comments.filter(({ table, schema }) => table === at.table && schema === at.schema),
      ],
    },
  )
}

function dropTable(table: Made, there: readonly Made[]): SchemaStatement {
  return {
    ...PLAIN,
    does: `drop the table ${label(table)}`,
    sql: [`DROP TABLE ${relation(table)}`],
    locks: [{ schema: table.schema, table: table.table, mode: 'ACCESS EXCLUSIVE' }],
    drops: there.filter(
      (one) => one.schema === table.schema && one.table === table.table && one.kind !== 'foreign key',
    ),
  }
}

function dropSchema(one: Made): SchemaStatement {
  return {
    ...PLAIN,
    does: `drop the schema ${one.schema}`,
    sql: [`DROP SCHEMA ${ident(one.schema)}`],
    locks: [],
    drops: [one],
  }
}
