import { describe, expect, test } from 'vitest'
import { catalogOf, tableOf } from './sqlite-file.ts'

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
