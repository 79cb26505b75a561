import { describe, expect, test } from 'vitest'
import { canDump } from '../support/dumpable.ts'
import { bench, failure, query } from './migrating.ts'
import { sources } from './pagila.ts'

const { postgres, migrate } = bench()
const { source } = sources()

const LEFT = `SELECT application_name, query FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'landfall%'`

/** A table whose index can be built, and on whose rows something else happens in the target. */
const withIndex = (happens: string): string => `
  CREATE FUNCTION once(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF current_database() ~ '^t_' AND ${happens} END IF; RETURN n; END $$;
  CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i FROM generate_series(1, 20) i;
  CREATE TABLE much (id int PRIMARY KEY, line text);
  INSERT INTO much SELECT i, repeat('x', 40) FROM generate_series(1, 1000) i;
  CREATE INDEX slow ON t (once(n)); ANALYZE`

describe.skipIf(!canDump)('a copy that comes to its end too early', () => {
  test('an interruption cuts off an index that is being built; the same command goes on', async () => {
    const from = await source(
      withIndex(`current_setting('landfall_test.quick', true) IS NULL THEN PERFORM pg_catalog.pg_sleep(20);`),
    )
    const to = await postgres()
    const stop = new AbortController()
    const began = performance.now()
    const running = failure(migrate(from, to, { tools: { signal: stop.signal } }))
    const building = async (): Promise<boolean> =>
      (await query(to, LEFT)).some(([, sql]) => /^create index slow/i.test(sql ?? ''))
    while (!(await building())) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    expect(await running).toMatchObject({ code: 'LF403' })
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(await query(to, LEFT)).toEqual([])
    const name = new URL(to).pathname.slice(1)
    await query(to, `ALTER DATABASE ${name} SET landfall_test.quick = 'yes'`)
    expect(await migrate(from, to)).toMatchObject({ outcome: 'done', resumed: true, exitCode: 0 })
  })
})
