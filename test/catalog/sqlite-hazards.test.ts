import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'
import { catalogOf, folder, tableOf } from './sqlite-file.ts'

describe('what is no ordinary table', () => {
  test('views, triggers, virtual tables and their shadows', () => {
    const { tables, others } = catalogOf(`CREATE TABLE Doc(a); CREATE VIEW v AS SELECT * FROM nowhere;
      CREATE TRIGGER tr AFTER INSERT ON doc BEGIN SELECT 1; END;
      CREATE VIRTUAL TABLE ft USING fts5(body); CREATE TABLE ft_mine(a); ANALYZE`)
    expect(tables.map((t) => t.name)).toEqual(['Doc', 'ft_mine'])
    expect(others.slice(0, 3)).toEqual([
      { kind: 'view', name: 'v', sql: 'CREATE VIEW v AS SELECT * FROM nowhere' },
      { kind: 'trigger', name: 'tr', table: 'Doc', sql: expect.stringContaining('CREATE TRIGGER tr') },
      { kind: 'virtual table', name: 'ft', sql: 'CREATE VIRTUAL TABLE ft USING fts5(body)' },
    ])
    const shadows = others.slice(3)
    expect(shadows.map((o) => o.name).sort()).toEqual([
      'ft_config',
      'ft_content',
      'ft_data',
      'ft_docsize',
      'ft_idx',
    ])
    expect(shadows.every((o) => o.kind === 'shadow table' && o.table === 'ft')).toBe(true)
  })

  test('a virtual table whose module is missing', () => {
    const catalog = catalogOf('CREATE TABLE t(a)', (database) => {
      database.enableDefensive(false)
      database.exec(`PRAGMA writable_schema = 1;
        INSERT INTO sqlite_schema VALUES ('table','vec','vec',0,'CREATE VIRTUAL TABLE vec USING vec0(e float[3])');
        PRAGMA writable_schema = RESET`)
    })
    expect(catalog.tables.map((t) => t.name)).toEqual(['t'])
    expect(catalog.others).toEqual([
      { kind: 'virtual table', name: 'vec', sql: 'CREATE VIRTUAL TABLE vec USING vec0(e float[3])' },
    ])
  })

  test('TEMP tables neither appear nor stand in for others', () => {
    const { tables } = catalogOf('CREATE TABLE t(a); CREATE TEMP TABLE t(x, y); CREATE TEMP TABLE u(x)')
    expect(tables.map((t) => [t.name, t.columns.map((c) => c.name)])).toEqual([['t', ['a']]])
  })
})

test('names that try to break out', () => {
  const names = [`a"b'c[d]`, 'select', 'Ünïcode', 'a`b', 'x y.z', 'é', 'É', '😀', '--', ' ']
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
  const { tables } = catalogOf(
    names
      .map((name, i) => {
        const [table, parent] = [quoted(name), quoted(names[(i + 1) % names.length]!)]
        return `CREATE TABLE ${table}(${table} TEXT COLLATE nocase UNIQUE CHECK (${table} <> ''),
            g AS (${table}) STORED, f REFERENCES ${parent}(${parent}));
          CREATE INDEX ${quoted(`i ${name}`)} ON ${table}(lower(${table})) WHERE ${table} > ''`
      })
      .join(';'),
  )
  for (const [i, name] of names.entries()) {
    const [table, parent] = [tables[i]!, names[(i + 1) % names.length]!]
    expect(table.name).toBe(name)
    expect(table.columns[0]).toMatchObject({ name, collation: 'nocase' })
    expect(table.columns[1]!.generated).toEqual({ expression: quoted(name), stored: true })
    expect(table.checks).toEqual([{ name: null, expression: `${quoted(name)} <> ''` }])
    expect(table.foreignKeys[0]).toMatchObject({ refTable: parent, refColumns: [parent] })
    expect(table.indexes[1]).toMatchObject({ name: `i ${name}`, where: `${quoted(name)} > ''` })
    expect(table.indexes[1]!.parts[0]!.expression).toBe(`lower(${quoted(name)})`)
  }
})

