import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ident, literal } from '../src/connection/quote.ts'

/** Marks a database that a recipe made and may therefore drop. */
const MARK = 'sample data of a Landfall recipe'

/** A row as it is sent to the server: JSON's values, with texts for times and UUIDs. */
export type Row = Readonly<Record<string, unknown>>

/** Always the same UUID for the same text, so that sample data is the same wherever it is made. */
export function uuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The port, or another one where it is taken. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer()
  const found = await new Promise<number | null>((resolve) => {
    server.once('error', () => resolve(null))
    server.listen(wanted, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
  server.close()
  return found ?? (await freePort(0))
}

/** Opens a connection for `work` and closes it, whatever happens. */
export async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Executes a file of statements as one transaction, unless it has transactions of its own. */
export async function executeFile(client: pg.Client, file: URL): Promise<void> {
  await client.query(readFileSync(file, 'utf8'))
}

/** Inserts rows that all have the first one's columns. Lists and objects become arrays or JSON, as the column is. */
export async function insert(client: pg.Client, table: string, rows: readonly Row[]): Promise<void> {
  if (rows[0] === undefined) return
  const columns = Object.keys(rows[0]).map(ident).join(', ')
  const from = `jsonb_populate_recordset(NULL::${ident(table)}, $1::jsonb)`
  for (let i = 0; i < rows.length; i += 5000)
    await client.query(`INSERT INTO ${ident(table)} (${columns}) SELECT ${columns} FROM ${from}`, [
      JSON.stringify(rows.slice(i, i + 5000)),
    ])
}

/**
 * Makes the databases anew on the server that `SERVER_URL` names, else on the embedded one of this folder,
 * which is started and stays, and returns their URLs. Drops only databases that a recipe made before.
 */
export async function freshDatabases<Name extends string>(
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const server = process.env.SERVER_URL || startEmbedded()
  const urls = names.map((name) => {
    const url = new URL(server)
    url.pathname = `/${name}`
    return [name, url.href] as const
  })
  await connected(server, async (client) => {
    for (const name of names) {
      const { rows } = await client.query<{ mark: string | null }>(
        `SELECT shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = $1`,
        [name],
      )
      if (rows[0] !== undefined && rows[0].mark !== MARK)
        throw new Error(`the server has a database ${name} that is not the recipe's: choose another server`)
      await client.query(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`)
      await client.query(`CREATE DATABASE ${ident(name)}`)
      await client.query(`COMMENT ON DATABASE ${ident(name)} IS ${literal(MARK)}`)
    }
  })
  return Object.fromEntries(urls) as Record<Name, string>
}

function startEmbedded(): string {
  const landfall = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))
  return execFileSync(process.execPath, [landfall, 'embedded', 'start'], { encoding: 'utf8' }).trim()
}
