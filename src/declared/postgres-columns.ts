import { sameSql } from '../checks/same-sql.ts'
import { ident } from '../connection/quote.ts'
import type { DeclaredColumn } from '../contract/declaration.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import type { Looking } from './looking.ts'
import type { ColumnFacts } from './postgres-facts.ts'
import { columnSql, defaultSql, label, relation } from './postgres-sql.ts'
import { addColumns, alter, commentsOf, objectOf, setComment, setNotNull } from './postgres-statements.ts'
import type { ResolvedType } from './resolved-type.ts'

/** Columns of a table that is there. All that are missing are added under one lock. */
export async function examineColumns(looking: Looking): Promise<void> {
  const { at, table, facts, types, findings } = looking
  const hasRows = await holdsRows(looking)
  const adding: DeclaredColumn[] = []
  for (const column of table.columns) {
    const type = types.get(column.name)!
    const object = objectOf('column', at, column.name)
    const expected = declaredText(column, type)
    const there = facts.columns.find(({ name }) => name === column.name)
    if (there !== undefined) {
      const problems = await differences(looking, column, type, there)
      if (problems.length === 0) findings.right(object, expected, foundText(there))
      else {
        const why = `${problems.map(({ what }) => what).join('; ')}. Landfall does not change what is there.`
        findings.different(
          object,
          expected,
          foundText(there),
          why,
          problems.flatMap(({ ways }) => ways),
        )
      }
      continue
    }
    const why = hasRows ? cannotBeAdded(column, type) : null
    if (why === null) {
      findings.lacking(object, expected, 'columns', [])
      adding.push(column)
    } else findings.different(object, expected, 'missing', why, addingWays(looking, column, type))
  }
  if (adding.length > 0) findings.todo('columns', [addColumns(at, adding, types, hasRows)])
}

/** Of the table, and of columns that are there; a column that is added gets its own with it. */
export function examineComments({ at, table, facts, findings }: Looking): void {
  for (const { object, text } of commentsOf(at, table)) {
    const column = facts.columns.find(({ name }) => name === object.name)
    const there = object.name === '' ? facts.comment : (column?.comment ?? null)
    const set = setComment(at, object.name, text)
    if (there === text) findings.right(object, text)
    else if (there === null)
      findings.lacking(object, text, 'comments', object.name !== '' && column === undefined ? [] : [set])
    else findings.different(object, text, there, 'Somebody has written another comment.', [set])
  }
}

