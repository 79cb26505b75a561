import type { Catalog, Index, Table } from '../catalog/model.ts'
import { checkConstraints } from '../checks/check-constraints.ts'
import type { Promises } from '../checks/declared.ts'
import { type Flaw, knownFlaws, readFlaws } from '../checks/flaws.ts'
import { checkForeignKeys } from '../checks/foreign-keys.ts'
import { checkIndexes } from '../checks/indexes.ts'
import { collated } from '../checks/same-indexes.ts'
import { checkSequences } from '../checks/sequences.ts'
import type { Subject } from '../checks/subject.ts'
import { checkColumns } from '../checks/tables.ts'
import { checkUniqueValues } from '../checks/unique-values.ts'
import type { Session } from '../connection/postgres.ts'
import { ident, nameParts, qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Move, TargetIndex, TargetTable } from '../plan/model.ts'
import { postgresMove } from '../plan/postgres-move.ts'
import type { TablePair } from './postgres-comparison.ts'

/** The source's table itself says what the target's must be; it promises nothing besides. */
const NOTHING_ELSE: Promises = {
  foreignKeys: () => ({ kept: [], untold: [] }),
  keys: () => ({ kept: [], untold: [] }),
}

/**
 * Everything that the source's tables promise besides their rows, kept by the target's: columns, keys,
 * indexes, unique values, foreign keys, checks and sequences. `last`: the sequences' last numbers in the
 * source, by their names as the catalog prints them. `known`: the flaws of the source's own constraints.
 *
 * Errors: LF305; what the target refuses to tell is an `incomplete` result.
 */
export async function postgresStructure(
  session: Session,
  pairs: readonly TablePair[],
  { source, target: there }: { readonly source: Catalog; readonly target: Catalog },
  last: ReadonlyMap<string, string>,
  known: readonly Flaw[],
): Promise<CheckResult[]> {
  const all = await readFlaws(session, [...new Set(pairs.map((pair) => pair.target.schema))])
  const checks: CheckResult[] = []
  for (const pair of pairs) {
    const { target } = pair
    const wanted = moveOf(pair, pairs, last)
    // Where the parent was left out its keys went with it; that it should be there is told elsewhere.
    const foreignKeys = wanted.target.foreignKeys.filter((key) =>
      there.tables.some((one) => one.schema === key.refSchema && one.name === key.refTable),
    )
    const move = { ...wanted, target: { ...wanted.target, foreignKeys } }
    const flaws = knownFlaws(all, target, pair.source, known)
    // An index that is not valid in the source either is as it should be.
    const indexes = target.indexes.filter(
      ({ name, valid }) => valid || !pair.source.indexes.some((one) => one.name === name && !one.valid),
    )
    const found = { ...target, indexes }
    const subject: Subject = { move, found, table: qualified(target.schema, target.name) }
    const results = [
      await checkColumns(session, subject, flaws),
      await checkIndexes(session, subject, flaws),
      await checkUniqueValues(session, subject, NOTHING_ELSE, flaws),
      await checkForeignKeys(session, subject, NOTHING_ELSE, flaws),
      await checkConstraints(session, subject, flaws),
      await checkSequences(session, subject, source),
    ]
    checks.push(...results.filter((result) => result !== null))
  }
  return checks
}

/** A move that makes the target's table as the source's is. */
export function moveOf(
  pair: TablePair,
  pairs: readonly TablePair[],
  last: ReadonlyMap<string, string>,
): Move {
  return postgresMove({
    source: pair.table,
    target: wantedTable(pair, pairs, last),
    existing: false,
    key: { kind: 'columns', expressions: [], names: [] },
    columns: [],
    format: 'binary',
  })
}

function wantedTable(
  { source, target, columns }: TablePair,
  pairs: readonly TablePair[],
  last: ReadonlyMap<string, string>,
): TargetTable {
  const names = new Map(columns.map((one) => [one.source.name, one.target.name]))
  const nameOf = (name: string): string => names.get(name) ?? name
  const has = (wanted: readonly (string | null)[]): boolean =>
    wanted.every((name) => name === null || names.has(name))
  return {
    schema: target.schema,
    name: target.name,
    columns: columns.map(({ source: from, target: to }) => ({
      name: to.name,
      // Other types are told of where values are compared.
      type: to.declared,
      notNull: from.notNull,
      default: null,
      identity: from.identity !== null,
      generated: from.generated?.expression ?? null,
      sequenceFloor: from.sequence === null ? null : (last.get(from.sequence) ?? null),
    })),
    primaryKey:
      source.primaryKey !== null && has(source.primaryKey.columns)
        ? { name: source.primaryKey.name ?? '', columns: source.primaryKey.columns.map(nameOf) }
        : null,
    indexes: source.indexes
      .filter((index) => has(index.parts.map((part) => part.column)) && index.valid && isPlain(index))
      .map((index) => indexOf(index, nameOf)),
    foreignKeys: source.foreignKeys
      .filter((key) => has(key.columns))
      .map((key) => {
        const parent = pairs.find(
          (one) => one.source.schema === key.refSchema && one.source.name === key.refTable,
        )
        const parentName = (name: string): string =>
          parent?.columns.find((one) => one.source.name === name)?.target.name ?? name
        return {
          name: key.name ?? '',
          columns: key.columns.map(nameOf),
          refSchema: parent?.target.schema ?? key.refSchema,
          refTable: parent?.target.name ?? key.refTable,
          refColumns: key.refColumns.map(parentName),
          onUpdate: key.onUpdate,
          onDelete: key.onDelete,
          deferrable: key.deferrable,
        }
      }),
    checks: source.checks.map(({ name, expression }) => ({ name: name ?? '', expression })),
  }
}

/** Of other methods than btree there is no definition to compare with. */
const isPlain = (index: Index): boolean => / USING btree \(/.test(index.sql ?? '') && !index.nullsNotDistinct

function indexOf(index: Index, nameOf: (name: string) => string): TargetIndex {
  return {
    name: index.name,
    unique: index.unique,
    constraint: index.constraint,
    parts: index.parts.map(({ column, expression, collation, descending }) => {
      const value = column === null ? `(${expression})` : ident(nameOf(column))
      return collated(value, collation) + (descending ? ' desc' : '')
    }),
    columns: index.parts.every((part) => part.column !== null)
      ? index.parts.map((part) => nameOf(part.column!))
      : null,
    where: index.where,
  }
}

/** The last number that each sequence gave away, as far as the role may see it. */
export async function lastNumbers(
  ask: <T extends object>(sql: string) => Promise<T[]>,
  tables: readonly Table[],
): Promise<ReadonlyMap<string, string>> {
  const used = tables.flatMap((table) => table.columns.flatMap((column) => column.sequence ?? []))
  const rows = await ask<{ schema: string; name: string; last: string }>(
    `SELECT schemaname::pg_catalog.text AS schema, sequencename::pg_catalog.text AS name, last_value::pg_catalog.text AS last
      FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL`,
  )
  const found = new Map(rows.map(({ schema, name, last }) => [qualified(schema, name), last]))
  return new Map(
    used.flatMap((sequence) => {
      const [schema, name] = nameParts(sequence)
      const last = found.get(qualified(schema!, name!))
      return last === undefined ? [] : [[sequence, last] as const]
    }),
  )
}
