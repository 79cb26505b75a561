import { literal } from '../connection/quote.ts'
import { STAGE_ROW } from './model.ts'

/** The numbers of the rows that are tried together, as it stands behind their column in a condition. */
export const RANGE = 'BETWEEN landfall_low AND landfall_high'

export interface Halving {
  /** What holds the rows, as it stands behind FROM. */
  readonly rows: string
  /** Statements that fail when a row of the RANGE does. */
  readonly attempt: string
  /** Conditions of PL/pgSQL for which a row may be to blame. */
  readonly caught: string
  /** A RANGE of so few numbers is not halved any more. */
  readonly few: number
  /** Statements for a RANGE of so few that fails. */
  readonly inFew: string
  /** Statements for the end, when all rows were tried. */
  readonly atEnd?: string
}

/** A DO statement that tries all rows at once, and what fails by halves, and by halves again until few are left. */
export function halving({ rows, attempt, caught, few, inFew, atEnd }: Halving): string {
  const body = `#variable_conflict use_column
    DECLARE landfall_from int8[]; landfall_to int8[]; landfall_low int8; landfall_high int8; landfall_middle int8;
      landfall_few boolean;
    BEGIN
      SELECT ARRAY[pg_catalog.min(${STAGE_ROW})], ARRAY[pg_catalog.max(${STAGE_ROW})] INTO landfall_from, landfall_to FROM ${rows};
      WHILE pg_catalog.cardinality(landfall_from) > 0 LOOP
        landfall_low := landfall_from[pg_catalog.cardinality(landfall_from)];
        landfall_high := landfall_to[pg_catalog.cardinality(landfall_to)];
        landfall_from := pg_catalog.trim_array(landfall_from, 1);
        landfall_to := pg_catalog.trim_array(landfall_to, 1);
        landfall_few := false;
        BEGIN
          ${attempt}
        EXCEPTION WHEN ${caught} THEN
          landfall_few := landfall_high - landfall_low < ${few};
          IF NOT landfall_few THEN
            landfall_middle := landfall_low + (landfall_high - landfall_low) / 2;
            landfall_from := landfall_from || landfall_middle + 1 || landfall_low;
            landfall_to := landfall_to || landfall_high || landfall_middle;
          END IF;
        END;
        IF landfall_few THEN
          ${inFew}
        END IF;
      END LOOP;
      ${atEnd ?? ''}
    END`
  return `DO ${literal(body)}`
}
