import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Session } from '../connection/postgres.ts'
import type { Declaration, DeclaredTable, TableName } from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import { readFacts, type TableFacts } from './postgres-facts.ts'

/** What the target has of the tables that a declaration names or refers to, by `tableKey`. */
export type KnownTables = ReadonlyMap<string, TableFacts>

export function tableKey(schema: string, table: string): string {
  return JSON.stringify([schema, table])
}

export async function readKnownTables(session: Session, declaration: Declaration): Promise<KnownTables> {
  const wanted = new Map<string, TableName>()
  const add = (schema: string, table: string): void => {
    wanted.set(tableKey(schema, table), { schema, table })
  }
  for (const table of declaration.tables) {
    add(declaration.schema, table.name)
    for (const { refers } of table.foreignKeys) add(refers.schema, refers.table)
  }
  const facts = await readFacts(session, [...wanted.values()])
  return new Map(facts.map((one) => [tableKey(one.schema, one.table), one]))
}

/** Errors: LF005 with the place in the config, for a column that is neither declared nor there. */
export function refuseUnknownColumns(declaration: Declaration, known: KnownTables): void {
  for (const table of declaration.tables) {
    const there = known.get(tableKey(declaration.schema, table.name))
    const columns = [...new Set([...table.columns, ...(there?.columns ?? [])].map((column) => column.name))]
    for (const [path, names] of named(table))
      for (const name of names) {
        if (columns.includes(name)) continue
        throw new LandfallError(
          'LF005',
          `${printPath(['schema', table.name, ...path])}: there is no column ${name}${didYouMean(name, columns)}`,
          {
            hint: 'A column must be declared under columns, or be there already.',
            details: { column: name },
          },
        )
      }
  }
}

function named(table: DeclaredTable): [readonly PropertyKey[], readonly string[]][] {
  return [
    [['primaryKey'], table.primaryKey?.columns ?? []],
    ...table.uniques.map((key): [string[], readonly string[]] => [['unique', key.name], key.columns]),
    ...table.indexes.map(({ name, parts }): [string[], string[]] => [
      ['indexes', name],
      parts.flatMap((part) => ('column' in part ? [part.column] : [])),
    ]),
    ...table.foreignKeys.map((key): [string[], readonly string[]] => [
      ['foreignKeys', key.name, 'columns'],
      key.columns,
    ]),
    ...(table.rows === null
      ? []
      : table.rows.rows.map((row, at): [PropertyKey[], string[]] => [
          ['ensureRows', 'rows', at],
          Object.keys(row),
        ])),
  ]
}
