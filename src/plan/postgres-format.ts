import { ident } from '../connection/quote.ts'
import { familyOf, isPortable } from '../types/wire.ts'
import type { MoveColumn } from './model.ts'

type Column = Pick<MoveColumn, 'source' | 'declared' | 'type' | 'read'>

/**
 * The form of COPY between two servers. Binary is the faster one, and only for columns that are read as
 * they are, of the same type on both sides, built in and in the same form on every server. One column of
 * another kind (an enum, an array of composites, a type of an extension) makes it text.
 */
export function formatFor(columns: readonly Column[]): 'binary' | 'text' {
  return columns.every(travelsBinary) ? 'binary' : 'text'
}

function travelsBinary({ source, declared, type, read }: Column): boolean {
  const plain = ident(source)
  if (read.length !== 1 || (read[0] !== plain && read[0] !== `t.${plain}`)) return false
  const from = familyOf(declared)
  const to = familyOf(type)
  return isPortable(type) && from.base === to.base && from.array === to.array
}
