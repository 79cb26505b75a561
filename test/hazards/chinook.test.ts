import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ident } from '../../src/connection/quote.ts'
import { bench, failure, query } from '../migrate/migrating.ts'
import { needs } from '../support/needs.ts'

const { postgres, migrate, plan } = bench()
const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))

/** The oracle's names are snake_case of the source's, which are made of capitalised words. */
const snake = (name: string) => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()

/** What the shop's authors wrote for PostgreSQL, without the lines that choose a database. */
function loadOracle(url: string): void {
  const script = readFileSync(data('chinook-postgres.sql'), 'utf8').replaceAll(
    /^(?:DROP DATABASE|CREATE DATABASE|\\c)\b.*$/gim,
    '',
  )
  const { status, stderr } = spawnSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url], {
    input: script,
    encoding: 'utf8',
    env: { ...process.env, PGCLIENTENCODING: 'UTF8' },
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
}

/** The oracle spells texts N'…', which PostgreSQL reads as `character`: blanks at their end are lost on its side. */
const withoutBlanks = (row: readonly (string | null)[]) =>
  row.map((value) => value?.replace(/ +$/, '') ?? null)

interface Shape {
  readonly columns: readonly string[]
  readonly key: readonly string[]
}

async function shapes(url: string): Promise<Map<string, Shape>> {
  const rows = await query(
    url,
    `SELECT c.relname::text, (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)::text,
      (SELECT json_agg(a.attname ORDER BY k.n) FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY AS k(num, n), pg_attribute a
        WHERE p.conrelid = c.oid AND p.contype = 'p' AND a.attrelid = c.oid AND a.attnum = k.num)::text
      FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1`,
  )
  return new Map(
    rows.map(([name, columns, key]) => [name!, { columns: JSON.parse(columns!), key: JSON.parse(key!) }]),
  )
}

/** Foreign keys as `table(columns) -> table(columns)`. */
async function foreignKeys(url: string): Promise<string[]> {
  const names = (table: string, numbers: string) =>
    `(SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(${numbers}) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.num)`
  const rows = await query(
    url,
    `SELECT c.relname::text, ${names('f.conrelid', 'f.conkey')}, r.relname::text, ${names('f.confrelid', 'f.confkey')}
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
      WHERE f.contype = 'f' AND f.convalidated AND f.connamespace = 'public'::regnamespace`,
  )
  return rows.map(([table, columns, parent, refs]) => `${table}(${columns}) -> ${parent}(${refs})`).sort()
}

/** All rows in the order of the key: times in one spelling, numbers without trailing zeros, as both sides have other types. */
async function rowsOf(url: string, table: string, shape: Shape): Promise<(string | null)[][]> {
  const types = new Map(
    (
      await query(
        url,
        `SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'public.${ident(table)}'::regclass AND attnum > 0`,
      )
    ).map(([name, type]) => [name!, type!]),
  )
  const value = (name: string) => {
    const type = types.get(name)!
    if (/^(numeric|real|double|integer|bigint)/.test(type)) return `trim_scale(${ident(name)}::numeric)::text`
    return /^timestamp/.test(type) ? `${ident(name)}::timestamp::text` : `${ident(name)}::text`
  }
  const columns = shape.columns.map(value).join(', ')
  return await query(
    url,
    `SET TimeZone = 'UTC'; SELECT ${columns} FROM public.${ident(table)} ORDER BY ${shape.key.map(ident).join(', ')}`,
  )
}

