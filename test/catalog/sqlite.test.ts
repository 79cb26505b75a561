import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { Catalog, Table } from '../../src/catalog/model.ts'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-catalog-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function catalogOf(sql: string, prepare?: (database: DatabaseSync) => void): Catalog {
  const database = new DatabaseSync(join(folder, `${++files}.db`))
  try {
    database.exec(sql)
    prepare?.(database)
    return readSqliteCatalog(database)
  } finally {
    database.close()
  }
}
function tableOf(sql: string): Table {
  return catalogOf(sql).tables[0]!
}
const data = (name: string): DatabaseSync =>
  new DatabaseSync(fileURLToPath(new URL(`../data/${name}`, import.meta.url)), { readOnly: true })

describe('columns', () => {
  test('types as declared, NOT NULL, defaults, collations', () => {
    const { columns } = tableOf(`CREATE TABLE t(
      a VARCHAR(20) NOT NULL DEFAULT 'x' COLLATE NOCASE, b, c DEFAULT ((1 + 2)), d DECIMAL(10,2) DEFAULT -1.5,
      e DATETIME DEFAULT (datetime('now','localtime')), f DEFAULT "0", g DEFAULT NULL, h COLLATE binary)`)
    expect(columns.map((c) => [c.name, c.declared, c.notNull, c.default, c.collation])).toEqual([
      ['a', 'VARCHAR(20)', true, "'x'", 'NOCASE'],
      ['b', '', false, null, null],
      ['c', '', false, '1 + 2', null],
      ['d', 'DECIMAL(10,2)', false, '-1.5', null],
      ['e', 'DATETIME', false, "datetime('now','localtime')", null],
      ['f', '', false, '"0"', null],
      ['g', '', false, 'NULL', null],
      ['h', '', false, null, null],
    ])
    expect(columns.every((c) => !c.hidden && c.sequence === null && c.generated === null)).toBe(true)
  })

  test('generated columns, stored and virtual, with an expression that holds every quote', () => {
    const { columns } = tableOf(`CREATE TABLE t("a)b" INT, [c d] TEXT,
      s INT GENERATED ALWAYS AS (("a)b" + 1) /* ) */) STORED NOT NULL,
      v AS ([c d] || ')' || \`a)b\`) VIRTUAL)`)
    expect(columns.map((c) => c.generated)).toEqual([
      null,
      null,
      { expression: '"a)b" + 1', stored: true },
      { expression: "[c d] || ')' || `a)b`", stored: false },
    ])
    expect(columns[2]).toMatchObject({ declared: 'INT', notNull: true })
    expect(columns[3]!.declared).toBe('')
  })

  test('columns that were added and renamed later', () => {
    const { columns, checks } = tableOf(`CREATE TABLE t(a, b AS (a) STORED);
      ALTER TABLE t ADD COLUMN c TEXT COLLATE rtrim CHECK (c <> '');
      ALTER TABLE t RENAME COLUMN a TO "x y"; ALTER TABLE t RENAME TO "t'2"`)
    expect(columns.map((c) => c.name)).toEqual(['x y', 'b', 'c'])
    expect(columns[1]!.generated).toEqual({ expression: '"x y"', stored: true })
    expect(columns[2]!.collation).toBe('rtrim')
    expect(checks).toEqual([{ name: null, expression: "c <> ''" }])
  })
})

describe('keys', () => {
  test('INTEGER PRIMARY KEY is the rowid; its look-alikes are not', () => {
    const { tables } = catalogOf(`
      CREATE TABLE yes(id integer PRIMARY KEY); CREATE TABLE late(id INTEGER, PRIMARY KEY (id DESC));
      CREATE TABLE "desc"(id INTEGER PRIMARY KEY DESC); CREATE TABLE int(id INT PRIMARY KEY);
      CREATE TABLE wr(id INTEGER PRIMARY KEY) WITHOUT ROWID; CREATE TABLE two(a INTEGER, b, PRIMARY KEY (a, b));
      CREATE TABLE none(a INTEGER)`)
    expect(tables.map((t) => [t.name, t.columns[0]!.identity, t.columns[0]!.notNull, t.rowid])).toEqual([
      ['yes', 'by default', true, 'rowid'],
      ['late', 'by default', true, 'rowid'],
      ['desc', null, false, 'rowid'],
      ['int', null, false, 'rowid'],
      ['wr', null, true, null],
      ['two', null, false, 'rowid'],
      ['none', null, false, 'rowid'],
    ])
    expect(tables.map((t) => t.primaryKey?.columns)).toEqual([
      ...Array(5).fill(['id']),
      ['a', 'b'],
      undefined,
    ])
  })

  test('order, name and collations of a primary key', () => {
    const { primaryKey, columns } = tableOf(
      'CREATE TABLE t(a, b TEXT COLLATE NOCASE, c, CONSTRAINT "the key" PRIMARY KEY (c COLLATE rtrim, b, a))',
    )
    expect(primaryKey).toEqual({
      columns: ['c', 'b', 'a'],
      name: 'the key',
      collations: ['rtrim', 'NOCASE', null],
    })
    expect(columns.some((c) => c.notNull)).toBe(false)
  })

  test('keys of WITHOUT ROWID and STRICT tables are NOT NULL', () => {
    const { tables } = catalogOf(`CREATE TABLE w(a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;
      CREATE TABLE s(a TEXT PRIMARY KEY, b ANY) STRICT`)
    expect(tables[0]).toMatchObject({ rowid: null, strict: false, primaryKey: { columns: ['b', 'a'] } })
    expect(tables[0]!.columns.map((c) => c.notNull)).toEqual([true, true])
    expect(tables[1]).toMatchObject({ rowid: 'rowid', strict: true })
    expect(tables[1]!.columns.map((c) => c.notNull)).toEqual([true, false])
  })

  test('the rowid goes by a name that no column takes', () => {
    const { tables } = catalogOf(`
      CREATE TABLE one("RowID" TEXT); CREATE TABLE two(rowid, oid);
      CREATE TABLE all3(rowid, _rowid_, oid, a PRIMARY KEY);
      CREATE TABLE key(rowid, _rowid_, oid, "my id" INTEGER PRIMARY KEY);
      CREATE TABLE own(rowid INTEGER PRIMARY KEY)`)
    expect(tables.map((t) => t.rowid)).toEqual(['_rowid_', '_rowid_', null, 'my id', '_rowid_'])
  })

  test('AUTOINCREMENT remembers 64-bit numbers', () => {
    const { tables } = catalogOf(`CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT);
      CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE c(id INTEGER PRIMARY KEY);
      INSERT INTO a VALUES (9223372036854775806); DELETE FROM a`)
    expect(tables.map((t) => t.autoincrement)).toEqual([
      { last: '9223372036854775806' },
      { last: null },
      null,
    ])
  })
})

