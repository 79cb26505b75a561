import type { Table } from '../catalog/model.ts'
import { ident, qualified } from '../connection/quote.ts'
import { chunkSelect } from '../copy/select.ts'
import type { Move } from '../plan/model.ts'
import { canonical } from '../types/canonical.ts'
import type { Comparison } from './model.ts'
import { targetColumn } from './target-rows.ts'

/**
 * How a move's rows are compared. `excluded`: source SQL, true for rows that need not be in the target.
 * `found`: the target's table as it is now; null where nobody looked, or it is not there.
 */
export function comparisonOf(move: Move, excluded: string, found: Table | null): Comparison {
  const forms = move.columns.map((column) => canonical(column))
  const columns = move.columns.map(({ source, target }, at) => {
    const { carrier, judged, select } = forms[at]!
    return { source, target, carrier, judged, select: select(targetColumn(target)) }
  })
  const loaded = new Set(columns.map((column) => column.target))
  const key = found === null ? [] : keyColumns(found, loaded)
  const reading: Move = {
    ...move,
    format: 'binary',
    columns: move.columns.map((column, at) => {
      const { carrier, read } = forms[at]!
      return { ...column, carrier: carrier === 'numericTrimmed' ? 'numeric' : carrier, read }
    }),
  }
  return {
    table: move.source,
    target: qualified(move.target.schema, move.target.name),
    columns,
    key: key.map((name) => columns.findIndex((column) => column.target === name)),
    read: chunkSelect(reading, { after: null, upTo: null }, excluded),
    asLoaded:
      move.format === 'binary' &&
      forms.every(({ carrier, judged, select }, at) => {
        const column = move.columns[at]!
        return judged === null && carrier === column.carrier && select(column.target) === column.target
      }),
  }
}

/** Columns that tell the target's rows apart: the primary key, else a valid unique index without NULLs. */
function keyColumns(table: Table, loaded: ReadonlySet<string>): readonly string[] {
  const never = new Set(table.columns.filter((column) => column.notNull).map((column) => column.name))
  const candidates = [
    ...(table.primaryKey === null ? [] : [table.primaryKey.columns]),
    ...table.indexes
      .filter(({ unique, where, valid }) => unique && valid && where === null)
      .map(({ parts }) => parts.map(({ column }) => column ?? ''))
      .filter((names) => names.every((name) => never.has(name))),
  ]
  return candidates.find((names) => names.every((name) => loaded.has(name))) ?? []
}

const INTEGERS: readonly string[] = ['int2', 'int4', 'int8', 'int8Halves']

/**
 * The target's SQL of the one integer that orders the rows of both sides, where there is one: the rowid
 * that is the target's key. Then both sides can be read in step.
 */
export function orderOf(move: Move, comparison: Comparison): string | null {
  const [at, ...others] = comparison.key
  if (at === undefined || others.length > 0 || move.key.kind !== 'rowid') return null
  const column = comparison.columns[at]!
  if (column.source !== move.key.names[0] || !INTEGERS.includes(column.carrier)) return null
  // What is read must be the rowid itself, and no expression over it.
  const { read } = move.columns[at]!
  const name = ident(column.source)
  const plain = read.length === 1 ? read[0] === name : read[0] === `(${name} >> 32)`
  return plain ? targetColumn(column.target) : null
}
