/**
 * Temporary tables of an identity that is being resolved. They are gone when it is.
 */

/**
 * A row for each staged row, `nr`, with its `old` key and as far as it is known its `new` one. `way`, how
 * it came by it: `known` the map had it; `matched` by a `rule`; `created`; `joined` to the row that was
 * created for another; without one `skipped`, `set aside`, or NULL while nothing is found. `first` is the
 * row that stands for it where several mean the same that is to be created. A row with a `reason` is
 * written down among the rejects. `updated` where it changed the target's row; `stale` where the map names a
 * row for it that is gone;
 * `fresh` where it was created when the identity was applied last.
 */
export const PEOPLE = 'pg_temp.landfall_people'

/** The values `v0`, `v1` … that a rule compares, of the rows `nr` that no earlier one has matched. */
export const VALUES = 'pg_temp.landfall_values'

/** Which `new` keys a rule finds for which rows `nr`. */
export const HITS = 'pg_temp.landfall_hits'

/** Rows `nr` that mean the same row of the target as another, whose old key is `first`. */
export const OTHERS = 'pg_temp.landfall_others'

/** Rows that are to be created, in the target's types. */
export const CREATED = 'pg_temp.landfall_created'

/** Unique values of new rows `nr`, whose order is `ord`. */
export const NEW_VALUES = 'pg_temp.landfall_new'

/** Rows `nr` whose text is taken and that have no other yet; `ord` by old key, `grp` of those that want the same. */
export const WANTING = 'pg_temp.landfall_wanting'

/** All rows `nr` whose text was taken. */
export const NUMBERED = 'pg_temp.landfall_numbered'

/** Texts that might be free, for a group `grp`: with `_k` behind them. */
export const MAYBE = 'pg_temp.landfall_maybe'

/** Staged values that rows of the target may take over, in the target's types. */
export const TAKEN = 'pg_temp.landfall_taken'

/** What the source says of each row of the target that it means: `new`, `nr` of the lowest old key, `v0`, `v1` … */
export const SAID = 'pg_temp.landfall_said'

/** Which rows `nr` lack their row of which table, `tbl`, since it was set aside. */
export const OWED = 'pg_temp.landfall_owed'

/** The keys `old` and `new` of rows that were created when the identity was applied last. */
export const FRESH = 'pg_temp.landfall_fresh'

/** Which rows `nr` lack, in the target, their row of which table `tbl`. */
export const LACKING = 'pg_temp.landfall_lacking'

/** What those rows of the target would be that take something over, as a stage, and judged. */
export const TAKING = 'pg_temp.landfall_taking'
export const TAKES = 'pg_temp.landfall_takes'

export const WORKING = [
  PEOPLE,
  VALUES,
  HITS,
  OTHERS,
  CREATED,
  NEW_VALUES,
  WANTING,
  NUMBERED,
  MAYBE,
  TAKEN,
  SAID,
  OWED,
  FRESH,
  LACKING,
  TAKING,
  TAKES,
]

/** A temporary table's name where the schema cannot stand before it. */
export function bare(table: string): string {
  return table.slice('pg_temp.'.length)
}
