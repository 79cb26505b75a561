/**
 * Hashes of rows that both servers compute alike. Values of the commonest types go through their type's own
 * hash function, one into the seed of the next; all others in their binary form, which costs four times as
 * much. Hashes of columns that are only added up, as the server's hash of a record is, would not do: sums
 * over rows would not see values that have changed places.
 */

/** Types whose hash tells all values apart, as far as a hash can, or does so with what is added here. */
const FUNCTIONS = {
  smallint: (value: string, seed: string) => `pg_catalog.hashint2extended(${value}, ${seed})`,
  integer: (value: string, seed: string) => `pg_catalog.hashint4extended(${value}, ${seed})`,
  // Its hash holds 32 bits: the two halves in one.
  bigint: (value: string, seed: string) =>
    `pg_catalog.hashint4extended((${value} >> 32)::pg_catalog.int4, pg_catalog.hashint8extended(${value}, ${seed}))`,
  real: (value: string, seed: string) => `pg_catalog.hashfloat4extended(${value}, ${seed})`,
  'double precision': (value: string, seed: string) => `pg_catalog.hashfloat8extended(${value}, ${seed})`,
  text: (value: string, seed: string) => `pg_catalog.hashtextextended(${value}, ${seed})`,
  uuid: (value: string, seed: string) => `pg_catalog.uuid_hash_extended(${value}, ${seed})`,
  boolean: null,
} as const

export type HashedType = keyof typeof FUNCTIONS

/** What stands for NULL, which has a mark of its own. */
const INSTEAD: Readonly<Record<HashedType, string>> = {
  smallint: "'0'::pg_catalog.int2",
  integer: "'0'::pg_catalog.int4",
  bigint: "'0'::pg_catalog.int8",
  real: "'0'::pg_catalog.float4",
  'double precision': "'0'::pg_catalog.float8",
  text: "''::pg_catalog.text",
  uuid: "'00000000-0000-0000-0000-000000000000'::pg_catalog.uuid",
  boolean: 'false',
}

/** Equal to zero, and with the same hash. */
const NEGATIVE_ZERO: Readonly<Partial<Record<HashedType, (value: string) => string>>> = {
  real: (value) => `${value} = 0 AND pg_catalog.float4send(${value}) = '\\x80000000'::pg_catalog.bytea`,
  'double precision': (value) =>
    `${value} = 0 AND pg_catalog.float8send(${value}) = '\\x8000000000000000'::pg_catalog.bytea`,
}

/** Marks of a row are bits of one integer of 64 bits. */
const MOST_MARKS = 60

export function hashedType(declared: string): HashedType | null {
  const base = declared.replace(/^character varying(\(\d+\))?$/, 'text')
  return Object.hasOwn(FUNCTIONS, base) ? (base as HashedType) : null
}

/** A value as it is hashed. */
export interface HashedValue {
  readonly sql: string
  /** The same on both sides; null: in its binary form. */
  readonly type: HashedType | null
  readonly notNull: boolean
}

/** What a row's hash is made of, in SQL; null where nothing is of that kind. */
export interface HashParts {
  readonly values: readonly { readonly type: HashedType; readonly sql: string }[]
  /** NULLs, truths and zeros with a sign. */
  readonly marks: string | null
  readonly bytes: string | null
}

/** Each value with its type and length, one behind the other. */
export const bytesOf = (fields: readonly string[]): string =>
  `pg_catalog.record_send(ROW(${fields.join(', ')}))`

export function hashParts(row: readonly HashedValue[]): HashParts {
  const values: { type: HashedType; sql: string }[] = []
  const marks: string[] = []
  const rest: string[] = []
  let bit = 0
  for (const { sql, type, notNull } of row) {
    // Two marks at most; the bits must not depend on what one side alone knows.
    if (type === null || bit + 2 > MOST_MARKS) {
      rest.push(sql)
      continue
    }
    const mark = (when: string): string =>
      `CASE WHEN ${when} THEN ${2n ** BigInt(bit)}::pg_catalog.int8 ELSE 0 END`
    if (!notNull) marks.push(mark(`${sql} IS NULL`))
    bit += 1
    const other = type === 'boolean' ? sql : NEGATIVE_ZERO[type]?.(sql)
    if (other !== undefined) {
      marks.push(mark(other))
      bit += 1
    }
    const plain = type === 'text' ? `${sql}::pg_catalog.text COLLATE pg_catalog."C"` : sql
    if (type !== 'boolean')
      values.push({ type, sql: notNull ? plain : `coalesce(${plain}, ${INSTEAD[type]})` })
  }
  return {
    values,
    marks: marks.length === 0 ? null : marks.join(' | '),
    bytes: rest.length === 0 ? null : bytesOf(rest),
  }
}

/** The hash of a binary form with a seed. `versions` of both servers, as `server_version_num`. */
export function bytesHash(versions: readonly number[]): BytesHash {
  // Before 18 only an array of them has a hash that takes a seed.
  return versions.every((version) => version >= 180_000)
    ? (bytes, seed) => `pg_catalog.hashbyteaextended(${bytes}, ${seed})`
    : (bytes, seed) => `pg_catalog.hash_array_extended(ARRAY[${bytes}], ${seed})`
}

export type BytesHash = (bytes: string, seed: string) => string

/** 64 bits of the parts, as SQL. */
export function chainedHash({ values, marks, bytes }: HashParts, seed: string, hash: BytesHash): string {
  const start = marks === null ? seed : `((${marks}) # ${seed})`
  const first = bytes === null ? start : hash(bytes, start)
  const chained = values.reduce((before, { type, sql }) => FUNCTIONS[type]!(sql, before), first)
  // Marks alone have not been mixed with anything.
  return values.length === 0 && bytes === null ? FUNCTIONS.bigint('0::pg_catalog.int8', chained) : chained
}
