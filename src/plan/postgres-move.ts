import { ident } from '../connection/quote.ts'
import type { Move, MoveColumn } from './model.ts'

type Decided = 'source' | 'relation' | 'target' | 'existing' | 'key' | 'sourceKey' | 'columns' | 'format'

/** A move of a PostgreSQL source as it is before anybody has looked at its rows. */
export function postgresMove(decided: Pick<Move, Decided>): Move {
  return {
    ...decided,
    largeValues: false,
    chunkRows: null,
    after: [],
    profiledRows: null,
    notes: [],
    statistics: { rows: 0, misfits: [] },
  }
}

/** A column that becomes one of the same name and type. */
export function sameColumn(name: string, type: string): MoveColumn {
  return {
    source: name,
    target: name,
    declared: type,
    type,
    why: 'the same type',
    conversion: null,
    carrier: 'label',
    way: 'as it is',
    read: [ident(name)],
    misfit: null,
    misfitReason: null,
  }
}
