import { readFileSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'
import { psql } from '../schema/cloning.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { query } from './migrating.ts'

const PAGILA = new URL('../data/pagila.sql', import.meta.url)

/** Tables of pagila that hold rows, partitions included. */
export const TABLES = 21
export const ROWS = 46_273

export interface Sources {
  /** A database with pagila in it. */
  pagila(): Promise<string>
  /** A database with these statements carried out in it. */
  source(sql: string): Promise<string>
}

/** A server of its own for the sources of a file's tests, of the release that the installed pg_dump knows. */
export function sources(): Sources {
  let server: DumpableServer
  let made: string | null = null
  beforeAll(async () => {
    if (canDump) server = await dumpableServer()
  })
  afterAll(async () => {
    if (canDump) await server.stop()
  })
  return {
    async pagila() {
      if (made === null) {
        made = await server.database()
        fillPagila(made)
      }
      const copy = await server.database()
      const name = (url: string): string => new URL(url).pathname.slice(1)
      await query(server.url, `DROP DATABASE ${name(copy)}`)
      await query(server.url, `CREATE DATABASE ${name(copy)} TEMPLATE ${name(made)}`)
      return copy
    },
    async source(sql) {
      const url = await server.database()
      await query(url, sql)
      return url
    },
  }
}

export function fillPagila(url: string): void {
  // A plain dump leaves the materialized view empty.
  psql(url, `${readFileSync(PAGILA, 'utf8')}\nREFRESH MATERIALIZED VIEW public.rental_by_category;`)
}
