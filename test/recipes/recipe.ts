import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { connected } from '../../recipes/database.ts'
import { type Ended, landfall } from '../cli/run.ts'

/** Values as the server writes them, so that no client turns a time or a number into something near it. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** All rows of the answer, with values as text. */
export async function ask(url: string, sql: string): Promise<(string | null)[][]> {
  return connected(url, async (client) => {
    await client.query(`SET timezone = 'UTC'`)
    const query = { text: sql, rowMode: 'array', types: AS_TEXT } as pg.QueryArrayConfig
    return (await client.query(query)).rows
  })
}

/** The first column of the answer. */
export async function askColumn(url: string, sql: string): Promise<(string | null)[]> {
  return (await ask(url, sql)).map((row) => row[0]!)
}

export async function askNumber(url: string, sql: string): Promise<number> {
  const [value] = await askColumn(url, sql)
  return Number(value)
}

/** Statements, of which several may be in one text. */
export async function execute(url: string, sql: string): Promise<void> {
  await connected(url, (client) => client.query(sql))
}

/**
 * Every row of the tables with the transaction that wrote it last: equal only where no row was added,
 * taken away or written, not even with the values that it had.
 */
export async function untouched(
  url: string,
  tables: readonly string[],
): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {}
  for (const table of tables) {
    const rows = `SELECT md5(string_agg(t.xmin::text || t::text, '|' ORDER BY t::text)) FROM ${pg.escapeIdentifier(table)} t`
    found[table] = (await askColumn(url, rows))[0]!
  }
  return found
}

/** The command line in a folder of its own with a recipe's config, as a script calls it. */
export function recipe(name: string): {
  run(args: readonly string[], env: Readonly<Record<string, string>>, config?: string): Promise<Ended>
  remove(): void
} {
  const cwd = mkdtempSync(join(tmpdir(), `landfall-${name}-`))
  const folder = fileURLToPath(new URL(`../../recipes/${name}/`, import.meta.url))
  return {
    run: (args, env, config = 'landfall.config.ts') =>
      landfall([...args, '--config', join(folder, config)], { cwd, env }),
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  }
}
