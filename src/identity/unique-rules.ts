import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import { comparisons } from '../merge/facts.ts'
import type { UniqueRule } from '../plan/mapping.ts'

/** A unique rule, ready to be asked about rows. */
export interface Newness {
  /** SELECT list over rows that have the target's columns: `k0_1` … , and `w0`, whether the rule speaks of the row. */
  readonly list: string
  /** Names of the parts in `list`. */
  readonly parts: readonly string[]
  readonly applies: string
  /** SQL that is true where the rows `a` and `b` would not be allowed beside each other. */
  readonly clash: (a: string, b: string) => string
}

/**
 * The unique indexes that a column is part of, also within an expression; the column by itself where
 * there is none. They compare as the index does.
 */
export async function textNewness(
  session: Session,
  relation: string,
  column: string,
  uniques: readonly UniqueRule[],
): Promise<readonly Newness[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT i.relname::text AS name FROM pg_catalog.pg_index x
      JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attname = $2
      WHERE x.indrelid = $1::pg_catalog.regclass AND (a.attnum = ANY (x.indkey::pg_catalog.int2[])
        OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND d.objid = i.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum))`,
    [relation, column],
  )
  const about = uniques.filter(({ name }) => rows.some((row) => row.name === name))
  const plain = { parts: [ident(column)], where: null, nullsNotDistinct: false }
  return await newness(session, relation, about.length > 0 ? about : [plain])
}

/** How rules are asked about rows of a table. */
export async function newness(
  session: Session,
  relation: string,
  rules: readonly Pick<UniqueRule, 'parts' | 'where' | 'nullsNotDistinct'>[],
): Promise<readonly Newness[]> {
  return await Promise.all(rules.map((rule, at) => ready(session, relation, rule, at)))
}

async function ready(
  session: Session,
  relation: string,
  rule: Pick<UniqueRule, 'parts' | 'where' | 'nullsNotDistinct'>,
  at: number,
): Promise<Newness> {
  const same = await comparisons(
    session,
    rule.parts.map(
      (sql) =>
        [
          { sql, relation },
          { sql, relation },
        ] as const,
    ),
  )
  const parts = rule.parts.map((_, nth) => `k${at}_${nth}`)
  const given = rule.nullsNotDistinct ? [] : rule.parts.map((sql) => `(${sql}) IS NOT NULL`)
  const when = [...(rule.where === null ? [] : [`(${rule.where})`]), ...given].join(' AND ')
  return {
    list: [...rule.parts.map((sql, nth) => `${sql} AS ${parts[nth]}`), `${when || 'true'} AS w${at}`].join(
      ', ',
    ),
    parts,
    applies: `w${at}`,
    clash: (a, b) =>
      [
        `${a}.w${at}`,
        `${b}.w${at}`,
        ...parts.map((part, nth) => {
          const equal = same[nth]!(`${a}.${part}`, `${b}.${part}`)
          return rule.nullsNotDistinct ? `(${equal} OR ${a}.${part} IS NULL AND ${b}.${part} IS NULL)` : equal
        }),
      ].join(' AND '),
  }
}

/** SELECT of those rows of `which`, made by `list`, that clash with a row of `others`, a FROM with its WHERE. */
export function clashing(way: Newness, which: string, others: string): string {
  return `SELECT c.* FROM ${which} c WHERE EXISTS (
    SELECT FROM (SELECT ${way.list} FROM ${others}) t WHERE ${way.clash('t', 'c')})`
}
