import { DatabaseSync } from 'node:sqlite'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'
import { structureChecks } from '../../src/checks/structure.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import { ident } from '../../src/connection/quote.ts'
import type { CheckResult } from '../../src/contract/check.ts'
import { findRun, readPlan } from '../../src/journal/journal.ts'
import { type Ask, type Bench, bench, query } from '../migrate/migrating.ts'
import { testServer } from '../support/postgres.ts'

export interface Checking extends Bench {
  /** A migrated pair: a new SQLite file with this content, a new database that holds it. */
  migrated(sqlite: string, ask?: Ask & { postgres?: string }): Promise<{ from: string; to: string }>
  /** The checks of a migrated pair, by the plan in its journal. */
  check(pair: { from: string; to: string }, more?: CheckMore): Promise<CheckResult[]>
  /** Those that did not pass, after these statements in a copy of the target. */
  broken(pair: { from: string; to: string }, sql: string, more?: CheckMore): Promise<CheckResult[]>
}

const NAME = 'checked'

interface CheckMore {
  readonly tables?: readonly string[]
  /** Look with this role's rights. */
  readonly role?: string
}

export function checking(): Checking {
  const own = bench()
  let copies = 0
  const check: Checking['check'] = async ({ from, to }, { tables, role } = {}) => {
    const session = await openPostgres(parsePostgres(to, {}).settings, { applicationName: 'landfall test' })
    const database = new DatabaseSync(from, { readOnly: true })
    try {
      const run = await findRun(session, NAME)
      const plan = await readPlan(session, run!.id)
      const catalog = await readPostgresCatalog(session, { schemas: [plan.target.schema] })
      if (role !== undefined) await session.query(`SET ROLE ${ident(role)}`)
      return await structureChecks({
        session,
        plan,
        catalog,
        source: readSqliteCatalog(database),
        ...(tables === undefined ? {} : { tables }),
      })
    } finally {
      database.close()
      await session.close()
    }
  }
  return {
    ...own,
    check,
    async migrated(sql, { postgres, ...ask } = {}) {
      const pair = { from: own.sqlite(sql), to: await own.postgres(postgres) }
      await own.migrate(pair.from, pair.to, { ...ask, options: { ...ask.options, name: NAME } })
      return pair
    },
    async broken({ from, to }, sql, more) {
      const copy = new URL(to)
      const template = decodeURIComponent(copy.pathname.slice(1))
      copy.pathname = `/${template}_${++copies}`
      const { url } = await testServer()
      await query(url, `CREATE DATABASE ${ident(copy.pathname.slice(1))} TEMPLATE ${ident(template)}`)
      try {
        await query(copy.href, sql)
        return (await check({ from, to: copy.href }, more)).filter((one) => one.result !== 'pass')
      } finally {
        await query(url, `DROP DATABASE ${ident(copy.pathname.slice(1))} WITH (FORCE)`)
      }
    },
  }
}
