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

test.skipIf(!canDump)(
  'a comment on a schema comes with a schema that the run makes, and with no other',
  async () => {
    const from =
      await source(`CREATE SCHEMA s; CREATE SCHEMA t; COMMENT ON SCHEMA public IS 'theirs'; COMMENT ON SCHEMA s IS 'it''s s';
    COMMENT ON SCHEMA t IS 't'; CREATE TABLE s.a (id int PRIMARY KEY); COMMENT ON TABLE s.a IS 'a'; CREATE TABLE t.b (id int); CREATE TABLE c (id int)`)
    const to = await postgres('CREATE SCHEMA t')
    const url = new URL(to)
    const database = url.pathname.slice(1)
    const role = `plain_${database}`
    await query(
      to,
      `CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT CREATE ON DATABASE ${database} TO ${role}; GRANT ALL ON SCHEMA public, t TO ${role}`,
    )
    url.username = role
    url.password = 'p'
    const report = await migrate(from, url.href)
    expect(report.exitCode).toBe(0)
    expect(report.notes).toContain('comments on schemas that the target has already do not move: public, t')
    const comments = `SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname IN ('public', 's', 't') ORDER BY 1`
    expect(await query(to, `${comments}`)).toEqual([
      ['public', 'standard public schema'],
      ['s', "it's s"],
      ['t', null],
    ])
    expect(await query(to, `SELECT obj_description('s.a'::regclass, 'pg_class')`)).toEqual([['a']])
  },
)

/** Of every kind that needs an order, or a word of its own. */
const MANY = `
  CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN s.d AS int CHECK (VALUE > 0);
  CREATE TYPE s.span AS RANGE (subtype = float8); CREATE TYPE s.pair AS (a s.mood, b s.d); CREATE COLLATION s.c (locale = 'C');
  CREATE TABLE s.a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m s.mood, b int, p s.pair); CREATE TABLE s.b (id serial PRIMARY KEY, a int REFERENCES s.a);
  INSERT INTO s.a (m) VALUES ('ok'); INSERT INTO s.b (a) VALUES (1); ALTER TABLE s.a ADD FOREIGN KEY (b) REFERENCES s.b;
  CREATE VIEW s.v AS SELECT * FROM s.a; CREATE VIEW s.w AS SELECT * FROM s.v; CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.w;
  CREATE FUNCTION s.f(s.a) RETURNS int LANGUAGE sql AS 'SELECT $1.id'; CREATE PROCEDURE s.p() LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE s.g(int) (SFUNC = int4pl, STYPE = int); CREATE STATISTICS s.st ON id, b FROM s.a;
  CREATE FUNCTION s.eq(s.pair, s.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE OPERATOR s.=== (LEFTARG = s.pair, RIGHTARG = s.pair, FUNCTION = s.eq);
  CREATE FUNCTION s.cast(s.pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE CAST (s.pair AS int) WITH FUNCTION s.cast(s.pair);
  CREATE TABLE s.parts (n int) PARTITION BY LIST (n); CREATE TABLE s.part PARTITION OF s.parts DEFAULT; CREATE VIEW s.late AS SELECT id, b, count(*) FROM s.a GROUP BY id;
  CREATE FUNCTION s.heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER heard ON ddl_command_end EXECUTE FUNCTION s.heard();
  CREATE PUBLICATION told FOR TABLE s.a; CREATE RULE r AS ON DELETE TO s.b DO ALSO NOTHING; CREATE EXTENSION IF NOT EXISTS plpgsql;`

const OURS = `SELECT pg_describe_object(classid, objid, 0) FROM (
    SELECT 'pg_class'::regclass AS classid, oid FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace AND relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname = 'landfall')
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname = 'landfall')
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
    UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname <> 'landfall'
  ) AS o (classid, objid) WHERE objid >= 16384 ORDER BY 1`

