import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import type { Catalog, Table } from '../../src/catalog/model.ts'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
const clients: Client[] = []
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  for (const client of clients) await client.end()
  await server.stop()
})

/** A connection to a new database with this content. */
export async function databaseWith(sql: string): Promise<Client> {
  const client = new Client({ connectionString: await server.database() })
  clients.push(client)
  await client.connect()
  await client.query(sql)
  return client
}

export async function catalogOf(sql: string, schemas?: string[]): Promise<Catalog> {
  const client = await databaseWith(sql)
  return readPostgresCatalog(client, schemas ? { schemas } : {})
}

export function tableOf(catalog: Catalog, name: string): Table {
  const table = catalog.tables.find((candidate) => candidate.name === name)
  if (table === undefined) throw new Error(`no table ${name}`)
  return table
}
