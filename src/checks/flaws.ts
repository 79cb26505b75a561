import type { Table } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'

/** Something that is there, and does not keep what it promises. */
export interface Flaw {
  readonly schema: string
  readonly table: string
  readonly kind: 'foreign key' | 'check' | 'not null' | 'primary key'
  readonly name: string
  /** `is not validated`. */
  readonly what: string
  /** The column of a NOT NULL. */
  readonly column: string | null
  /** The source has it too, so that it is as it should be. */
  readonly inSource?: true
}

/**
 * Constraints that are not validated or not enforced, foreign keys whose triggers are switched off, and
 * primary keys with an invalid index, of all tables in these schemas. Other indexes say it themselves.
 */
export async function readFlaws(session: Session, schemas: readonly string[]): Promise<Flaw[]> {
  const enforced = session.serverVersion >= 180_000 ? 'con.conenforced' : 'true'
  const { rows } = await session.query<Flaw>(
    `SELECT n.nspname::text AS schema, c.relname::text AS "table", flaw.kind, flaw.name, flaw.what,
        (SELECT a.attname::text FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum = flaw.attribute) AS "column"
      FROM (
        SELECT con.conrelid AS relation, con.conname::text AS name,
          CASE con.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' ELSE 'not null' END AS kind,
          CASE WHEN NOT ${enforced} THEN 'is not enforced' WHEN NOT con.convalidated THEN 'is not validated'
            ELSE 'does not work, since its triggers are disabled' END AS what,
          CASE con.contype WHEN 'n' THEN con.conkey[1] END AS attribute
        FROM pg_catalog.pg_constraint con
        WHERE con.contype IN ('f', 'c', 'n') AND con.conrelid <> 0 AND (NOT con.convalidated OR NOT ${enforced}
          OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = con.oid AND t.tgenabled IN ('D', 'R')))
        UNION ALL
        SELECT i.indrelid, x.relname::text, 'primary key', 'has an index that is not valid', NULL
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        WHERE i.indisprimary AND NOT (i.indisvalid AND i.indisready)
      ) flaw
      JOIN pg_catalog.pg_class c ON c.oid = flaw.relation
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1::name[])
      ORDER BY 1, 2, 3, 4`,
    [schemas],
  )
  return rows
}

/** The flaws of a table that is made as another one is, whose own flaws are no differences. */
export function knownFlaws(
  flaws: readonly Flaw[],
  found: Table,
  source: Table,
  known: readonly Flaw[],
): Flaw[] {
  const there = known.filter((one) => one.schema === source.schema && one.table === source.name)
  return flaws
    .filter((flaw) => flaw.schema === found.schema && flaw.table === found.name)
    .map((flaw) =>
      there.some(({ kind, name, what }) => kind === flaw.kind && name === flaw.name && what === flaw.what)
        ? { ...flaw, inSource: true }
        : flaw,
    )
}

export function flawsOf(flaws: readonly Flaw[], table: Table, kind: Flaw['kind']): Flaw[] {
  return flaws.filter(
    (flaw) => flaw.kind === kind && flaw.schema === table.schema && flaw.table === table.name,
  )
}