test.skipIf(!canDump)(
  'definitions that changed since are no part of the copy: it does not go on',
  async () => {
    const from = await source(`${FAILING} CREATE VIEW v AS SELECT 1 AS n;`)
    const to = await postgres()
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF304' })
    const refused = { code: 'LF201', message: "the source's definitions changed since the run began" }
    for (const [change, back] of [
      ['CREATE OR REPLACE VIEW v AS SELECT 2 AS n', 'CREATE OR REPLACE VIEW v AS SELECT 1 AS n'],
      ['CREATE FUNCTION late() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'DROP FUNCTION late()'],
      ['CREATE INDEX late ON one USING hash (n)', 'DROP INDEX late'],
      ['CREATE SCHEMA late', 'DROP SCHEMA late'],
      ['CREATE SEQUENCE late', 'DROP SEQUENCE late'],
    ] as const) {
      await query(from, change)
      expect(await failure(migrate(from, to)), change).toMatchObject(refused)
      await query(from, back)
    }
    await mend(to)
    expect(await migrate(from, to)).toMatchObject({ resumed: true, exitCode: 0 })
    expect(await migrate(from, to)).toMatchObject({ outcome: 'nothing-to-do' })
    await query(from, 'CREATE TYPE late AS ENUM ()')
    expect(await failure(migrate(from, to))).toMatchObject({
      message: "the source's definitions changed since the run was done",
    })
  },
)

describe.skipIf(!canDump)('a copy that is taken back', () => {
  const options = { restart: true }
  const yes = { ask: async () => true }

  test('everything that it made goes, and can be made again', async () => {
    const from = await source(MANY)
    const to = await postgres()
    expect(await migrate(from, to)).toMatchObject({ exitCode: 0 })
    const made = await query(to, OURS)
    await query(to, 'INSERT INTO s.b (a) VALUES (1); DELETE FROM s.b WHERE id = 2')
    await query(from, 'DROP MATERIALIZED VIEW s.m')
    expect(await migrate(from, to, { options, tools: yes })).toMatchObject({ outcome: 'done', exitCode: 0 })
    expect(await query(to, OURS)).toEqual(made.filter(([name]) => !/ s\.m(?:\[\])?$/.test(name!)))
  })

  test('what others made beside it or of it stands in its way, by name, and nothing is dropped', async () => {
    const from = await source(`${FAILING} CREATE VIEW v AS SELECT * FROM one;`)
    const to = await postgres()
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF304' })
    const before = await query(to, OURS)
    for (const [theirs, name, gone] of [
      [
        'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
        'mine',
        'FUNCTION public.mine()',
      ],
      ['CREATE VIEW public.mine AS SELECT * FROM v', 'view public.mine', 'VIEW public.mine'],
      ['CREATE PUBLICATION mine FOR ALL TABLES', 'publication mine', 'PUBLICATION mine'],
      [
        'CREATE SCHEMA other; CREATE VIEW other.mine AS SELECT * FROM v',
        'other.mine',
        'SCHEMA other CASCADE',
      ],
    ] as const) {
      await query(to, theirs)
      const refused = await failure(migrate(from, to, { options, tools: yes }))
      expect(refused).toMatchObject({ code: 'LF203', exitCode: 5 })
      expect(refused.message).toContain(name)
      await query(to, `DROP ${gone}`)
      expect(await query(to, OURS)).toEqual(before)
    }
    await mend(to)
    expect(await migrate(from, to)).toMatchObject({ resumed: true, exitCode: 0 })
  })

  test('what is refused or denied is so before anything is taken back', async () => {
    const from = await source(FAILING)
    const to = await postgres()
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF304' })
    const before = await query(to, OURS)
    let asked = ''
    const no = {
      ask: async (question: string) => {
        asked = question
        return false
      },
    }
    expect(await failure(migrate(from, to, { options, tools: no }))).toMatchObject({ code: 'LF206' })
    expect(asked).toContain('1 function, 1 table')
    await query(from, 'CREATE TABLE of_a_role (id int); ALTER TABLE of_a_role ENABLE ROW LEVEL SECURITY')
    await query(
      from,
      `DO $$ BEGIN CREATE ROLE landfall_only_there; EXCEPTION WHEN duplicate_object THEN END $$`,
    )
    await query(from, 'CREATE POLICY p ON of_a_role TO landfall_only_there USING (true)')
    expect(await failure(migrate(from, to, { options, tools: yes }))).toMatchObject({ code: 'LF205' })
    expect(await query(to, OURS)).toEqual(before)
    await query(from, 'DROP TABLE of_a_role')
    await query(from, 'DROP INDEX picky')
    expect(await migrate(from, to, { options })).toMatchObject({ exitCode: 0 })
  })
})
