/**
 * How a column's values travel from a SQLite SELECT through JavaScript into COPY. The carrier fixes
 * what the SELECT must yield for a value that is not NULL, and what the encoder writes.
 * A carrier named `…Halves` takes two columns of the SELECT, so that 64 bits never become a number.
 *
 * | carrier         | the SELECT yields                                | binary COPY field            |
 * |-----------------|--------------------------------------------------|------------------------------|
 * | int2 int4 int8  | integer within ±(2^53−1)                         | 2, 4, 8 bytes big-endian     |
 * | int8Halves      | `x >> 32`, `x & 4294967295`                      | 8 bytes                      |
 * | bool            | 0 or 1                                           | 1 byte                       |
 * | float4 float8   | real or integer                                  | 4, 8 bytes IEEE              |
 * | text            | text without NUL, valid in UTF-8                 | its UTF-8 bytes              |
 * | textBytes       | BLOB: the text's UTF-8 bytes (large values)      | as they are                  |
 * | json jsonb      | text                                             | UTF-8; jsonb has a version 1 |
 * | bytea           | BLOB                                             | as they are                  |
 * | uuid            | text: 32 hexadecimal digits, hyphens allowed     | 16 bytes                     |
 * | date            | integer: days since 1970-01-01                   | 4 bytes, days since 2000     |
 * | time            | integer: microseconds since midnight             | 8 bytes                      |
 * | timestamp       | integer: seconds since 1970 (naive or UTC)       | 8 bytes, µs since 2000       |
 * | timestampHalves | seconds since 1970, and 0…999999 microseconds    | 8 bytes, µs since 2000       |
 * | numeric         | text or integer or real: decimal; reals in their shortest form | numeric's digits |
 * | label           | text in the target type's own input syntax       | none: text format only       |
 */
export type Carrier =
  | 'int2'
  | 'int4'
  | 'int8'
  | 'int8Halves'
  | 'bool'
  | 'float4'
  | 'float8'
  | 'text'
  | 'textBytes'
  | 'json'
  | 'jsonb'
  | 'bytea'
  | 'uuid'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestampHalves'
  | 'numeric'
  | 'label'

/** What has a binary form: the carriers but one, and what only a comparison needs. */
export type BinaryCarrier = Exclude<Carrier, 'label'> | 'numericTrimmed'

/** How many columns of the SELECT a carrier takes. */
export function width(carrier: Carrier | BinaryCarrier): 1 | 2 {
  return carrier === 'int8Halves' || carrier === 'timestampHalves' ? 2 : 1
}

/**
 * One way to carry a SQLite column into one PostgreSQL type: the test, the conversion and the words
 * for both. Whether a column takes this way is decided by its declaration (which proposes) and its
 * content (which may veto). In all functions `c` is the quoted source column; NULL always fits.
 */
export interface Way {
  /** Stable, unique in the table: part of the plan's hash. */
  readonly id: string
  /** The PostgreSQL type as it is declared. */
  readonly type: string
  readonly carrier: Carrier
  readonly read: (c: string) => readonly string[]
  /** SQL, true (1) for a value that does not fit; null where none can exist. */
  readonly misfit: (c: string) => string | null
  /** For messages: what a misfit is, e.g. `is text, not an integer`. */
  readonly misfitReason: string
  /** Text must be valid UTF-8 without NUL: the profile tests bytes in bulk, `misfit` one by one. */
  readonly bytes: boolean
  /** The cheap part of `misfit` where the test of bytes is done in bulk. */
  readonly quickMisfit: (c: string) => string | null
  /** Values may be of any size: rows are read one by one, so that memory stays bounded. */
  readonly large: boolean
  /** Different source values stay different: uniqueness in the source is uniqueness in the target. */
  readonly injective: boolean
  /** SQL that is equal for two values exactly when the target finds them equal; as what is read, if unsure. */
  readonly equal: (c: string) => readonly string[]
  /**
   * The id of a slower way into the same type that takes all values which this one takes: it is
   * chosen instead where not all rows have been looked at.
   */
  readonly wider: string | null
  /** Only the target can say which texts it takes: `misfit` alone does not find all that it refuses. */
  readonly judge?: 'target'
  /** How values change their form, in words, or null when they do not. */
  readonly conversion: string | null
}
