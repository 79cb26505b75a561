import type { Session } from '../connection/postgres.ts'
import { literal, qualified } from '../connection/quote.ts'
import { sequenceStatement } from '../schema/sequences.ts'

/** The sequences that columns of a table take their values from, by default or identity. */
const SEQUENCES = `SELECT DISTINCT a.attname::text AS column, pg_catalog.format('%I.%I', n.nspname, s.relname) AS name
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  JOIN pg_catalog.pg_depend d ON
    d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
      AND d.refclassid = d.classid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
  JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND s.oid IN (d.refobjid, d.objid)
  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
  WHERE a.attrelid = $1::pg_catalog.regclass AND y.typname IN ('int2', 'int4', 'int8', 'numeric')`

/**
 * Moves the sequences of a table behind its values, never backwards: one that is behind would give keys
 * that are taken.
 */
export async function moveSequences(
  session: Session,
  table: { readonly schema: string; readonly name: string },
): Promise<void> {
  const { rows } = await session.query<{ name: string; column: string }>(SEQUENCES, [
    qualified(table.schema, table.name),
  ])
  for (const { name, column } of rows) {
    const use = {
      column,
      sequence: `${literal(name)}::pg_catalog.regclass`,
      state: `SELECT last_value, is_called FROM ${name}`,
      floor: null,
    }
    await session.query(sequenceStatement(table.schema, table.name, use))
  }
}
