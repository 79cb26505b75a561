import type { Table } from '../catalog/model.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import type { TargetTable } from '../plan/model.ts'

/** A sequence that feeds a column, and how far it must be at least. */
export interface SequenceUse {
  readonly column: string
  /** SQL that yields the sequence as `regclass`. */
  readonly sequence: string
  /** The sequence's own row, as `last_value` and `is_called`: where it stands. */
  readonly state: string
  /** Decimal text. */
  readonly floor: string | null
}

/** The identity sequences of a table that Landfall makes. */
export function identitySequences(table: TargetTable): SequenceUse[] {
  return table.columns
    .filter((column) => column.identity)
    .map((column) => {
      const sequence = `pg_catalog.pg_get_serial_sequence(${literal(qualified(table.schema, table.name))}, ${literal(column.name)})::regclass`
      return {
        column: column.name,
        sequence,
        // Nobody moved it before; its name may be PostgreSQL's own choice.
        state: `select coalesce(pg_catalog.pg_sequence_last_value(seqrelid), seqstart) as last_value, pg_catalog.pg_sequence_last_value(seqrelid) is not null as is_called from pg_catalog.pg_sequence where seqrelid = ${sequence}`,
        floor: column.sequenceFloor,
      }
    })
}

/**
 * The sequences of a table that was there before: identity, serial, and those that nobody owns and a
 * default takes from. `loaded` gives AUTOINCREMENT's memory by column.
 */
export function existingSequences(table: Table, loaded: TargetTable): SequenceUse[] {
  return table.columns.flatMap((column) => {
    // The greatest text is not the greatest number.
    if (column.sequence === null || !/^(smallint|integer|bigint|numeric)/.test(column.declared)) return []
    const floor = loaded.columns.find((one) => one.name === column.name)?.sequenceFloor ?? null
    return [
      {
        column: column.name,
        sequence: `${literal(column.sequence)}::regclass`,
        state: `select last_value, is_called from ${column.sequence}`,
        floor,
      },
    ]
  })
}

/**
 * Moves a sequence behind the column's values and the floor, by whole steps of its own, and never
 * backwards: also where it stands before its first value (START, RESTART). Past its end it is set to
 * the end: the next value is then PostgreSQL's error instead of a number that is taken.
 */
export function sequenceStatement(schema: string, table: string, use: SequenceUse): string {
  const column = ident(use.column)
  // greatest() and least() pass NULL over: an end of the sequence among them would be taken for a value.
  return `select pg_catalog.setval(seq.seqrelid::regclass, greatest(least(
  now.value + ceil((far.value - now.value) / seq.seqincrement) * seq.seqincrement, seq.seqmax), seq.seqmin)::bigint, true)
from pg_catalog.pg_sequence seq
cross join (${use.state}) state
cross join (select min(${column})::numeric as least, max(${column})::numeric as most from ${qualified(schema, table)}) held
cross join lateral (
  select case when state.is_called then state.last_value else state.last_value::numeric - seq.seqincrement end as value
) now
cross join lateral (
  select case when seq.seqincrement > 0 then greatest(held.most, ${use.floor ?? 'null'}) else held.least end as value
) far
where seq.seqrelid = ${use.sequence}
  and case when seq.seqincrement > 0 then far.value > now.value and far.value >= seq.seqmin
    else far.value < now.value and far.value <= seq.seqmax end`
}
