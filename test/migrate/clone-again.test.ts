import { describe, expect, test } from 'vitest'
import { canDump } from '../support/dumpable.ts'
import { bench, failure, query } from './migrating.ts'
import { sources } from './pagila.ts'

const { postgres, migrate } = bench()
const { source } = sources()

/** An index that the target refuses until its database is told otherwise: all rows are there by then. */
const FAILING = `
  CREATE FUNCTION picky(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF current_database() ~ '^t_' AND current_setting('landfall_test.mended', true) IS NULL THEN RAISE 'not here'; END IF;
    RETURN n; END $$;
  CREATE TABLE one (id int PRIMARY KEY, n int); INSERT INTO one SELECT i, i FROM generate_series(1, 10) i;
  CREATE INDEX picky ON one (picky(n));`

async function mend(to: string): Promise<void> {
  await query(to, `ALTER DATABASE ${new URL(to).pathname.slice(1)} SET landfall_test.mended = 'yes'`)
}

describe.skipIf(!canDump)('a copy that goes on', () => {
  test('a half loaded table begins again without those that inherit from it', async () => {
    const from = await source(`${FAILING}
      CREATE TABLE elder (a int, line text); CREATE TABLE younger (b int) INHERITS (elder);
      INSERT INTO elder SELECT i, repeat('e', 200) FROM generate_series(1, 6000) i;
      INSERT INTO younger SELECT i, 'y', i FROM generate_series(1, 50) i; ANALYZE`)
    const to = await postgres()
    const options = { batchSize: 1000 }
    expect(await failure(migrate(from, to, { options }))).toMatchObject({ code: 'LF304' })
    const undone = await query(
      to,
      `UPDATE landfall.chunks SET state = 'pending', read = NULL, loaded = NULL, set_aside = NULL, bytes = NULL,
        digest = NULL WHERE move = 'elder' AND seq > 1 RETURNING seq`,
    )
    expect(undone.length).toBeGreaterThan(0)
    await mend(to)
    expect(await migrate(from, to, { options })).toMatchObject({ resumed: true, exitCode: 0 })
    expect(await query(to, 'SELECT (SELECT count(*) FROM ONLY elder), count(*) FROM younger')).toEqual([
      ['6000', '50'],
    ])
  })
})
