import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'
import { ident } from '../../src/connection/quote.ts'
import './global-setup.ts'

export interface TestServer {
  /** Superuser, database `postgres`. */
  readonly url: string
  /** Creates an empty database (a name of its own when none is given) and returns its URL. */
  database(name?: string): Promise<string>
  /** Drops the databases made through this object; the server itself ends with the vitest run. */
  stop(): Promise<void>
}

/** The PostgreSQL 18 that the whole vitest run shares. */
export async function testServer(): Promise<TestServer> {
  const url = inject('postgresUrl')
  const made: string[] = []
  return {
    url,
    async database(name = `t_${randomBytes(6).toString('hex')}`) {
      await statement(url, `CREATE DATABASE ${ident(name)}`)
      made.push(name)
      const result = new URL(url)
      result.pathname = `/${encodeURIComponent(name)}`
      return result.href
    },
    async stop() {
      for (const name of made.splice(0))
        await statement(url, `DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`)
    },
  }
}

async function statement(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
