import type { Blocker, Move } from './model.ts'

/**
 * Moves in the order in which they can be applied: what a row refers to comes first, by identity or by
 * foreign key. Where nothing asks for an order, identities come before merges and all of them as written.
 * Moves that wait for each other are a blocker.
 */
export function inOrder(moves: readonly Move[]): {
  readonly moves: readonly Move[]
  readonly blockers: readonly Blocker[]
} {
  const waiting = [...moves.filter(isIdentity), ...moves.filter((move) => !isIdentity(move))]
  const ordered: Move[] = []
  const blockers: Blocker[] = []
  while (waiting.length > 0) {
    const at = waiting.findIndex((move) => !waiting.some((other) => isBefore(other, move, waiting)))
    if (at < 0) blockers.push(circle(waiting))
    ordered.push(...waiting.splice(Math.max(at, 0), 1))
    if (at < 0) ordered.push(...waiting.splice(0))
  }
  return { moves: ordered, blockers }
}

const isIdentity = (move: Move): boolean => move.mapping?.kind === 'identity'
const tableOf = ({ target }: Move): string => JSON.stringify([target.schema, target.name])

/** `other` has to be applied before `move`. */
function isBefore(other: Move, move: Move, all: readonly Move[]): boolean {
  if (other === move) return false
  const needs = needsOf(move)
  if (other.mapping?.kind === 'identity') return needs.identities.includes(other.mapping.name)
  // Several moves of one table stay as they are written.
  if (tableOf(other) === tableOf(move) && !isIdentity(move)) return all.indexOf(other) < all.indexOf(move)
  return needs.tables.includes(tableOf(other))
}

function needsOf({ mapping, ...move }: Move): { readonly identities: string[]; readonly tables: string[] } {
  if (mapping === undefined) return { identities: [], tables: [] }
  const created =
    mapping.kind === 'identity' &&
    typeof mapping.unmatched === 'object' &&
    mapping.unmatched.kind === 'create'
      ? mapping.unmatched
      : null
  const parts =
    mapping.kind === 'merge' ? [mapping] : created === null ? [] : [created, ...created.alsoCreate]
  const columns = [
    ...parts.flatMap((part) => part.columns),
    ...(mapping.kind === 'identity' ? mapping.take : []),
  ]
  const own = JSON.stringify([move.target.schema, move.target.name])
  return {
    identities: columns.flatMap(({ identity }) => (identity === null ? [] : [identity])),
    tables: parts
      .flatMap(({ rules }) => rules.parents.map((key) => JSON.stringify([key.refSchema, key.refTable])))
      .filter((table) => table !== own),
  }
}

function circle(waiting: readonly Move[]): Blocker {
  // From any of them, whoever it waits for leads into the circle.
  const way: Move[] = []
  let move: Move | undefined = waiting[0]
  while (move !== undefined && !way.includes(move)) {
    way.push(move)
    const here: Move = move
    move = waiting.find((other) => isBefore(other, here, waiting))
  }
  const round = way.slice(way.indexOf(move ?? way[0]!))
  const names = [...round, round[0]!].map((one) => one.target.name)
  return {
    code: 'LF205',
    table: round[0]!.target.name,
    column: null,
    message: `rows refer to each other in a circle: ${names.join(' → ')}`,
    examples: [],
    choices: ['leave one of the columns out (false), and fill it afterwards by a move of its own'],
  }
}