async function holdsRows({ session, at }: Looking): Promise<boolean> {
  const { rows } = await session.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM ${relation(at)}) AS some`,
  )
  return rows[0]!.some
}

/** Why a column cannot be added to a table with rows under a short lock, or at all. */
function cannotBeAdded(column: DeclaredColumn, type: ResolvedType): string | null {
  if (column.identity) return 'To number the rows that are there, every row is written anew under the lock.'
  if (type.domain) return 'To add a column of a domain, every row is looked at under the lock.'
  if (!column.notNull || column.default?.kind === 'now' || column.default?.kind === 'constant') return null
  return column.default === null
    ? 'It forbids NULL and has no default, and rows are there.'
    : 'It forbids NULL, and to fill rows that are there with an expression, every row is written anew under the lock.'
}

function addingWays(looking: Looking, column: DeclaredColumn, type: ResolvedType): SchemaStatement[] {
  const { at } = looking
  if (column.identity || type.domain)
    return [
      alter(at, `add ${column.name} to ${label(at)}`, [`ADD COLUMN ${columnSql(column, type)}`], {
        rewrites: true,
        scans: true,
      }),
    ]
  const nullable = { ...column, notNull: false }
  return [
    addColumns(at, [nullable], looking.types, true),
    fill(looking, column),
    ...setNotNull(at, column.name),
  ]
}

/** How it is done in many small parts is for the application to say. */
function fill({ at }: Looking, column: DeclaredColumn): SchemaStatement {
  const value = defaultSql(column) ?? '…'
  return alter(at, `fill ${column.name}, best some rows at a time`, [], {
    sql: [`UPDATE ${relation(at)} SET ${ident(column.name)} = ${value} WHERE ${ident(column.name)} IS NULL`],
    locks: [{ ...at, mode: 'ROW EXCLUSIVE' }],
    scans: true,
  })
}

interface Problem {
  readonly what: string
  readonly ways: readonly SchemaStatement[]
}

async function differences(
  looking: Looking,
  column: DeclaredColumn,
  type: ResolvedType,
  there: ColumnFacts,
): Promise<Problem[]> {
  const { at } = looking
  const name = ident(column.name)
  const where = `${label(at)}.${column.name}`
  const change = (does: string, action: string, more: Partial<SchemaStatement> = {}) =>
    alter(at, does, [`ALTER COLUMN ${name} ${action}`], more)
  const found: Problem[] = []
  if (there.generated) {
    const value = defaultSql(column)
    const ways = [
      change(`make ${where} a plain column`, 'DROP EXPRESSION'),
      ...(value === null ? [] : [change(`set the default of ${where}`, `SET DEFAULT ${value}`)]),
    ]
    return [{ what: 'it is generated from other columns', ways }]
  }
  if (there.type !== type.printed)
    found.push({
      what: `its type is ${there.type}`,
      ways: [
        change(
          `change the type of ${where}`,
          `TYPE ${type.sql}`,
          isWider(there.type, type.printed) ? {} : { rewrites: true, scans: true },
        ),
      ],
    })
  if (there.collation !== null)
    found.push({
      what: `its collation is ${there.collation}`,
      ways: [change(`change the collation of ${where}`, `TYPE ${type.sql}`, COLLATING)],
    })
  if (column.identity && there.always)
    found.push({
      what: 'it refuses values of one’s own (GENERATED ALWAYS)',
      ways: [change(`let ${where} be given values`, 'SET GENERATED BY DEFAULT')],
    })
  if (column.notNull && there.notNull && there.unvalidated)
    found.push({ what: 'rows of before may hold NULL (NOT VALID)', ways: setNotNull(at, column.name) })
  if (!(await sameDefault(looking, column, type, there)))
    found.push(otherDefault(column, there, change, where))
  if (column.notNull && !there.notNull)
    found.push({ what: 'it allows NULL', ways: setNotNull(at, column.name) })
  if (!column.notNull && there.notNull)
    found.push({ what: 'it forbids NULL', ways: [change(`allow NULL in ${where}`, 'DROP NOT NULL')] })
  return found
}

/** A text that may be longer is stored as it was: rows and indexes stay. */
function isWider(from: string, to: string): boolean {
  const limit = (type: string): number =>
    type === 'text' || type === 'character varying'
      ? Number.POSITIVE_INFINITY
      : Number(/^character varying\((\d+)\)$/.exec(type)?.[1])
  return limit(from) <= limit(to)
}

/** Indexes are built anew; the table is not. */
const COLLATING = { scans: true }

function otherDefault(
  column: DeclaredColumn,
  there: ColumnFacts,
  change: (does: string, action: string) => SchemaStatement,
  where: string,
): Problem {
  const what =
    there.default === null
      ? there.numbered
        ? 'the server numbers it'
        : 'it has no default'
      : `its default is ${there.default}`
  if (column.identity)
    return {
      what,
      ways: [
        ...(there.default === null ? [] : [change(`drop the default of ${where}`, 'DROP DEFAULT')]),
        change(`let the server number ${where}`, 'ADD GENERATED BY DEFAULT AS IDENTITY'),
      ],
    }
  const value = defaultSql(column)
  return {
    what,
    ways: [
      ...(there.numbered && there.default === null
        ? [change(`number ${where} no more`, 'DROP IDENTITY')]
        : []),
      ...(value === null
        ? there.default === null
          ? []
          : [change(`drop the default of ${where}`, 'DROP DEFAULT')]
        : [change(`set the default of ${where}`, `SET DEFAULT ${value}`)]),
    ],
  }
}

/** The moment of the transaction has several names. */
const NOW = ['now()', 'CURRENT_TIMESTAMP', 'transaction_timestamp()']

async function sameDefault(
  { session }: Looking,
  column: DeclaredColumn,
  type: ResolvedType,
  there: ColumnFacts,
): Promise<boolean> {
  if (column.identity) return there.numbered
  const declared = defaultSql(column)
  if (declared === null || there.default === null)
    return declared === null && there.default === null && !there.numbered
  const local =
    type.printed === 'date'
      ? ['CURRENT_DATE']
      : /without time zone$/.test(type.printed)
        ? ['LOCALTIMESTAMP']
        : []
  const names = column.default?.kind === 'now' ? [...NOW, ...local] : [declared]
  const cast = (sql: string): string => `(${sql})::${type.sql}`
  for (const name of names) if (await same(session, cast(name), cast(there.default))) return true
  return false
}

/** What cannot even stand beside the other is not the same. */
async function same(session: Looking['session'], left: string, right: string): Promise<boolean> {
  try {
    return (await sameSql(session, null, [[left, right]]))[0]!
  } catch (error) {
    if (error instanceof LandfallError && error.code === 'LF304') return false
    throw error
  }
}

function declaredText(column: DeclaredColumn, type: ResolvedType): string {
  const value = defaultSql(column)
  return [
    type.printed,
    ...(column.identity ? ['numbered by the server'] : []),
    ...(value === null ? [] : [`default ${value}`]),
    ...(column.notNull ? ['not null'] : []),
  ].join(', ')
}

function foundText(column: ColumnFacts): string {
  return [
    column.type,
    ...(column.numbered ? ['numbered by the server'] : []),
    ...(column.default === null ? [] : [`${column.generated ? 'generated' : 'default'} ${column.default}`]),
    ...(column.notNull ? ['not null'] : []),
  ].join(', ')
}
