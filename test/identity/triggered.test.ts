import { expect, test } from 'vitest'
import { type MigrationConfig, sql } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { postgres, migrate } = bench()
const tools = { ask: async () => true }

const FROM = `CREATE TABLE people (id int PRIMARY KEY, mail text, name text);
  INSERT INTO people VALUES (1, 'Ann@X.org', 'ANN'), (2, 'BOB@x.org', 'bob')`
const TO = (event: string, body: string): string =>
  `CREATE TABLE users (id serial PRIMARY KEY, mail text, name text); INSERT INTO users (mail, name) VALUES ('ann@x.org', 'a');
   CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
   CREATE TRIGGER change BEFORE ${event} ON users FOR EACH ROW EXECUTE FUNCTION change()`

type Columns = Exclude<
  NonNullable<NonNullable<MigrationConfig['identities']>[string]['matched']>['take'],
  readonly string[]
>
const config = (columns: Columns): MigrationConfig => ({
  name: 'people',
  identities: {
    people: {
      from: 'people',
      key: 'id',
      to: 'users',
      toKey: 'id',
      match: [{ equalIgnoringCase: { mail: 'mail' } }],
      matched: { take: { name: 'name', ...columns } },
      unmatched: { create: { mail: 'mail', name: 'name', ...columns } },
    },
  },
  moves: { '*': false },
})
const users = (url: string) => query(url, 'SELECT id, mail, name FROM users ORDER BY id')

test.each([
  [
    'INSERT',
    'unmatched.create',
    'id = 2: mail',
    'NEW.mail := lower(NEW.mail)',
    { mail: { convert: sql`lower(mail)` } },
  ],
  [
    'UPDATE',
    'matched.take',
    'id = 1: name',
    'NEW.name := lower(NEW.name)',
    { name: { convert: sql`lower(name)` } },
  ],
] as const)(
  'a trigger before %s that changes what is written (%s, %s)',
  async (event, path, row, body, mend) => {
    const [from, to] = [await postgres(FROM), await postgres(TO(event, body))]
    const before = await users(to)
    const found = await failure(migrate(from, to, { config: config({}), tools }))
    expect(found).toMatchObject({
      code: 'LF304',
      message: 'identity people: trigger change of users changed what was written in 1 row',
    })
    expect(found.hint).toContain(row)
    expect(found.hint).toContain(`identities.people.${path}`)
    expect(await users(to)).toEqual(before)
    for (const updated of [1, 0]) {
      const report = await migrate(from, to, { config: config(mend), tools })
      expect(report).toMatchObject({ exitCode: 0, tables: [{ merged: { updated, created: updated } }] })
    }
  },
)
