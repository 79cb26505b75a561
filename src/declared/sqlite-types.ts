import type { DeclaredType } from '../contract/declaration.ts'

/** How SQLite keeps the values of a column, which follows from the words of its declared type. */
export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

export interface SqliteType {
  /** As it is written. A time keeps its name, so that a later migration to PostgreSQL knows what it is. */
  readonly sql: string
  /** A column that is there keeps the same values with one of these. */
  readonly kept: readonly Affinity[]
}

/** Of the types that PostgreSQL has, by their first words; all others are texts. */
const TYPES: readonly (readonly [RegExp, string | null, readonly Affinity[]])[] = [
  [/^(small|big)?int(eger|[248])?$|^integer$/, null, ['INTEGER']],
  [/^bool(ean)?$/, 'BOOLEAN', ['NUMERIC', 'INTEGER']],
  [/^timestamp(tz)?\b|^date$/, null, ['NUMERIC', 'TEXT']],
  [/^(numeric|decimal)\b/, null, ['NUMERIC']],
  [/^(real|float[48]?|double precision)$/, null, ['REAL']],
  [/^bytea$/, 'BLOB', ['BLOB']],
  [/^(character varying|varchar|character|char|text)\b(?!.*\[)/, null, ['TEXT']],
]

export function sqliteType(type: Extract<DeclaredType, { kind: 'named' }>): SqliteType {
  const name = type.sql.trim().toLowerCase()
  const known = TYPES.find(([words]) => words.test(name))
  if (known === undefined) return { sql: 'TEXT', kept: ['TEXT'] }
  return { sql: known[1] ?? name.toUpperCase(), kept: known[2] }
}

/** https://sqlite.org/datatype3.html, 3.1 */
export function affinityOf(declared: string): Affinity {
  const words = declared.toUpperCase()
  if (words.includes('INT')) return 'INTEGER'
  if (/CHAR|CLOB|TEXT/.test(words)) return 'TEXT'
  if (words === '' || words.includes('BLOB')) return 'BLOB'
  return /REAL|FLOA|DOUB/.test(words) ? 'REAL' : 'NUMERIC'
}