describe('indexes', () => {
  test('constraints, created, partial and expression indexes', () => {
    const { indexes } = tableOf(`CREATE TABLE t(a TEXT COLLATE nocase UNIQUE, b, c, PRIMARY KEY (a, b),
        CONSTRAINT "a pair" UNIQUE (c, b COLLATE NOCASE));
      CREATE INDEX i1 ON t(b DESC, lower("c") COLLATE rtrim) WHERE b > 0 AND c IS NOT NULL;
      CREATE UNIQUE INDEX [i 2] ON t((b || ',' || c), a COLLATE BINARY)`)
    expect(indexes.map(({ sql, valid, nullsNotDistinct, ...index }) => index)).toEqual([
      {
        name: 'sqlite_autoindex_t_1',
        unique: true,
        constraint: true,
        parts: [{ column: 'a', expression: null, descending: false, collation: 'nocase' }],
        where: null,
      },
      {
        name: 'a pair',
        unique: true,
        constraint: true,
        parts: [
          { column: 'c', expression: null, descending: false, collation: null },
          { column: 'b', expression: null, descending: false, collation: 'NOCASE' },
        ],
        where: null,
      },
      {
        name: 'i1',
        unique: false,
        constraint: false,
        parts: [
          { column: 'b', expression: null, descending: true, collation: null },
          { column: null, expression: 'lower("c")', descending: false, collation: 'rtrim' },
        ],
        where: 'b > 0 AND c IS NOT NULL',
      },
      {
        name: 'i 2',
        unique: true,
        constraint: false,
        parts: [
          { column: null, expression: "b || ',' || c", descending: false, collation: null },
          { column: 'a', expression: null, descending: false, collation: null },
        ],
        where: null,
      },
    ])
    expect(indexes[0]!.sql).toBeNull()
    expect(indexes[3]!.sql).toMatch(/^CREATE UNIQUE INDEX \[i 2\]/)
  })
})

describe('foreign keys', () => {
  test('composite, implicit, self-referring, circular, to nothing', () => {
    const { tables } = catalogOf(`
      CREATE TABLE Parent(X, Y, Z UNIQUE, PRIMARY KEY (Y, X)); CREATE TABLE keyless(a);
      CREATE TABLE c(a INT, b INT,
        up INTEGER REFERENCES c ON DELETE SET NULL, z CONSTRAINT "to z" REFERENCES parent(z),
        k REFERENCES keyless, gone REFERENCES gone(id), nocol REFERENCES parent(q),
        id INTEGER PRIMARY KEY,
        CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES PARENT ON UPDATE CASCADE ON DELETE RESTRICT
          DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY (b, a) REFERENCES parent(x, y) ON DELETE SET DEFAULT DEFERRABLE)`)
    const base = {
      refSchema: 'main',
      onUpdate: 'no action',
      onDelete: 'no action',
      deferrable: 'no',
      name: null,
    }
    expect(tables[2]!.foreignKeys).toEqual([
      { ...base, columns: ['up'], refTable: 'c', refColumns: ['id'], onDelete: 'set null' },
      { ...base, name: 'to z', columns: ['z'], refTable: 'Parent', refColumns: ['Z'] },
      { ...base, columns: ['k'], refTable: 'keyless', refColumns: [] },
      { ...base, columns: ['gone'], refTable: 'gone', refColumns: [] },
      { ...base, columns: ['nocol'], refTable: 'Parent', refColumns: [] },
      {
        ...base,
        name: 'pair',
        columns: ['a', 'b'],
        refTable: 'Parent',
        refColumns: ['Y', 'X'],
        onUpdate: 'cascade',
        onDelete: 'restrict',
        deferrable: 'deferred',
      },
      {
        ...base,
        columns: ['b', 'a'],
        refTable: 'Parent',
        refColumns: ['X', 'Y'],
        onDelete: 'set default',
        deferrable: 'immediate',
      },
    ])
  })
})

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