describe('Chinook', () => {
  needs('psql')(
    'arrives as its authors wrote it for PostgreSQL, in the source’s spelling and in snake_case',
    async () => {
      const oracle = await postgres()
      loadOracle(oracle)
      const kept = await postgres()
      const snaked = await postgres()
      const report = await migrate(data('chinook.sqlite'), kept)
      expect(report.exitCode).toBe(0)
      expect(report.tables).toHaveLength(11)
      expect(report.tables.reduce((sum, table) => sum + table.loaded, 0)).toBe(15_607)
      expect((await migrate(data('chinook.sqlite'), snaked, { options: { names: 'snake' } })).exitCode).toBe(
        0,
      )

      const expected = await shapes(oracle)
      expect(expected.size).toBe(11)
      for (const [url, rename] of [
        [kept, snake],
        [snaked, (name: string) => name],
      ] as const) {
        const found = await shapes(url)
        const named = new Map([...found].map(([name, shape]) => [rename(name), { name, shape }]))
        expect([...named.keys()].sort()).toEqual([...expected.keys()].sort())
        for (const [table, shape] of expected) {
          const mine = named.get(table)!
          expect(mine.shape.columns.map(rename)).toEqual(shape.columns)
          expect(mine.shape.key.map(rename)).toEqual(shape.key)
          const rows = await rowsOf(url, mine.name, mine.shape)
          expect(rows.map(withoutBlanks)).toEqual(await rowsOf(oracle, table, shape))
        }
        const renamed = (key: string) => key.replaceAll(/\w+/g, rename)
        expect((await foreignKeys(url)).map(renamed).sort()).toEqual(await foreignKeys(oracle))
        const [indexes] = await query(
          url,
          `SELECT count(*)::text FROM pg_indexes WHERE schemaname = 'public'`,
        )
        expect(indexes).toEqual(
          (await query(oracle, `SELECT count(*)::text FROM pg_indexes WHERE schemaname = 'public'`))[0],
        )
      }
      expect(await query(kept, `SELECT "City" FROM "Customer" WHERE "CustomerId" = 54`)).toEqual([
        ['Edinburgh '],
      ])
      expect(await query(snaked, `INSERT INTO genre(name) VALUES ('new') RETURNING genre_id`)).toEqual([
        ['26'],
      ])
    },
  )
})

describe('bad-utf8.sqlite', () => {
  const from = data('bad-utf8.sqlite')

  test('is refused with key, column, reason and the choices', async () => {
    const to = await postgres()
    const error = await failure(migrate(from, to))
    expect(error).toMatchObject({ code: 'LF204', exitCode: 5, place: { table: 'files', column: 'filename' } })
    expect(error.message).toMatch(/files\.filename is no text .*invalid UTF-8.* in 1 of 3 rows[\s\S]*id = 2/)
    expect(error.hint).toContain("invalidUtf8: 'replace'")
    expect(error.hint).toContain('--bad-rows set-aside')
    expect(await query(to, `SELECT to_regclass('public.files')::text`)).toEqual([[null]])
  })

  test('set aside: the others arrive, the bytes are kept', async () => {
    const to = await postgres()
    const report = await migrate(from, to, { options: { badRows: 'set-aside' } })
    expect(report).toMatchObject({ exitCode: 1, tables: [{ read: 3, loaded: 2, setAside: 1 }] })
    expect(await query(to, 'SELECT * FROM files ORDER BY id')).toEqual([
      ['1', 'valid-file.txt'],
      ['3', 'another-valid.txt'],
    ])
    const [[key, kept]] = (await query(to, 'SELECT key, content::text FROM landfall.rejects')) as [
      [string, string],
    ]
    expect(key).toBe('id = 2')
    expect(kept).toMatch(/66696c65966e616d652e747874|ZmlsZZZuYW1lLnR4dA/)
  })

  test('replaced, or carried as bytes, when the config says so', async () => {
    const replaced = await postgres()
    const column = (filename: object) => ({ config: { moves: { files: { columns: { filename } } } } })
    expect((await migrate(from, replaced, column({ invalidUtf8: 'replace' }))).exitCode).toBe(0)
    expect(await query(replaced, 'SELECT filename FROM files WHERE id = 2')).toEqual([['file\ufffdname.txt']])
    const bytes = await postgres()
    expect((await plan(from, bytes, column({ type: 'bytea' }))).blockers).toEqual([])
    expect((await migrate(from, bytes, column({ type: 'bytea' }))).exitCode).toBe(0)
    expect(await query(bytes, 'SELECT filename FROM files WHERE id = 2')).toEqual([
      ['\\x66696c65966e616d652e747874'],
    ])
  })
})
