import { describe, expect, test } from 'vitest'
import { status } from '../../src/index.ts'
import { psql } from '../schema/cloning.ts'
import { canDump } from '../support/dumpable.ts'
import { asking } from '../verify/asking.ts'
import { bench, contents, failure, query } from './migrating.ts'
import { ROWS, sources, TABLES } from './pagila.ts'

const { folder, postgres, plan, migrate } = bench()
const { settings, check } = asking(folder)
const { pagila, source } = sources()

const failed = (checks: readonly { readonly name: string; readonly result: string }[]): string[] =>
  checks.filter(({ result }) => result !== 'pass').map(({ name, result }) => `${name}: ${result}`)

/** What a role of the application would see of a database besides its rows. */
const SEEN = `
  SELECT 'sequence ' || sequencename, (start_value, increment_by, last_value)::text FROM pg_sequences WHERE schemaname = 'public'
  UNION ALL SELECT 'view ' || viewname, NULL FROM pg_views WHERE schemaname = 'public'
  UNION ALL SELECT 'materialized view ' || matviewname, ispopulated::text FROM pg_matviews
  UNION ALL SELECT 'function ' || p.oid::regprocedure, md5(prosrc) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT 'enum ' || enumtypid::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum GROUP BY enumtypid
  UNION ALL SELECT 'domain ' || contypid::regtype, pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid <> 0 AND connamespace = 'public'::regnamespace
  UNION ALL SELECT 'partition ' || oid::regclass, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition AND relkind = 'r'
  UNION ALL SELECT 'trigger ' || tgrelid::regclass || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'rows of the materialized view', count(*) || md5(string_agg(m::text, '' ORDER BY m::text)) FROM rental_by_category m
  UNION ALL SELECT 'rows of a view', count(*) || md5(string_agg(m::text, '' ORDER BY m::text)) FROM customer_list m
  ORDER BY 1, 2`

