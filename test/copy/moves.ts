import type { Move, MoveColumn } from '../../src/plan/model.ts'
import type { Carrier } from '../../src/types/model.ts'

type Column = [name: string, carrier: Carrier, ...read: string[]]

/** A move with what copying needs of it; columns without expressions are read as they are. */
export function moveOf(
  source: string,
  columns: Column[],
  more: {
    key?: string[]
    kind?: 'rowid' | 'columns'
    format?: 'binary' | 'text'
    chunkRows?: number
    large?: boolean
  } = {},
): Move {
  const key = more.key ?? ['id']
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
  return {
    source,
    target: {
      schema: 'public',
      name: source,
      columns: [],
      primaryKey: null,
      indexes: [],
      foreignKeys: [],
      checks: [],
    },
    existing: false,
    key: { kind: more.kind ?? 'rowid', expressions: key.map(quoted), names: key },
    columns: columns.map(
      ([name, carrier, ...read]): MoveColumn => ({
        source: name,
        target: name,
        declared: '',
        type: '',
        why: '',
        conversion: null,
        carrier,
        way: '',
        read: read.length > 0 ? read : [quoted(name)],
        misfit: null,
        misfitReason: null,
      }),
    ),
    format: more.format ?? 'binary',
    chunkRows: more.chunkRows ?? 1000,
    profiledRows: null,
    largeValues: more.large ?? false,
    after: [],
    notes: [],
    statistics: { rows: 0, misfits: [] },
  }
}
