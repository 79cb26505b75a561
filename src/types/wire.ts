/**
 * Types of PostgreSQL whose binary form is the same on every server and tells every value apart: no object
 * identifiers of one database within it, and nothing that depends on a locale. All others go by their text.
 */
const PORTABLE = new Set([
  'boolean',
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'money',
  'text',
  'character varying',
  'character',
  'bpchar',
  '"char"',
  'name',
  'bytea',
  'uuid',
  'date',
  'time without time zone',
  'time with time zone',
  'timestamp without time zone',
  'timestamp with time zone',
  'interval',
  'json',
  'jsonb',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'bit',
  'bit varying',
  'oid',
  'point',
  'lseg',
  'path',
  'box',
  'polygon',
  'line',
  'circle',
  'tsvector',
  'int4range',
  'int8range',
  'numrange',
  'tsrange',
  'tstzrange',
  'daterange',
])

/** `numeric(12,2)[]` is `numeric`, in an array. Names of an extension's or a user's types are qualified. */
export function familyOf(declared: string): { readonly base: string; readonly array: boolean } {
  const array = declared.endsWith('[]')
  const element = declared.replace(/(\[\])+$/, '')
  return { base: element.replace(/\s*\([^)]*\)/, ''), array }
}

/** `declared`: as `format_type` prints it, also an array's. */
export function isPortable(declared: string): boolean {
  return PORTABLE.has(familyOf(declared).base)
}
