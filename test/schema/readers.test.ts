import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { clone, databaseOn, openAs, psql } from './cloning.ts'

let server: DumpableServer
beforeAll(async () => {
  if (canDump) server = await dumpableServer()
})
afterAll(async () => {
  if (canDump) await server.stop()
})

/** Whatever may be made for a table after its keys. */
const EVERYTHING = `
  CREATE TABLE parts (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-06-01');
  CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
  CREATE INDEX parts_n ON parts (n);
  CREATE TABLE a (id int PRIMARY KEY, code text NOT NULL, at date, n int, FOREIGN KEY (at, n) REFERENCES parts);
  CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, EXCLUDE USING gist (int4range(id, id, '[]') WITH &&));
  CREATE UNIQUE INDEX a_code ON a (code); ALTER TABLE a REPLICA IDENTITY USING INDEX a_code, CLUSTER ON a_pkey;
  INSERT INTO parts SELECT DATE '2024-01-01' + i, i FROM generate_series(1, 300) i;
  INSERT INTO a SELECT n, 'a' || n, at, n FROM parts; INSERT INTO b SELECT id, id FROM a;
  ALTER TABLE a ADD CONSTRAINT late CHECK (id < 100) NOT VALID;
  ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (true); ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
  ALTER TABLE b ENABLE ROW LEVEL SECURITY;
  CREATE VIEW counted AS SELECT id, code, count(*) FROM a GROUP BY id; CREATE RULE r AS ON DELETE TO b DO ALSO NOTHING;
  CREATE MATERIALIZED VIEW m AS SELECT * FROM a; CREATE INDEX ON m (id);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION touch();`

test.skipIf(!canDump)(
  'while somebody reads the tables, what would wait for readers is not begun',
  async () => {
    const from = databaseOn(server.url)
    const to = databaseOn(server.url)
    psql(from, EVERYTHING)
    let reading = false
    const beside: string[] = []
    const analyzed = (): number => beside.filter((name) => name.startsWith('analyze ')).length
    const reader = await openAs(to, 'target')
    const read = async (): Promise<void> => {
      reading = true
      await reader.query('BEGIN; LOCK TABLE public.parts, public.a, public.b IN ACCESS SHARE MODE')
      for (let tries = 0; tries < 100 && analyzed() < 3; tries++) await reader.query('SELECT pg_sleep(0.1)')
      await reader.query('COMMIT')
      reading = false
      await reader.close()
    }
    const apart: string[] = []
    await clone(from, to, {
      run: {
        jobs: 2,
        open: async () => {
          const session = await openAs(to, 'target')
          await session.query(`SET lock_timeout = '300ms'`)
          return session
        },
        onKeys: read,
        onStep: ({ step, state }) => {
          if (state === 'started') (reading ? beside : apart).push(step.name)
        },
      },
    })
    for (const name of beside)
      expect(name).toMatch(/^(foreign key |validate |sequence |analyze |index |materialized views)/)
    expect(analyzed()).toBe(3)
    expect(apart.at(-1)).toBe('last definitions')
  },
)

describe('steps', () => {
  test.skipIf(!canDump)('a failure of the reader ends them', async () => {
    const from = databaseOn(server.url)
    psql(from, EVERYTHING)
    const broken = new Error('the reader broke')
    const failing = clone(from, databaseOn(server.url), {
      run: { jobs: 2, onKeys: () => Promise.reject(broken) },
    })
    await expect(failing).rejects.toBe(broken)
  })
})