describe.skipIf(!canDump)('pagila', () => {
  test('moves whole and verifies; the second run has nothing to do', async () => {
    const from = await pagila()
    const to = await postgres()
    const report = await migrate(from, to)
    expect(failed(report.checks)).toEqual([])
    expect(report).toMatchObject({
      command: 'migrate',
      outcome: 'done',
      exitCode: 0,
      resumed: false,
      rejects: [],
    })
    expect(report.leftOut).toEqual([])
    expect(report.tables).toHaveLength(TABLES)
    for (const { read, loaded, setAside } of report.tables) expect([loaded, setAside]).toEqual([read, 0])
    expect(report.tables.reduce((n, table) => n + table.read, 0)).toBe(ROWS)
    expect(report.tables.find((table) => table.source === 'rental')).toMatchObject({
      target: 'public.rental',
      read: 16_044,
    })
    const compared = report.verification!
    expect(compared.differences).toEqual([])
    expect(compared.tables.reduce((n, table) => n + table.sourceRows, 0)).toBe(ROWS)
    const theirs = await query(to, SEEN)
    expect(theirs.length).toBeGreaterThan(50)
    expect(theirs).toEqual(await query(from, SEEN))
    const next = `SELECT nextval('actor_actor_id_seq'), nextval('rental_rental_id_seq');`
    expect(psql(to, next)).toBe(psql(from, next))

    expect(await check(from, to)).toMatchObject({ outcome: 'same', exitCode: 0 })
    const told = await status(settings(from, to))
    expect(told.migrations).toMatchObject([{ state: 'done', holder: null, error: null }])
    const [migration] = told.migrations
    expect(migration!.tables.map(({ loaded, rows }) => loaded - rows).every((n) => n === 0)).toBe(true)
    expect(migration!.steps.done).toBe(migration!.steps.all)

    const before = await contents(to)
    const again = await migrate(from, to)
    expect(again).toMatchObject({ outcome: 'nothing-to-do', exitCode: 0 })
    expect(again.tables).toEqual(report.tables)
    expect(await contents(to)).toEqual(before)
  })

  test('plan and --dry-run write nothing, and say the same', async () => {
    const from = await pagila()
    const to = await postgres()
    const before = [await contents(from), await contents(to)]
    const planned = await plan(from, to)
    expect(planned).toMatchObject({ blockers: [], leftOut: [], schemaBy: { program: 'pg_dump' } })
    expect(planned.moves).toHaveLength(TABLES)
    expect(planned.moves.reduce((n, move) => n + move.statistics.rows, 0)).toBe(ROWS)
    expect(await plan(from, to)).toEqual(planned)
    const dry = await migrate(from, to, { options: { dryRun: true } })
    expect(dry).toMatchObject({ outcome: 'dry-run', exitCode: 0, verification: null })
    expect(dry.tables.map((table) => table.source)).toEqual(planned.moves.map((move) => move.source))
    expect([await contents(from), await contents(to)]).toEqual(before)
  })

  test('without a table: what needs it goes with it, and all of that is named', async () => {
    const from = await pagila()
    const to = await postgres()
    const choices = {
      options: { exclude: ['payment'] },
      config: { moves: { '*': {}, store: false } },
    } as const
    const report = await migrate(from, to, choices)
    expect(failed(report.checks)).toEqual([])
    expect(report.exitCode).toBe(0)
    const left = (report.leftOut ?? []).map(({ kind, name }) => `${kind} ${name}`)
    expect(left).toEqual(
      expect.arrayContaining([
        'table payment',
        'table payment_p2022_01',
        'table store',
        'view public.sales_by_store',
      ]),
    )
    expect(report.tables).toHaveLength(TABLES - 8)
    const there = await query(
      to,
      `SELECT relname FROM pg_class WHERE relname IN ('payment', 'payment_p2022_01', 'store', 'sales_by_store', 'staff')`,
    )
    expect(there).toEqual([['staff']])
    expect((await check(from, to, choices)).outcome).toBe('same')
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF202' })
    expect(await migrate(from, to, choices)).toMatchObject({ outcome: 'nothing-to-do' })
  })

  test('only some tables: they are made by Landfall, with what is in the target already', async () => {
    const from = await pagila()
    const to = await postgres()
    const options = { tables: ['actor', 'category'] }
    const report = await migrate(from, to, { options })
    expect(failed(report.checks)).toEqual([])
    expect(report.tables.map((table) => [table.source, table.loaded])).toEqual([
      ['actor', 200],
      ['category', 16],
    ])
    expect(await check(from, to, { options })).toMatchObject({ outcome: 'same' })
    expect(await failure(plan(from, await postgres(), { options: { tables: ['aktor'] } }))).toMatchObject({
      code: 'LF005',
      message: 'aktor is no table of the source; did you mean actor?',
    })
    const part = { options: { exclude: ['payment_p2022_01'] } }
    expect(await failure(plan(from, await postgres(), part))).toMatchObject({
      code: 'LF005',
      message: 'payment_p2022_01 is a partition of public.payment',
    })
  })

  test('a target that is not empty is refused by what stands there, and is left as it is', async () => {
    const from = await pagila()
    const to = await postgres('CREATE VIEW mine AS SELECT 1; CREATE TYPE year AS (n int)')
    const before = await contents(to)
    const refused = await failure(migrate(from, to))
    expect(refused).toMatchObject({ code: 'LF203', exitCode: 5 })
    expect(refused.message).toContain('view public.mine')
    expect((await contents(to)).filter(([schema]) => schema !== 'landfall')).toEqual(before)
    const { blockers } = await plan(from, to)
    expect(blockers.map(({ code }) => code)).toEqual(['LF203'])
  })

  test('a source that changed since is told, table by table; counters alone change nothing', async () => {
    const from = await pagila()
    const to = await postgres()
    await migrate(from, to)
    await query(
      from,
      'BEGIN; UPDATE film SET title = title; ROLLBACK; UPDATE payment_p2022_07 SET amount = amount; ANALYZE',
    )
    await query(from, 'VACUUM FULL language')
    expect(await migrate(from, to)).toMatchObject({ outcome: 'nothing-to-do', exitCode: 0 })
    await query(
      from,
      `UPDATE city SET city = 'Elsewhere' WHERE city_id = 3; DELETE FROM payment WHERE payment_id = 16060`,
    )
    const refused = await failure(migrate(from, to))
    expect(refused).toMatchObject({ code: 'LF201', exitCode: 5 })
    expect(refused.details?.tables).toEqual(expect.arrayContaining(['city']))
    expect(refused.message).not.toContain('actor')
    const report = await check(from, to)
    expect(report.tables.filter((one) => one.changed > 0).map((one) => one.source)).toContain('city')
    const restarted = await migrate(from, to, {
      options: { restart: true },
      tools: { ask: async () => true },
    })
    expect(restarted).toMatchObject({ outcome: 'done', exitCode: 0 })
    expect(await query(to, 'SELECT city FROM city WHERE city_id = 3')).toEqual([['Elsewhere']])
    expect(await check(from, to)).toMatchObject({ outcome: 'same' })
  })

  test('taken back after a failure half-way, and begun again', async () => {
    const from = await source(`
      CREATE SCHEMA s; CREATE TABLE s.elder (id int PRIMARY KEY, n int); CREATE TABLE s.younger (m int) INHERITS (s.elder);
      INSERT INTO s.elder SELECT i, i FROM generate_series(1, 100) i; INSERT INTO s.younger SELECT i, i, i FROM generate_series(1, 50) i;
      CREATE FUNCTION s.picky(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
        IF current_database() ~ '^t_' THEN RAISE 'not here'; END IF; RETURN $1; END $$;
      CREATE INDEX picky ON s.elder (s.picky(n)); CREATE VIEW s.v AS SELECT * FROM s.elder; CREATE TYPE s.t AS ENUM ('a')`)
    const to = await postgres()
    const refused = await failure(migrate(from, to))
    expect(refused).toMatchObject({ code: 'LF304' })
    expect(refused.message).toContain('not here')
    // The same again, for nothing has been mended; then another rule, which the restart takes over.
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF304' })
    await query(from, 'DROP INDEX s.picky')
    const restarted = await migrate(from, to, { options: { restart: true } })
    expect(failed(restarted.checks)).toEqual([])
    expect(restarted).toMatchObject({ outcome: 'done', exitCode: 0 })
    expect(await query(to, 'SELECT count(*), count(*) FILTER (WHERE n > 50) FROM ONLY s.elder')).toEqual([
      ['100', '50'],
    ])
    expect(await check(from, to)).toMatchObject({ outcome: 'same' })
    // Nobody is asked where what is there is nobody's yet; what is done is somebody's.
    expect(await failure(migrate(from, to, { options: { restart: true } }))).toMatchObject({ code: 'LF206' })
    let asked = ''
    const yes = async (question: string): Promise<boolean> => {
      asked = question
      return true
    }
    const takenBack = () => failure(migrate(from, to, { options: { restart: true }, tools: { ask: yes } }))
    await query(to, 'CREATE TABLE s.mine (id int)')
    expect(await takenBack()).toMatchObject({
      code: 'LF203',
      message: 'not made by the run that is to be taken back: table s.mine',
    })
    await query(to, 'DROP TABLE s.mine; INSERT INTO s.elder VALUES (1000, 1)')
    expect(await takenBack()).toMatchObject({ code: 'LF203' })
    expect(asked).toBe('')
    await query(to, 'DELETE FROM s.elder WHERE id = 1000')
    await migrate(from, to, { options: { restart: true }, tools: { ask: yes } })
    expect(asked).toContain('in all    1 function, 1 schema, 1 type, 1 view, 2 tables')
  })
})
