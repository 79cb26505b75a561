import { readFileSync } from 'node:fs'
import { describe, expect, inject, test } from 'vitest'
import type { Catalog } from '../../src/catalog/model.ts'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import { ident } from '../../src/connection/quote.ts'
import { catalogOf, databaseWith, tableOf } from './postgres-database.ts'

test('what is no table', async () => {
  const { tables, others } = await catalogOf(`CREATE TABLE t(id serial, a int);
    CREATE VIEW v AS SELECT a FROM t; CREATE MATERIALIZED VIEW "m v" AS SELECT 1 AS one;
    CREATE SEQUENCE free; CREATE FUNCTION f(x int, y text) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE AGGREGATE agg(int) (sfunc = int4pl, stype = int); CREATE PROCEDURE pr() LANGUAGE sql AS '';
    CREATE TRIGGER "tr 1" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf();
    CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE ft(a int) SERVER s;
    CREATE SCHEMA landfall; CREATE TABLE landfall.runs(a int); CREATE VIEW landfall.v AS SELECT 1`)
  expect(tables.map((t) => t.name)).toEqual(['t'])
  expect(others.map(({ sql, ...object }) => object)).toEqual([
    { kind: 'foreign table', name: 'public.ft' },
    { kind: 'function', name: 'public.agg(integer)' },
    { kind: 'function', name: 'public.f(integer,text)' },
    { kind: 'function', name: 'public.pr()' },
    { kind: 'function', name: 'public.tf()' },
    { kind: 'materialized view', name: 'public."m v"' },
    { kind: 'sequence', name: 'public.free' },
    { kind: 'trigger', name: '"tr 1"', table: 'public.t' },
    { kind: 'view', name: 'public.v' },
  ])
  const sql = new Map(others.map((object) => [object.name, object.sql]))
  expect(sql.get('public.v')).toMatch(/^CREATE VIEW public\.v AS\n SELECT a\n {3}FROM public\.t;$/)
  expect(sql.get('"tr 1"')).toContain('BEFORE INSERT ON public.t')
  expect(sql.get('public.f(integer,text)')).toMatch(
    /^CREATE OR REPLACE FUNCTION public\.f\(x integer, y text\)/,
  )
  expect(sql.get('public.agg(integer)')).toBeUndefined()
})

test('names that try to break out', async () => {
  const names = [`a"b'c[d]`, 'select', 'Ünïcode', 'x y.z', '😀', '--', '$1', '{"a":1}', 'back\\slash']
  const catalog = await catalogOf(
    names
      .map((name, i) => {
        const [id, schema] = [ident(name), ident(`s${i} ${name}`)]
        return `CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.${id}(${id} serial PRIMARY KEY CHECK (${id} > 0),
          g int GENERATED ALWAYS AS (${id} + 1) STORED, f int REFERENCES ${schema}.${id});
          CREATE INDEX ${ident(`i ${name}`)} ON ${schema}.${id}((${id} * 2)) WHERE ${id} > 5`
      })
      .join(';'),
  )
  expect(catalog.tables).toHaveLength(names.length)
  for (const [i, name] of names.entries()) {
    const table = tableOf(catalog, name)
    const written = name === 'select' ? '"select"' : ident(name)
    expect(table.schema).toBe(`s${i} ${name}`)
    expect(table.columns[0]).toMatchObject({ name, identity: 'by default' })
    expect(table.columns[0]!.sequence).toContain(ident(`s${i} ${name}`))
    expect(table.columns[1]!.generated?.expression).toBe(`${written} + 1`)
    expect(table.checks[0]!.expression).toBe(`${written} > 0`)
    expect(table.foreignKeys[0]).toMatchObject({
      refSchema: `s${i} ${name}`,
      refTable: name,
      refColumns: [name],
    })
    expect(table.indexes[0]).toMatchObject({ name: `i ${name}`, where: `${written} > 5` })
    expect(table.indexes[0]!.parts[0]!.expression).toBe(`${written} * 2`)
  }
})

describe('the session', () => {
  test('schemas can be chosen, the search path comes back, types are qualified whatever it was', async () => {
    const client = await databaseWith(`CREATE SCHEMA "a,b"; CREATE SCHEMA c; CREATE SCHEMA landfall;
      CREATE TYPE "a,b".e AS ENUM ('x'); CREATE TABLE "a,b".t(e "a,b".e); CREATE TABLE c.u(); CREATE TABLE v();
      CREATE TABLE landfall.w(); SET search_path = "a,b", c`)
    const names = (catalog: Catalog): string[] => catalog.tables.map((t) => `${t.schema}.${t.name}`)
    expect(names(await readPostgresCatalog(client))).toEqual(['a,b.t', 'c.u', 'public.v'])
    const two = await readPostgresCatalog(client, { schemas: ['a,b', 'landfall', 'missing'] })
    expect(names(two)).toEqual(['a,b.t'])
    expect(two.tables[0]!.columns[0]!.declared).toBe('"a,b".e')
    expect((await client.query('SHOW search_path')).rows).toEqual([{ search_path: '"a,b", c' }])
    expect((await readPostgresCatalog(client, { schemas: [] })).tables).toEqual([])
  })

  test('version, encoding, and a number of statements that does not grow with the tables', async () => {
    const client = await databaseWith(
      Array.from(
        { length: 40 },
        (_, i) => `CREATE TABLE t${i}(id serial PRIMARY KEY, a int UNIQUE CHECK (a > 0))`,
      ).join(';'),
    )
    let statements = 0
    const catalog = await readPostgresCatalog({
      query(text, values) {
        statements++
        return client.query<Record<string, unknown>>(text, values && [...values])
      },
    })
    expect(catalog).toMatchObject({ engine: 'postgres', encoding: 'UTF8' })
    expect(catalog.version).toMatch(/^\d+\.\d+$/)
    expect(catalog.tables).toHaveLength(40)
    expect(statements).toBeLessThanOrEqual(7)
  })

  test('a session with types and settings of its own reads the same', async () => {
    const client = await databaseWith(`CREATE TABLE t(id serial PRIMARY KEY, a text[] DEFAULT '{}' UNIQUE)`)
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name')
    const url = new URL(inject('postgresUrl'))
    url.pathname = `/${rows[0]!.name}`
    const session = await openPostgres(parsePostgres(url.href, {}).settings, { applicationName: 'test' })
    try {
      expect(await readPostgresCatalog(session)).toEqual(await readPostgresCatalog(client))
    } finally {
      await session.close()
    }
  })

  test("an aborted transaction gives the server's own error", async () => {
    const client = await databaseWith('BEGIN')
    await client.query('SELECT 1/0').catch(() => undefined)
    await expect(readPostgresCatalog(client)).rejects.toMatchObject({ code: '25P02' })
  })
})

test('chinook, as its authors wrote it', async () => {
  const sql = readFileSync(new URL('../data/chinook-postgres.sql', import.meta.url), 'utf8')
  const { tables, others } = await catalogOf(
    sql.slice(sql.indexOf('CREATE TABLE')).split('INSERT INTO', 1)[0]!,
  )
  expect(tables.map((t) => t.name)).toEqual([
    ...['album', 'artist', 'customer', 'employee', 'genre', 'invoice', 'invoice_line', 'media_type'],
    ...['playlist', 'playlist_track', 'track'],
  ])
  expect(others).toEqual([])
  expect(tables.flatMap((t) => t.foreignKeys)).toHaveLength(11)
  expect(tables.find((t) => t.name === 'playlist_track')?.primaryKey).toEqual({
    columns: ['playlist_id', 'track_id'],
    name: 'playlist_track_pkey',
    collations: [null, null],
  })
})
