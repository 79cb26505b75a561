import { DatabaseSync } from 'node:sqlite'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'
import { structureChecks } from '../../src/checks/structure.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import type { CheckResult } from '../../src/contract/check.ts'
import { findRun, readPlan } from '../../src/journal/journal.ts'
import { type Ask, type Bench, bench, query } from '../migrate/migrating.ts'

export interface Checking extends Bench {
  /** A migrated pair: a new SQLite file with this content, a new database that holds it. */
  migrated(sqlite: string, ask?: Ask & { postgres?: string }): Promise<{ from: string; to: string }>
  /** The checks of a migrated pair, by the plan in its journal. */
  check(pair: { from: string; to: string }, more?: CheckMore): Promise<CheckResult[]>
  /** Those that did not pass, after these statements in the target. */
  broken(pair: { from: string; to: string }, sql: string, more?: CheckMore): Promise<CheckResult[]>
}

const NAME = 'checked'

interface CheckMore {
  readonly tables?: readonly string[]
  /** Connect as this role. */
  readonly user?: string
}

export function checking(): Checking {
  const own = bench()
  const check: Checking['check'] = async ({ from, to }, { tables, user } = {}) => {
    const url = new URL(to)
    if (user !== undefined) url.username = user
    const [reader, session] = await Promise.all(
      [to, url.href].map((one) =>
        openPostgres(parsePostgres(one, {}).settings, { applicationName: 'landfall test' }),
      ),
    )
    const database = new DatabaseSync(from, { readOnly: true })
    try {
      const run = await findRun(reader!, NAME)
      const plan = await readPlan(reader!, run!.id)
      return await structureChecks({
        session: session!,
        plan,
        catalog: await readPostgresCatalog(reader!, { schemas: [plan.target.schema] }),
        source: readSqliteCatalog(database),
        ...(tables === undefined ? {} : { tables }),
      })
    } finally {
      database.close()
      await Promise.all([reader!.close(), session!.close()])
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
    async broken(pair, sql, more) {
      await query(pair.to, sql)
      return (await check(pair, more)).filter((one) => one.result !== 'pass')
    },
  }
}