describe('the connection', () => {
  test.each(['UTF-8', 'UTF-16le', 'UTF-16be'])('encoding %s', (encoding) => {
    const catalog = catalogOf(`PRAGMA encoding = '${encoding}'; CREATE TABLE "Ünï"(a DEFAULT 'ß')`)
    expect(catalog.encoding).toBe(encoding)
    expect(catalog.tables[0]).toMatchObject({ name: 'Ünï', columns: [{ default: "'ß'" }] })
  })

  test('settings of the connection make no difference, and a transaction of the caller stays open', () => {
    const path = join(folder, 'settings.db')
    const sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE); INSERT INTO t VALUES (5, 1)'
    const plain = new DatabaseSync(path)
    plain.exec(sql)
    const odd = new DatabaseSync(path, { readBigInts: true, returnArrays: true, readOnly: true })
    odd.exec('BEGIN')
    expect(readSqliteCatalog(odd)).toEqual(readSqliteCatalog(plain))
    expect([odd.isTransaction, plain.isTransaction]).toEqual([true, false])
    odd.close()
    plain.close()
  })

  test('a file that is no database, and a damaged schema', () => {
    const path = join(folder, 'none.db')
    writeFileSync(path, 'x'.repeat(8192))
    const none = new DatabaseSync(path)
    expect(() => readSqliteCatalog(none)).toThrow(expect.objectContaining({ code: 'LF102' }))
    none.close()

    const damaged = join(folder, 'damaged.db')
    const writer = new DatabaseSync(damaged)
    writer.enableDefensive(false)
    writer.exec(
      `CREATE TABLE t(a); PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE TABLE t(('`,
    )
    writer.close()
    const reader = new DatabaseSync(damaged)
    expect(() => readSqliteCatalog(reader)).toThrow(expect.objectContaining({ code: 'LF102' }))
    reader.close()
  })

  test('a locked file', () => {
    const path = join(folder, 'locked.db')
    const writer = new DatabaseSync(path)
    writer.exec('CREATE TABLE t(a); BEGIN EXCLUSIVE')
    const reader = new DatabaseSync(path)
    expect(() => readSqliteCatalog(reader)).toThrow(expect.objectContaining({ code: 'LF103' }))
    reader.close()
    writer.close()
  })

  test('names that are no valid text: a column is refused, a table has no columns that can be read', () => {
    const rewrite =
      (set: string) =>
      (database: DatabaseSync): void => {
        database.enableDefensive(false)
        database.exec(
          `PRAGMA writable_schema = 1; UPDATE sqlite_schema SET ${set}; PRAGMA writable_schema = RESET`,
        )
      }
    const bad = "'a' || CAST(x'96' AS TEXT)"
    const column = rewrite(`sql = 'CREATE TABLE t("' || ${bad} || '")'`)
    expect(() => catalogOf('CREATE TABLE t(zz)', column)).toThrow(expect.objectContaining({ code: 'LF104' }))
    const table = rewrite(`name = ${bad}, tbl_name = ${bad}, sql = 'CREATE TABLE "' || ${bad} || '"(a)'`)
    expect(catalogOf('CREATE TABLE t(zz)', table).tables).toMatchObject([{ name: 'a\uFFFD', columns: [] }])
    expect(tableOf('CREATE TABLE t("a\uFFFD")').columns[0]!.name).toBe('a\uFFFD')
  })
})

const data = (name: string): DatabaseSync =>
  new DatabaseSync(fileURLToPath(new URL(`../data/${name}`, import.meta.url)), { readOnly: true })

describe('databases of others', () => {
  test('chinook', () => {
    const database = data('chinook.sqlite')
    const { tables, others } = readSqliteCatalog(database)
    database.close()
    expect(tables.map((t) => t.name).sort()).toEqual([
      ...['Album', 'Artist', 'Customer', 'Employee', 'Genre', 'Invoice', 'InvoiceLine', 'MediaType'],
      ...['Playlist', 'PlaylistTrack', 'Track'],
    ])
    expect(others).toEqual([])
    const track = tables.find((t) => t.name === 'Track')!
    expect(track.columns.map((c) => `${c.name} ${c.declared}${c.notNull ? ' NOT NULL' : ''}`)).toEqual([
      'TrackId INTEGER NOT NULL',
      'Name NVARCHAR(200) NOT NULL',
      'AlbumId INTEGER',
      'MediaTypeId INTEGER NOT NULL',
      'GenreId INTEGER',
      'Composer NVARCHAR(220)',
      'Milliseconds INTEGER NOT NULL',
      'Bytes INTEGER',
      'UnitPrice NUMERIC(10,2) NOT NULL',
    ])
    expect(track.primaryKey).toEqual({ columns: ['TrackId'], name: 'PK_Track', collations: [null] })
    expect(track.foreignKeys.map((k) => `${k.columns} -> ${k.refTable}(${k.refColumns})`)).toEqual([
      'AlbumId -> Album(AlbumId)',
      'GenreId -> Genre(GenreId)',
      'MediaTypeId -> MediaType(MediaTypeId)',
    ])
    const link = tables.find((t) => t.name === 'PlaylistTrack')!
    expect(link.primaryKey?.columns).toEqual(['PlaylistId', 'TrackId'])
    expect(tables.flatMap((t) => t.foreignKeys)).toHaveLength(11)
    expect(tables.flatMap((t) => t.indexes.map((i) => i.name)).every((n) => n.startsWith('IFK_'))).toBe(true)
  })

  test('names that agree in their first 63 bytes stay two', () => {
    const database = data('collision.sqlite')
    const columns = readSqliteCatalog(database).tables.flatMap((t) => t.columns.map((c) => c.name))
    database.close()
    const long = columns.filter((name) => name.length >= 63)
    expect(new Set(long).size).toBe(2)
    expect(new Set(long.map((name) => name.slice(0, 63))).size).toBe(1)
  })

  test('a table with invalid UTF-8 in its rows', () => {
    const database = data('bad-utf8.sqlite')
    const { tables } = readSqliteCatalog(database)
    database.close()
    expect(tables).toHaveLength(1)
    expect(tables[0]!.columns.length).toBeGreaterThan(0)
  })
})
