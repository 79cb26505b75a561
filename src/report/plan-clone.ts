import type { Move, Plan } from '../plan/model.ts'
import { alignedTable, count, paragraph, printable, rows, type Style } from './text.ts'

/** Tables of a PostgreSQL source that become the same tables elsewhere. */
export function isClone(plan: Plan): boolean {
  if (plan.moves.length === 0) return plan.schemaBy !== undefined
  return plan.moves.every(({ relation, mapping }) => relation !== undefined && mapping === undefined)
}

/**
 * A line for each table: of one that becomes the same there is nothing to decide, and only how it is read
 * differs. Its columns are in the plan itself.
 */
export function renderClone(plan: Plan, style: Style): string[] {
  if (plan.moves.length === 0) return []
  const body = plan.moves.map((move) => [
    move.source,
    size(move),
    count(move.target.columns.length),
    read(move),
  ])
  const right = 'right' as const
  const head = [
    { title: 'table' },
    { title: 'rows', align: right },
    { title: 'columns', align: right },
    { title: 'read' },
  ]
  const again = plan.moves.some(({ key }) => key.kind === 'ctid')
  return [
    '',
    ...alignedTable(head, body, style),
    ...(again
      ? paragraph('* if the run is stopped while such a table is copied, that table begins again', style, '')
      : []),
    ...plan.moves.flatMap((move) =>
      move.notes.flatMap((note) => paragraph(`${move.source}: ${note}`, style, '', '  ')),
    ),
  ]
}

function size({ statistics }: Move): string {
  return `${statistics.estimated ? 'about ' : ''}${count(statistics.rows)}`
}

function read({ key, chunkRows }: Move): string {
  if (chunkRows === null) return 'in one piece'
  const chunks = `in chunks of ${rows(chunkRows)}`
  return key.kind === 'ctid'
    ? `${chunks}, by place *`
    : `${chunks}, by ${key.names.map(printable).join(', ')}`
}

/** What makes the tables, and where. */
export function cloneMaker({ schemaBy }: Plan): string {
  return schemaBy === undefined
    ? 'each table becomes the same, with keys, indexes, checks, foreign keys and sequences'
    : 'the whole database: tables and all that belongs to them, as in the source'
}
