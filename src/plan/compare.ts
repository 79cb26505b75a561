import { createHash } from 'node:crypto'
import type { Move, Plan } from './model.ts'

/**
 * The decisions of a plan that bear on what arrives in the target. Statistics, words for people and
 * how the work is cut are left out: a run may be resumed with another chunk size, and one that met bad
 * rows may go on setting them aside.
 */
function decisions(move: Move): unknown {
  const { source, relation, mapping, target, existing, key, columns, format } = move
  return {
    source,
    relation,
    mapping,
    target: {
      ...target,
      // How far the source has counted is content: see `countedOn`.
      columns: target.columns.map((column) => ({ ...column, sequenceFloor: undefined })),
    },
    existing,
    key: key.expressions,
    format,
    columns: columns.map(({ source: from, target: to, type, carrier, read, misfit }) => [
      from,
      to,
      type,
      carrier,
      read,
      misfit,
    ]),
  }
}

/** SHA-256 in hex over the plan's decisions. */
export function planHash(plan: Plan): string {
  const value = [plan.version, plan.target.schema, plan.moves.map(decisions)]
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}

/**
 * The plans differ only in how values travel, because the first one had not looked at all rows: what
 * arrives in the target is the same. Whoever asks makes sure that the user chose the same for both.
 */
export function onlyCarriedOtherwise(before: Plan, now: Plan): boolean {
  const meaning = (plan: Plan) =>
    JSON.stringify([
      plan.version,
      plan.target.schema,
      plan.moves.map((move) => ({
        ...(decisions(move) as object),
        format: undefined,
        columns: move.columns.map(({ source, target, type, conversion }) => [
          source,
          target,
          type,
          conversion,
        ]),
      })),
    ])
  const later = new Map(now.moves.map((move) => [move.source, move]))
  const differing = before.moves.filter(
    (move) =>
      JSON.stringify(decisions(move)) !==
      JSON.stringify(later.has(move.source) && decisions(later.get(move.source)!)),
  )
  return meaning(before) === meaning(now) && differing.every((move) => move.profiledRows !== null)
}

/** Tables whose AUTOINCREMENT has counted on between two plans, also when no row of it is left. */
export function countedOn(before: Plan, now: Plan): string[] {
  const floors = (plan: Plan, source: string) =>
    plan.moves
      .find((move) => move.source === source)
      ?.target.columns.map((column) => column.sequenceFloor ?? '0')
      .join()
  return now.moves
    .map((move) => move.source)
    .filter((source) => floors(before, source) !== floors(now, source))
}

/** What differs between two plans, a line each, for the person whose run is refused because of it. */
export function planDifferences(before: Plan, now: Plan): string[] {
  const lines: string[] = []
  if (before.target.schema !== now.target.schema)
    lines.push(`the target's schema was ${before.target.schema}, and is ${now.target.schema}`)
  const later = new Map(now.moves.map((move) => [move.source, move]))
  for (const move of before.moves) {
    const other = later.get(move.source)
    if (other === undefined) lines.push(`${move.source} was moved, and is not any more`)
    else lines.push(...moveDifferences(move, other))
    later.delete(move.source)
  }
  for (const source of later.keys()) lines.push(`${source} was not moved, and is now`)
  return lines
}

function moveDifferences(before: Move, now: Move): string[] {
  if (JSON.stringify(decisions(before)) === JSON.stringify(decisions(now))) return []
  const lines: string[] = []
  if (before.target.name !== now.target.name)
    lines.push(`${before.source} went to ${before.target.name}, and goes to ${now.target.name}`)
  const later = new Map(now.columns.map((column) => [column.source, column]))
  for (const column of before.columns) {
    const other = later.get(column.source)
    const name = `${before.source}.${column.source}`
    later.delete(column.source)
    if (other === undefined) lines.push(`${name} was moved, and is not any more`)
    else if (other.type !== column.type) lines.push(`${name} was ${column.type}, and is ${other.type}`)
    else if (other.target !== column.target)
      lines.push(`${name} went to ${column.target}, and goes to ${other.target}`)
    else if (other.read.join() !== column.read.join() || other.carrier !== column.carrier)
      lines.push(`${name} is converted in another way`)
    else if (other.misfit !== column.misfit) lines.push(`${name}: the target takes other values`)
  }
  for (const name of later.keys()) lines.push(`${before.source}.${name} was not moved, and is now`)
  if (JSON.stringify(before.mapping) !== JSON.stringify(now.mapping))
    lines.push(`${before.source}: its rows become rows of ${now.target.name} in another way`)
  return lines.length > 0 ? lines : [`${before.source}: its table in the target is defined in another way`]
}
