import type { RowDifference } from '../../../src/index.ts'
import type { Row, TargetTable } from './target.ts'

/** One line for each difference: table, kind, key (or the row's tag) and the columns that differ. */
export function linesOf(before: readonly TargetTable[], after: readonly TargetTable[]): string[] {
  return before.flatMap((table, i) =>
    table.key.length === 0 ? multisetLines(table, after[i]!.rows) : keyedLines(table, after[i]!.rows),
  )
}

function keyedLines({ spec, columns, key, rows }: TargetTable, after: readonly Row[]): string[] {
  const keyOf = ({ values }: Row): string =>
    key
      .map((at) => {
        const text = values[at]!
        return `${columns[at]!.source} = ${columns[at]!.type === 'text' ? JSON.stringify(text) : text}`
      })
      .join(', ')
  const then = new Map(rows.map((row) => [keyOf(row), row]))
  const now = new Map(after.map((row) => [keyOf(row), row]))
  const lines: string[] = []
  for (const [name, row] of then) {
    const other = now.get(name)
    if (other === undefined) lines.push(line(spec.source, 'missing', name, []))
    else {
      const differing = columns.flatMap(({ source }, at) =>
        row.values[at] === other.values[at] ? [] : [source],
      )
      if (differing.length > 0) lines.push(line(spec.source, 'changed', name, differing))
    }
  }
  for (const name of now.keys()) if (!then.has(name)) lines.push(line(spec.source, 'extra', name, []))
  return lines
}

function multisetLines({ spec, rows }: TargetTable, after: readonly Row[]): string[] {
  const counts = new Map<string, number>()
  const count = (row: Row, by: number): void => {
    const text = JSON.stringify(row.values)
    counts.set(text, (counts.get(text) ?? 0) + by)
  }
  for (const row of rows) count(row, 1)
  for (const row of after) count(row, -1)
  return [...counts].flatMap(([text, times]) =>
    Array.from({ length: Math.abs(times) }, () =>
      line(spec.source, times > 0 ? 'missing' : 'extra', `tag ${JSON.parse(text)[0]}`, []),
    ),
  )
}

const line = (table: string, kind: string, key: string, columns: readonly string[]): string =>
  `${table} | ${kind} | ${key} | ${[...columns].sort().join(', ')}`

/** The same lines, of what was reported with values. */
export function reportedLines(differences: readonly RowDifference[]): string[] {
  return differences.map(({ table, kind, key, columns }) => {
    const tag = columns.find((one) => one.column === 'tag')
    const name = key ?? `tag ${tag?.source ?? tag?.target}`
    return line(table, kind, name, kind === 'changed' ? columns.map((one) => one.column) : [])
  })
}
