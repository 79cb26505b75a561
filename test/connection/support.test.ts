import { Client } from 'pg'
import { expect, test } from 'vitest'
import { testServer } from '../support/postgres.ts'

test('each database of the test server is empty and its own', async () => {
  const server = await testServer()
  const first = await server.database()
  const second = await server.database('with "quotes"')
  for (const [url, table] of [
    [first, 'a'],
    [second, 'b'],
  ]) {
    const client = new Client({ connectionString: url! })
    await client.connect()
    await client.query(`CREATE TABLE ${table} ()`)
    const found = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    expect(found.rows).toEqual([{ tablename: table }])
    const version = await client.query('SHOW server_version_num')
    expect(Number(version.rows[0].server_version_num)).toBeGreaterThanOrEqual(180_000)
    await client.end()
  }
  await server.stop()
})
