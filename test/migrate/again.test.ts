import { expect, test } from 'vitest'
import { bench } from './migrating.ts'

const { sqlite, postgres, migrate } = bench()

const ROWS = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 5), (2, 6)'

test('a run whose check did not pass is not made good by running again', async () => {
  const from = sqlite(ROWS)
  const to = await postgres(`CREATE FUNCTION eats() RETURNS event_trigger LANGUAGE plpgsql
      AS $$ BEGIN DELETE FROM public.t WHERE id = 2; END $$;
    CREATE EVENT TRIGGER eats ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE INDEX') EXECUTE FUNCTION eats()`)
  const first = await migrate(from, to)
  expect([first.outcome, first.exitCode]).toEqual(['done', 1])
  const again = await migrate(from, to)
  expect([again.outcome, again.exitCode]).toEqual(['nothing-to-do', 1])
  expect(again.checks).toEqual(first.checks)
  expect(again.checks.some((check) => check.result !== 'pass')).toBe(true)
})

test('rows that were set aside are no reason to fail again', async () => {
  const from = sqlite(`${ROWS}, (3, 'x')`)
  const to = await postgres()
  const options = { badRows: 'set-aside' } as const
  expect((await migrate(from, to, { options })).exitCode).toBe(1)
  const again = await migrate(from, to, { options })
  expect([again.outcome, again.exitCode]).toEqual(['nothing-to-do', 0])
  expect(again.rejects).toHaveLength(1)
})
