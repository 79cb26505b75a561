import fc, { type Arbitrary } from 'fast-check'
import { type Cell, text } from '../../oracle/cell.ts'
import { words } from './columns.ts'

/** How rows are told apart: on both sides, or in the target alone. */
export const KEYS = [
  'rowid',
  'small rowid',
  'text',
  'without rowid',
  'composite',
  'uuid',
  'unique',
  'none',
  'none but rowid',
] as const
export type Key = (typeof KEYS)[number]

/** What a kind of key is made of: its columns and values, and what the source's table says of it. */
export interface KeyParts {
  readonly columns: readonly (readonly [name: string, declared: string, there: string])[]
  readonly rows: (most: number) => Arbitrary<readonly (readonly Cell[])[]>
  readonly constraint: string
  readonly source: string
  /** Of the columns, those of the target's key. */
  readonly unique: number
}

export const integer = (value: bigint): Cell => ({ kind: 'integer', value })
const ids = (most: bigint): Arbitrary<bigint> =>
  fc.oneof(fc.bigInt({ min: 1n, max: 500n }), fc.bigInt({ min: -most, max: most }))
const shown = (cell: Cell): string =>
  cell === null ? '' : 'bytes' in cell ? Buffer.from(cell.bytes).toString('hex') : String(cell.value)
const distinct = (one: Arbitrary<readonly Cell[]>) => (rows: number) =>
  fc.uniqueArray(one, {
    minLength: Math.ceil(rows / 2),
    maxLength: rows,
    size: 'max',
    selector: (cells) => cells.map(shown).join(),
  })
/** Some rows are there several times; the number in front is that of their content. */
const repeated = (one: Arbitrary<readonly Cell[]>) => (rows: number) =>
  fc.array(one, { minLength: Math.ceil(rows / 2), maxLength: rows, size: 'max' })
const names = words(18).map(text)
const uuids = fc.uuid().map(text)

export const PARTS: Readonly<Record<Key, KeyParts>> = {
  rowid: {
    columns: [['id', 'INTEGER PRIMARY KEY', 'bigint']],
    rows: distinct(ids(2n ** 53n + 9n).map((id) => [integer(id)])),
    constraint: '',
    source: '',
    unique: 1,
  },
  'small rowid': {
    columns: [['id', 'INTEGER PRIMARY KEY', 'integer']],
    rows: distinct(ids(2n ** 31n - 9n).map((id) => [integer(id)])),
    constraint: '',
    source: '',
    unique: 1,
  },
  text: {
    columns: [['k', 'TEXT PRIMARY KEY NOT NULL', 'text']],
    rows: distinct(names.map((name) => [name])),
    constraint: '',
    source: '',
    unique: 1,
  },
  'without rowid': {
    columns: [['k', 'TEXT', 'text']],
    rows: distinct(names.map((name) => [name])),
    constraint: ', PRIMARY KEY (k)',
    source: ' WITHOUT ROWID',
    unique: 1,
  },
  composite: {
    columns: [
      ['a', 'INTEGER NOT NULL', 'bigint'],
      ['b', 'TEXT NOT NULL', 'text'],
    ],
    rows: distinct(fc.tuple(fc.bigInt({ min: -5n, max: 5n }).map(integer), names)),
    constraint: ', PRIMARY KEY (a, b)',
    source: '',
    unique: 2,
  },
  uuid: {
    columns: [['u', 'UUID PRIMARY KEY NOT NULL', 'uuid']],
    rows: distinct(uuids.map((id) => [id])),
    constraint: '',
    source: '',
    unique: 1,
  },
  unique: {
    columns: [['code', 'TEXT NOT NULL UNIQUE', 'text']],
    rows: distinct(names.map((name) => [name])),
    constraint: '',
    source: '',
    unique: 1,
  },
  none: {
    columns: [['tag', 'INTEGER', 'bigint']],
    rows: repeated(fc.constant([integer(0n)])),
    constraint: '',
    source: '',
    unique: 0,
  },
  // The source's key is none in the target.
  'none but rowid': {
    columns: [
      ['tag', 'INTEGER', 'bigint'],
      ['id', 'INTEGER PRIMARY KEY', 'bigint'],
    ],
    rows: distinct(ids(2n ** 40n).map((id) => [integer(0n), integer(id)])),
    constraint: '',
    source: '',
    unique: 0,
  },
}
