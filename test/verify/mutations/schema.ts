import type { DatabaseSync } from 'node:sqlite'
import fc, { type Arbitrary } from 'fast-check'
import { ident } from '../../../src/connection/quote.ts'
import type { MigrationConfig, MoveConfig } from '../../../src/index.ts'
import type { Cell } from '../../oracle/cell.ts'
import { type ColumnKind, ENUM, KINDS, REPAIRED } from './columns.ts'
import { integer, KEYS, type Key, PARTS } from './keys.ts'

interface Column {
  readonly source: string
  readonly target: string
  readonly declared: string
  readonly there: string
  readonly kind: ColumnKind | null
}

/** One table, on both sides. */
export interface TableSpec {
  readonly key: Key
  readonly source: string
  readonly target: string
  /** It is in the target before the migration. */
  readonly isThere: boolean
  readonly columns: readonly Column[]
  /** Source columns of the target's key. */
  readonly keyColumns: readonly string[]
  /** `GENERATED ALWAYS AS`, or null. */
  readonly generated: string | null
  readonly rows: readonly (readonly Cell[])[]
}

/** Kinds of columns in a table: with two tables for each kind of key, none is left out. */
const DEALT = 6

const ODD = ['', ' b', '"', '.x', 'É', "'s"]

/** A table with columns of these kinds, some of them twice, and up to `most` rows. */
function tableOf(
  key: Key,
  number: number,
  isThere: boolean,
  kinds: readonly ColumnKind[],
  most: number,
): Arbitrary<TableSpec> {
  return fc
    .tuple(
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.nat(3), { minLength: kinds.length, maxLength: kinds.length }),
    )
    .chain(([renames, generates, twice]) => {
      const parts = PARTS[key]
      const all = kinds.flatMap((kind, i) => (twice[i] === 0 ? [kind] : [kind, kind]))
      const columns: Column[] = [
        ...parts.columns.map(([source, declared, there]) => ({
          source,
          target: source,
          declared,
          there,
          kind: null,
        })),
        ...all.map((kind, i) => {
          const source = `c${i}${ODD[(number + i) % ODD.length]}`
          return {
            source,
            target: renames && i % 2 === 0 ? `new ${source}` : source,
            declared: kind.declared,
            there: kind.there,
            kind,
          }
        }),
      ]
      const values = fc.tuple(
        ...all.map(({ values: one }) =>
          fc.oneof({ weight: 7, arbitrary: one }, { weight: 1, arbitrary: fc.constant(null) }),
        ),
      )
      const source = `t${number}${ODD[number % ODD.length]}`
      const repeats = fc.array(fc.nat(3), { minLength: most, maxLength: most })
      return fc
        .tuple(parts.rows(most), fc.array(values, { minLength: most, maxLength: most, size: 'max' }), repeats)
        .map(
          ([keys, cells, times]): TableSpec => ({
            key,
            source,
            target: renames ? `moved ${source}` : source,
            isThere,
            columns,
            keyColumns: parts.columns.slice(0, parts.unique).map(([name]) => name),
            generated:
              generates && key !== 'without rowid' ? `${ident(columns.at(-1)!.source)} IS NULL` : null,
            rows: keys.flatMap((head, i) => {
              const tagged = parts.columns[0]![0] === 'tag' ? [integer(BigInt(i)), ...head.slice(1)] : head
              return Array.from({ length: key === 'none' ? 1 + times[i]! : 1 }, () => [
                ...tagged,
                ...cells[i]!,
              ])
            }),
          }),
        )
    })
}

/**
 * Tables of every kind of key, made and there already, of at most so many rows. `more`: as many times two
 * tables with an integer key besides.
 */
export function schemas(most: number, more = 0): Arbitrary<readonly TableSpec[]> {
  const tables = [...KEYS, ...Array.from({ length: more }, (): Key => 'rowid')].flatMap(
    (key): { key: Key; isThere: boolean }[] =>
      // Where Landfall makes a table, its key is the source's.
      [false, true].flatMap((isThere) =>
        isThere || (key !== 'none but rowid' && key !== 'small rowid') ? [{ key, isThere }] : [],
      ),
  )
  const made = [...KINDS.filter((kind) => !kind.onlyThere), REPAIRED]
  const all = (kinds: readonly ColumnKind[]): Arbitrary<ColumnKind[]> =>
    fc.shuffledSubarray([...kinds], { minLength: kinds.length })
  return fc.tuple(all(made), all(KINDS)).chain(([first, second]) =>
    fc.tuple(
      ...tables.map(({ key, isThere }, number) => {
        // Every kind has its turn.
        const kinds = isThere ? second : first
        const dealt = Array.from(
          { length: DEALT },
          (_, i) => kinds[((number >> 1) * DEALT + i) % kinds.length]!,
        )
        return tableOf(key, number, isThere, dealt, most)
      }),
    ),
  )
}

/** Makes the source's tables and fills them. */
export function fillSource(database: DatabaseSync, tables: readonly TableSpec[]): void {
  database.exec('BEGIN')
  for (const { source, columns, generated, key, rows } of tables) {
    const { constraint, source: options } = PARTS[key]
    const list = columns.map((column) => `${ident(column.source)} ${column.declared}`)
    if (generated !== null) list.push(`g BOOLEAN GENERATED ALWAYS AS (${generated}) STORED`)
    database.exec(`CREATE TABLE ${ident(source)} (${list.join(', ')}${constraint})${options}`)
    const into = `INSERT INTO ${ident(source)} (${columns.map((column) => ident(column.source)).join(', ')}) VALUES`
    for (const row of rows) {
      const places = row.map((cell) => (cell?.kind === 'text' ? 'CAST(? AS TEXT)' : '?'))
      const statement = database.prepare(`${into} (${places.join(', ')})`)
      // It returns the rowid, which may be large.
      statement.setReadBigInts(true)
      statement.run(...row.map((cell) => (cell === null ? null : 'bytes' in cell ? cell.bytes : cell.value)))
    }
  }
  database.exec('COMMIT')
}

/** Those tables of the target that are there before the migration. */
export function targetDdl(tables: readonly TableSpec[]): string {
  const there = tables
    .filter((table) => table.isThere)
    .map(({ target, columns, keyColumns, key, generated }) => {
      const list = columns.map((column) => {
        const required = keyColumns.includes(column.source) ? ' NOT NULL' : ''
        return `${ident(column.target)} ${column.there}${required}`
      })
      // What only the target has is not compared, and its columns stand in another order.
      list.splice(1, 0, 'only_here integer DEFAULT 7')
      if (generated !== null) list.push('g boolean')
      const constraint = `${key === 'unique' ? 'UNIQUE' : 'PRIMARY KEY'} (${keyColumns.map(ident).join(', ')})`
      return `CREATE TABLE ${ident(target)} (${[...list.reverse(), ...(keyColumns.length > 0 ? [constraint] : [])].join(', ')})`
    })
  return [ENUM, ...there].join(';\n')
}

export function configOf(tables: readonly TableSpec[]): MigrationConfig {
  const moves = tables.map(({ source, target, columns, isThere }): [string, MoveConfig] => [
    target,
    {
      from: source,
      columns: Object.fromEntries(
        columns.map((column) => [
          column.target,
          { from: column.source, ...(isThere ? {} : column.kind?.choice) },
        ]),
      ),
    },
  ])
  return { name: 'mutations', moves: Object.fromEntries(moves) }
}
