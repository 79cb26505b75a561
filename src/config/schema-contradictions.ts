import type { Constant } from './column.ts'
import type { SchemaConfig, TableConfig } from './schema.ts'
import { isSql, type Sql } from './sql.ts'

type Path = readonly PropertyKey[]
type Say = (path: Path, what: string) => void

/** What each value of a declared schema may say, but not beside the others. */
export function schemaContradictions(schema: SchemaConfig, say: Say): void {
  /** Tables and indexes share their names. */
  const relations = new Set(Object.keys(schema))
  for (const [name, table] of Object.entries(schema)) {
    if (table === undefined) continue
    const path = ['schema', name]
    ofName(name, path, say)
    for (const key of ['columns', 'indexes', 'unique', 'foreignKeys', 'checks'] as const)
      for (const one of Object.keys(table[key] ?? {})) ofName(one, [...path, key, one], say)
    ofColumns(table, path, say)
    ofConstraintNames(table, path, say)
    for (const index of [...Object.keys(table.indexes ?? {}), ...Object.keys(table.unique ?? {})]) {
      if (relations.has(index))
        say([...path, table.indexes?.[index] === undefined ? 'unique' : 'indexes', index], 'is taken')
      relations.add(index)
    }
    ofRows(table, [...path, 'ensureRows'], say)
  }
}

/** PostgreSQL would cut it off in silence. */
function ofName(name: string, path: Path, say: Say): void {
  if (Buffer.byteLength(name) > 63) say(path, 'is longer than the 63 bytes that PostgreSQL keeps of a name')
  if (name.includes('\0')) say(path, 'a name cannot hold NUL')
}

function ofColumns(table: TableConfig, path: Path, say: Say): void {
  const identities: string[] = []
  for (const [name, column] of Object.entries(table.columns ?? {})) {
    if (column === undefined) continue
    const { said } = column
    if (said.identity) identities.push(name)
    const length = Number(/^varchar\((\d+)\)$/.exec(said.type ?? '')?.[1])
    if (
      said.default !== null &&
      'constant' in said.default &&
      [...String(said.default.constant)].length > length
    )
      say([...path, 'columns', name], `its default is longer than ${length} characters`)
    if (said.identity && said.default !== null)
      say([...path, 'columns', name], 'identity() gives its own numbers, so it can have no default')
  }
  if (identities.length > 1 && table.primaryKey === undefined)
    say([...path, 'primaryKey'], `must be said: ${identities.join(' and ')} are both identity()`)
  for (const [at, names] of lists(table)) {
    const twice = names.find((name, n) => names.indexOf(name) < n)
    if (twice !== undefined) say([...path, ...at], `names ${twice} twice`)
  }
}

function lists(table: TableConfig): [Path, readonly string[]][] {
  const found: [Path, readonly string[]][] = []
  const add = (at: Path, said: string | readonly string[] | undefined): void => {
    if (Array.isArray(said)) found.push([at, said])
  }
  add(['primaryKey'], table.primaryKey)
  add(['ensureRows', 'key'], table.ensureRows?.key)
  for (const [name, said] of Object.entries(table.unique ?? {})) add(['unique', name], said)
  for (const [name, said] of Object.entries(table.foreignKeys ?? {})) {
    add(['foreignKeys', name, 'columns'], said?.columns)
    add(['foreignKeys', name, 'to'], said?.to)
  }
  return found
}

function ofConstraintNames(table: TableConfig, path: Path, say: Say): void {
  const taken = new Set<string>()
  for (const key of ['unique', 'foreignKeys', 'checks'] as const)
    for (const name of Object.keys(table[key] ?? {})) {
      if (taken.has(name)) say([...path, key, name], 'is the name of another constraint of this table')
      taken.add(name)
    }
}

function ofRows(table: TableConfig, path: Path, say: Say): void {
  if (table.ensureRows === undefined) return
  const identities = Object.entries(table.columns ?? {}).flatMap(([name, one]) =>
    one?.said.identity ? [name] : [],
  )
  const key = [table.ensureRows.key ?? table.primaryKey ?? identities].flat()
  if (key.length === 0) {
    say([...path, 'key'], 'must name the columns that tell which row is there')
    return
  }
  const keys = new Map<string, number>()
  for (const [at, row] of table.ensureRows.rows.entries()) {
    const values = JSON.stringify(key.map((column) => String(row[column])))
    const other = keys.get(values)
    if (other !== undefined && key.every((column) => row[column] !== undefined))
      say([...path, 'rows', at], `has the same key as rows[${other}]`)
    keys.set(values, at)
    for (const column of identities)
      if (row[column] !== undefined)
        say(
          [...path, 'rows', at, column],
          'is a number that the server gives: leave it out, and name another key',
        )
    for (const column of key) {
      const value: Constant | Sql | undefined = row[column]
      const here = [...path, 'rows', at, column]
      if (identities.includes(column) && value === undefined)
        say([...path, 'key'], `must name other columns: ${column} is given by the server`)
      else if (value === undefined || value === null) say(here, 'is part of the key and must be given')
      else if (isSql(value)) say(here, 'is part of the key, so it must be a constant')
    }
  }
}
