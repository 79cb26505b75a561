import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'

/**
 * The sample databases. SQLite makes the rows itself, so that fifty million take a minute or so and
 * no memory. The same shape and number of rows give the same content (bytes of `huge-row` aside).
 */
export const SHAPES = {
  /** An application's event log with customers: every kind of value that costs something to carry. */
  events: { rows: 4_000_000, write: events },
  /** One table of 300 columns. */
  wide: { rows: 20_000, write: wide },
  /** A few rows of 100 MB: text, and bytes. */
  'huge-row': { rows: 2, write: hugeRow },
  /** As many rows of two small integers as asked for. */
  narrow: { rows: 50_000_000, write: narrow },
} as const

export type Shape = keyof typeof SHAPES

/** Writes a new database file of `rows` rows in the shape's largest table. */
export function generate(shape: Shape, file: string, rows: number = SHAPES[shape].rows): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(file + suffix, { force: true })
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA page_size = 4096; PRAGMA journal_mode = off; PRAGMA synchronous = off; BEGIN')
    SHAPES[shape].write(database, rows)
    database.exec('COMMIT')
    // As applications keep their databases. In the other modes a private copy of the file comes first.
    database.exec('PRAGMA journal_mode = wal')
  } finally {
    database.close()
  }
}

/** `WITH` clause for the integers 1 to `rows` as `n.i`. */
const counter = (rows: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})`

function events(database: DatabaseSync, rows: number): void {
  const customers = Math.max(1, Math.floor(rows / 20))
  database.exec(`
    CREATE TABLE customers (
      id INTEGER PRIMARY KEY,
      code TEXT NOT NULL UNIQUE,
      name VARCHAR(60),
      created_at DATETIME);
    CREATE TABLE events (
      id INTEGER PRIMARY KEY,
      customer_id INTEGER NOT NULL REFERENCES customers(id),
      kind VARCHAR(20) NOT NULL,
      payload JSON,
      amount REAL,
      ratio DOUBLE,
      note TEXT,
      happened_at DATETIME NOT NULL,
      active BOOLEAN NOT NULL);
    INSERT INTO customers ${counter(customers)}
      SELECT i, printf('C-%09d', i * 7919 % 1000000007), 'Customer ' || i, datetime(1600000000 + i * 37, 'unixepoch')
      FROM n;
    INSERT INTO events ${counter(rows)}
      SELECT i,
        1 + i * 2654435761 % ${customers},
        CASE i % 4 WHEN 0 THEN 'view' WHEN 1 THEN 'click' WHEN 2 THEN 'purchase' ELSE 'return' END,
        '{"sequence":' || i || ',"tags":["t' || (i % 97) || '","ü"]}',
        i * 0.1 + 1.0 / (i % 7 + 1),
        CASE WHEN i % 5 = 0 THEN NULL ELSE sin(i) END,
        CASE i % 6
          WHEN 0 THEN NULL
          WHEN 1 THEN 'a tab' || char(9) || 'and "quotes"'
          WHEN 2 THEN 'back\\slash, ''single'' and a' || char(10) || 'line'
          WHEN 3 THEN 'plain note ' || i
          WHEN 4 THEN '\\N'
          ELSE '' END,
        datetime(1500000000 + i * 11, 'unixepoch'),
        i % 2
      FROM n;
    CREATE INDEX events_customer ON events(customer_id, happened_at);`)
}

const WIDE_COLUMNS = 300

function wide(database: DatabaseSync, rows: number): void {
  const kinds = [
    { type: 'INTEGER', value: (c: number) => `i * ${c + 1}` },
    { type: 'TEXT', value: (c: number) => `'value ' || (i + ${c})` },
    { type: 'REAL', value: (c: number) => `i / ${c + 1}.5` },
    { type: 'BOOLEAN', value: (c: number) => `(i + ${c}) % 2` },
  ]
  const columns = Array.from({ length: WIDE_COLUMNS - 1 }, (_, c) => ({ c, ...kinds[c % kinds.length]! }))
  database.exec(`
    CREATE TABLE wide (id INTEGER PRIMARY KEY, ${columns.map(({ c, type }) => `c${c} ${type}`).join(', ')});
    INSERT INTO wide ${counter(rows)} SELECT i, ${columns.map(({ c, value }) => value(c)).join(', ')} FROM n`)
}

const HUGE_BYTES = 100_000_000

function hugeRow(database: DatabaseSync, rows: number): void {
  database.exec(`
    CREATE TABLE documents (id INTEGER PRIMARY KEY, body TEXT, scan BLOB);
    INSERT INTO documents ${counter(rows)}
      SELECT i,
        CASE WHEN i % 2 = 1 THEN replace(hex(zeroblob(${HUGE_BYTES / 10})), '00', 'text \\ "é') END,
        CASE WHEN i % 2 = 0 THEN randomblob(${HUGE_BYTES}) END
      FROM n`)
}

function narrow(database: DatabaseSync, rows: number): void {
  database.exec(`
    CREATE TABLE readings (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO readings ${counter(rows)} SELECT i, i * 48271 % 2147483647 FROM n`)
}

if (import.meta.main) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [shape, file, rows] = positionals
  if (shape === undefined || !Object.hasOwn(SHAPES, shape) || file === undefined) {
    process.stderr.write(`usage: node bench/generate.ts ${Object.keys(SHAPES).join('|')} FILE [ROWS]\n`)
    process.exitCode = 2
  } else {
    generate(shape as Shape, file, rows === undefined ? undefined : Number(rows))
  }
}
