import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Small, and a little of everything that a run handles in a way of its own. */
const SCHEMA = `
  CREATE TABLE authors (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT UNIQUE,
    born DATE, joined TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
  CREATE TABLE books (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    title TEXT NOT NULL DEFAULT 'untitled', pages INTEGER, price NUMERIC(8,2), cover BLOB, meta JSON,
    CHECK (pages > 0), UNIQUE (author_id, title));
  CREATE INDEX books_by_price ON books (price DESC, title);
  CREATE INDEX long_books ON books (pages) WHERE pages > 300;
  CREATE TABLE loans (
    book_id INTEGER NOT NULL REFERENCES books (id), nr INTEGER NOT NULL, "who's it" TEXT,
    PRIMARY KEY (book_id, nr));
  CREATE TABLE settings (section TEXT NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (section, name))
    WITHOUT ROWID;
  CREATE TABLE "no key: a log" (at TIMESTAMP, line TEXT, parent INTEGER);
  CREATE INDEX log_at ON "no key: a log" (at);
  CREATE TABLE nobody (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES nobody (id));`

const ROWS = `
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70)
    INSERT INTO authors SELECT i * 3, 'author ' || i, iif(i % 9, i || '@example.org', NULL),
      date('1900-01-01', i || ' months'), datetime(1700000000 + i * 1000, 'unixepoch') FROM n;
  DELETE FROM authors WHERE id = 210;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 160)
    INSERT INTO books SELECT i * i, 3 * (1 + i % 69), 'tab' || char(9) || i || char(10) || '\\N "é"', 1 + i * 5 % 700,
      i * 0.25, iif(i % 4, CAST(i AS BLOB), NULL), json_object('n', i) FROM n;
  INSERT INTO loans SELECT id, pages % 3, 'reader ''' || pages FROM books;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)
    INSERT INTO settings SELECT 'section ' || i % 7, 'name ' || i, i / 3.0 FROM n;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 130)
    INSERT INTO "no key: a log" SELECT datetime(1700000000 + i, 'unixepoch'), 'line ' || i % 50, i FROM n;`

/** Their books and loans are set aside with them. */
const BAD = `
  UPDATE books SET pages = 'many' WHERE id IN (25, 900, 14400);
  UPDATE "no key: a log" SET at = 'yesterday' WHERE parent IN (3, 77, 78);
  UPDATE authors SET born = '1900-02-30' WHERE id = 99;`

/** Rows of a chunk with which every table has several. */
export const BATCH = 40

/** Makes `library.db` in a folder. */
export function makeLibrary(folder: string): void {
  const db = new DatabaseSync(join(folder, 'library.db'))
  db.exec(`${SCHEMA} BEGIN; ${ROWS} ${BAD} COMMIT`)
  db.close()
}
