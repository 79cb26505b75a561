import type { Index, IndexPart } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { TargetIndex } from '../plan/model.ts'
import { collations, sameSql } from './same-sql.ts'
import type { Subject } from './subject.ts'

/**
 * The indexes of the table that hold the same values in the same order under the same condition,
 * whatever they are called, unique or not, valid or not.
 *
 * Errors: LF304 when the server cannot tell.
 */
export async function sameIndexes(
  session: Session,
  { found, table }: Pick<Subject, 'found' | 'table'>,
  wanted: TargetIndex,
): Promise<Index[]> {
  const same: Index[] = []
  for (const index of found.indexes) {
    if (index.parts.length !== wanted.parts.length || !isBtree(index)) continue
    if ((index.where === null) !== (wanted.where === null)) continue
    const pairs: (readonly [string, string])[] = []
    const alike = index.parts.every((part, at) => isAlike(part, wanted.parts[at]!, pairs))
    if (!alike) continue
    if (index.where !== null) pairs.push([index.where, wanted.where!])
    if ((await sameSql(session, table, pairs)).every(Boolean)) same.push(index)
  }
  return same
}

/** The parts of an index as values, without their direction. */
export function valuesOf(index: TargetIndex): string[] {
  return index.parts.map((part) => (isDescending(part) ? part.slice(0, -DESC.length) : part))
}

const DESC = ' desc'

/** A part ends with a quoted name or a bracket, unless a direction follows. */
function isDescending(part: string): boolean {
  return part.endsWith(DESC)
}

function isAlike(part: IndexPart, wanted: string, pairs: (readonly [string, string])[]): boolean {
  if (part.descending !== isDescending(wanted)) return false
  const value = part.descending ? wanted.slice(0, -DESC.length) : wanted
  if (part.column !== null) return value === collated(ident(part.column), part.collation)
  if (part.collation !== null && !collations(value).includes(part.collation)) return false
  const isSaid = part.collation === null || collations(part.expression!).includes(part.collation)
  pairs.push([isSaid ? part.expression! : collated(`(${part.expression})`, part.collation), value])
  return true
}

/** What a part of an index holds, with the collation in whose order it does: its column's, or another one. */
export function collated(value: string, collation: string | null): string {
  return collation === null ? value : `${value} COLLATE ${collation}`
}

/** Exclusion constraints keep their own text. */
const BTREE =
  /^CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|[^\s"]+) ON (?:ONLY )?(?:"(?:[^"]|"")*"|[^\s".]+)\.(?:"(?:[^"]|"")*"|[^\s".]+) USING btree \(/

function isBtree(index: Index): boolean {
  return BTREE.test(index.sql ?? '')
}
