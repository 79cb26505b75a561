import { describe, expect, test } from 'vitest'
import { ident } from '../../src/connection/quote.ts'
import { bench, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

const tables = (url: string) =>
  query(
    url,
    `SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name COLLATE "C"`,
  )
const columns = (url: string, table: string) =>
  query(
    url,
    `SELECT attname::text FROM pg_attribute WHERE attrelid = '${ident(table).replaceAll("'", "''")}'::regclass AND attnum > 0 ORDER BY attnum`,
  )

/** HAZARDS 10. */
describe('names', () => {
  const HOSTILE = [
    'MixedCase',
    'select',
    'user',
    'two words',
    'a "quoted" one',
    "o'clock",
    'dotted.name',
    'semi;colon--',
    'größe',
    '名前',
    '😀',
    '$1',
    '%s',
    'back\\slash',
    'tab\there',
    ' ',
    '1st',
  ]

  test('of any kind are carried: tables, columns, keys, checks, indexes and foreign keys', async () => {
    const q = (text: string) => `"${text.replaceAll('"', '""')}"`
    const text = (value: string) => `'${value.replaceAll("'", "''")}'`
    const from = sqlite(
      HOSTILE.map(
        (
          name,
        ) => `CREATE TABLE ${q(name)}(${q(name)} INTEGER PRIMARY KEY, ${q(`${name}2`)} TEXT UNIQUE CHECK (${q(`${name}2`)} <> ''),
        ${q(`${name}3`)} INTEGER REFERENCES ${q(name)}(${q(name)}));
      CREATE INDEX ${q(`i ${name}`)} ON ${q(name)}(${q(`${name}3`)});
      INSERT INTO ${q(name)} VALUES (1, ${text(name)}, NULL), (2, 'y', 1);`,
      ).join(''),
    )
    const to = await postgres()
    const report = await migrate(from, to)
    expect(report.exitCode).toBe(0)
    expect((await tables(to)).flat().sort()).toEqual([...HOSTILE].sort())
    for (const name of HOSTILE) {
      expect(await columns(to, name)).toEqual([[name], [`${name}2`], [`${name}3`]])
      const rows = await query(to, `SELECT * FROM public.${ident(name)} ORDER BY 1`)
      expect(rows).toEqual([
        ['1', name, null],
        ['2', 'y', '1'],
      ])
    }
    const made = await query(
      to,
      `SELECT contype::text, count(*)::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' GROUP BY 1 ORDER BY 1`,
    )
    expect(made).toEqual(['c', 'f', 'p', 'u'].map((kind) => [kind, `${HOSTILE.length}`]))
    const indexes = await query(
      to,
      `SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'i %'`,
    )
    expect(indexes.flat().sort()).toEqual(HOSTILE.map((name) => `i ${name}`).sort())
  })

  test('tables and columns that agree in their first 63 bytes both arrive, and the plan says how they are called', async () => {
    const long = 'n'.repeat(60)
    const from = sqlite(`CREATE TABLE ${long}aaaa(id INTEGER PRIMARY KEY, ${long}1111 INT, ${long}2222 INT);
      CREATE TABLE ${long}aaab(id INTEGER PRIMARY KEY, p INT REFERENCES ${long}aaaa(id));
      CREATE TABLE ${long}aaac(id INTEGER PRIMARY KEY, p INT REFERENCES ${long}aaab(id));
      INSERT INTO ${long}aaaa VALUES (1, 11, 22); INSERT INTO ${long}aaab VALUES (2, 1); INSERT INTO ${long}aaac VALUES (3, 2);`)
    const to = await postgres()
    const made = await plan(from, to)
    expect(made.notes.join('\n')).toContain(`${long}aaab is called ${long.slice(0, 59)}`)
    expect((await migrate(from, to)).exitCode).toBe(0)
    const names = (await tables(to)).map(([name]) => name!)
    expect(new Set(names).size).toBe(3)
    expect(names.every((name) => Buffer.byteLength(name) <= 63)).toBe(true)
    const by = new Map(made.moves.map((move) => [move.source, move.target.name]))
    expect(await query(to, `SELECT * FROM ${ident(by.get(`${long}aaaa`)!)}`)).toEqual([['1', '11', '22']])
    expect(await query(to, `SELECT * FROM ${ident(by.get(`${long}aaab`)!)}`)).toEqual([['2', '1']])
    expect(await query(to, `SELECT * FROM ${ident(by.get(`${long}aaac`)!)}`)).toEqual([['3', '2']])
    expect(
      await query(
        to,
        `SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace`,
      ),
    ).toEqual([['2']])
  })

  test('collision.sqlite: both columns arrive with their own values', async () => {
    const from = new URL('../data/collision.sqlite', import.meta.url).pathname
    const to = await postgres()
    const made = await plan(from, to)
    expect(made.moves[0]!.notes.join()).toMatch(/aaay is called .*: PostgreSQL's names have at most 63 bytes/)
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await query(to, 'SELECT * FROM products')).toEqual([['1', 'apple', '10', '20']])
    const names = (await columns(to, 'products')).map(([name]) => name!)
    expect(new Set(names).size).toBe(4)
  })

  test('names of 63 bytes are not cut inside a character', async () => {
    const name = `x${'é'.repeat(40)}`
    const from = sqlite(`CREATE TABLE "${name}"("${name}" INT); INSERT INTO "${name}" VALUES (7)`)
    const to = await postgres()
    await migrate(from, to)
    const kept = `x${'é'.repeat(31)}`
    expect(await tables(to)).toEqual([[kept]])
    expect(await query(to, `SELECT ${ident(kept)} FROM ${ident(kept)}`)).toEqual([['7']])
  })

  test('non-ASCII names that differ only in case, which SQLite keeps apart', async () => {
    const from = sqlite(`CREATE TABLE "É"(x INT); CREATE TABLE "é"(x INT, "Ä" INT, "ä" INT);
      INSERT INTO "É" VALUES (1); INSERT INTO "é" VALUES (2, 3, 4);`)
    for (const names of ['keep', 'snake'] as const) {
      const to = await postgres()
      const made = await plan(from, to, { options: { names } })
      await migrate(from, to, { options: { names } })
      const by = new Map(made.moves.map((move) => [move.source, move.target.name]))
      expect(await query(to, `SELECT * FROM ${ident(by.get('É')!)}`)).toEqual([['1']])
      expect(await query(to, `SELECT * FROM ${ident(by.get('é')!)}`)).toEqual([['2', '3', '4']])
      expect(made.notes.some((note) => note.startsWith('É is called'))).toBe(names === 'snake')
    }
  })

  test('--names snake, with collisions shown', async () => {
    const from =
      sqlite(`CREATE TABLE InvoiceLine(InvoiceLineId INTEGER PRIMARY KEY, "Unit Price" REAL, unitPrice REAL, HTTPCode INT);
      CREATE TABLE invoice_line(id INTEGER PRIMARY KEY, l INT REFERENCES InvoiceLine(InvoiceLineId));
      CREATE INDEX IFK_Line ON InvoiceLine(HTTPCode);
      INSERT INTO InvoiceLine VALUES (1, 1.5, 2.5, 200); INSERT INTO invoice_line VALUES (9, 1);`)
    const to = await postgres()
    const made = await plan(from, to, { options: { names: 'snake' } })
    expect(made.notes).toContain('InvoiceLine is called invoice_line_2: invoice_line is taken')
    expect(made.moves[0]!.notes).toEqual(['unitPrice is called unit_price_2: unit_price is taken'])
    await migrate(from, to, { options: { names: 'snake' } })
    expect(
      await query(to, 'SELECT invoice_line_id, unit_price, unit_price_2, http_code FROM invoice_line_2'),
    ).toEqual([['1', '1.5', '2.5', '200']])
    expect(await query(to, 'SELECT id, l FROM invoice_line')).toEqual([['9', '1']])
  })

  test("columns with the names of PostgreSQL's own", async () => {
    const from = sqlite(
      `CREATE TABLE t(ctid INT, xmin TEXT, tableoid INT, oid INT); INSERT INTO t VALUES (1, 'a', 2, 3)`,
    )
    const to = await postgres()
    const made = await plan(from, to)
    expect(made.moves[0]!.notes.join('\n')).toContain(
      'ctid is called ctid_2: PostgreSQL has a system column of that name',
    )
    await migrate(from, to)
    expect(await query(to, 'SELECT ctid_2, xmin_2, tableoid_2, oid FROM t')).toEqual([['1', 'a', '2', '3']])
  })

  test('an index, a constraint and a table that want the same name', async () => {
    const from =
      sqlite(`CREATE TABLE a(id INTEGER PRIMARY KEY, v INT UNIQUE); CREATE TABLE a_pkey(id INTEGER PRIMARY KEY);
      CREATE TABLE a_v_key(id INTEGER PRIMARY KEY); CREATE TABLE a_id_seq(id INTEGER PRIMARY KEY);
      INSERT INTO a VALUES (1, 2); INSERT INTO a_pkey VALUES (3); INSERT INTO a_id_seq VALUES (4);`)
    const to = await postgres()
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await tables(to)).toEqual([['a'], ['a_id_seq'], ['a_pkey'], ['a_v_key']])
    expect(await query(to, 'INSERT INTO a(v) VALUES (5) RETURNING id')).toEqual([['2']])
  })
})
