import { expect, test } from 'vitest'
import { type MigrationConfig, type MoveConfig, sql } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { postgres, migrate } = bench()

const FROM = `CREATE TABLE people (id int PRIMARY KEY, mail text, name text, updated_at timestamptz);
  INSERT INTO people SELECT i, 'Person' || i || '@X.org', 'p' || i, '2024-01-01' FROM generate_series(1, 30) i`
const TO = 'CREATE TABLE people (id int PRIMARY KEY, mail text, name text, updated_at timestamptz)'
const trigger = (name: string, event: string, body: string): string =>
  `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
   CREATE TRIGGER ${name} ${event} ON people FOR EACH ROW EXECUTE FUNCTION ${name}();`
const LOWER = trigger('lower_mail', 'BEFORE INSERT OR UPDATE', 'NEW.mail := lower(NEW.mail); RETURN NEW;')
const TOUCH = trigger('touch', 'BEFORE UPDATE', 'NEW.updated_at := now(); RETURN NEW;')

const asked = (people: MoveConfig = {}) => ({
  config: { name: 'people', moves: { people } } satisfies MigrationConfig,
  tools: { ask: async () => true },
})
const merged = async (work: ReturnType<typeof migrate>) => {
  const { exitCode, tables, notes } = await work
  const { created, updated, unchanged } = tables[0]!.merged!
  return { exitCode, counts: `${created} ${updated} ${unchanged}`, notes: notes.join('\n') }
}
const written = (url: string) => query(url, 'SELECT xmin, * FROM people ORDER BY id')

test('a trigger that changes what is written stops the run, with its name, the column and rows', async () => {
  const [from, to] = [await postgres(FROM), await postgres(`${TO}; ${LOWER}`)]
  for (const _ of ['first', 'second']) {
    const found = await failure(migrate(from, to, asked()))
    expect(found).toMatchObject({
      code: 'LF304',
      message: 'people: trigger lower_mail of people changed what was written: mail of 30 rows',
      details: { columns: [{ name: 'mail', rows: 30 }] },
    })
    expect(found.hint).toContain('id = 1: mail\nid = 2: mail')
    expect(found.hint).toContain("moves.people.setByTriggers: ['mail']")
    expect(await query(to, 'SELECT FROM people')).toEqual([])
  }
  const columns = { mail: { convert: sql`lower(mail)` } }
  expect(await merged(migrate(from, to, asked({ columns })))).toMatchObject({ exitCode: 0, counts: '30 0 0' })
})

test('what is left to triggers is written once, and not again for ever', async () => {
  const [from, to] = [await postgres(FROM), await postgres(`${TO}; ${LOWER}${TOUCH}`)]
  const config = asked({ setByTriggers: ['mail', 'updated_at'] })
  const first = await merged(migrate(from, to, config))
  expect(first).toMatchObject({ exitCode: 0, counts: '30 0 0' })
  expect(first.notes).toContain('people: triggers have set mail of 30 rows')
  expect(first.notes).toContain('what triggers set was not compared: mail, updated_at')
  const before = await written(to)
  expect(await merged(migrate(from, to, config))).toMatchObject({ exitCode: 0, counts: '0 0 30' })
  expect(await written(to)).toEqual(before)
  // Where a row changes otherwise, they get what the source has, and do with it what they do.
  await query(from, `UPDATE people SET name = 'new', mail = 'NEW@x.org' WHERE id = 3`)
  expect(await merged(migrate(from, to, config))).toMatchObject({ exitCode: 0, counts: '0 1 29' })
  expect(await query(to, `SELECT mail, name, updated_at > '2025-01-01' FROM people WHERE id = 3`)).toEqual([
    ['new@x.org', 'new', 't'],
  ])
  expect(await merged(migrate(from, to, config))).toMatchObject({ exitCode: 0, counts: '0 0 30' })
})

test('a trigger is found when it first changes something; what it does elsewhere is its own affair', async () => {
  const log = trigger('log', 'AFTER INSERT OR UPDATE', 'INSERT INTO log VALUES (NEW.id); RETURN NULL;')
  const [from, to] = [
    await postgres(FROM),
    await postgres(`${TO}; CREATE TABLE log (id int); ${TOUCH}${log}`),
  ]
  expect(await merged(migrate(from, to, asked()))).toMatchObject({ exitCode: 0, counts: '30 0 0' })
  expect(await query(to, 'SELECT count(*) FROM log')).toEqual([['30']])
  await query(from, `UPDATE people SET name = 'new' WHERE id = 3`)
  expect(await failure(migrate(from, to, asked()))).toMatchObject({
    code: 'LF304',
    details: { rows: [{ key: 'id = 3', columns: 'updated_at' }] },
  })
  const left = asked({ columns: { updated_at: false } })
  expect(await merged(migrate(from, to, left))).toMatchObject({ exitCode: 0, counts: '0 1 29' })
})

test('a row that a trigger gives another key is found, and cannot be left to it', async () => {
  const key = trigger('keyed', 'BEFORE INSERT', 'NEW.id := NEW.id + 100; RETURN NEW;')
  const [from, to] = [await postgres(FROM), await postgres(`${TO}; ${key}`)]
  const found = await failure(migrate(from, to, asked()))
  expect(found).toMatchObject({ code: 'LF304', details: { lost: 30 } })
  expect(found.message).toContain('trigger keyed of people changed what was written: the key (id) of 30 rows')
  expect(await failure(migrate(from, to, asked({ setByTriggers: 'id' })))).toMatchObject({
    code: 'LF002',
    message: 'moves.people.setByTriggers: id tells which row is there already',
  })
  expect(await failure(migrate(from, to, asked({ setByTriggers: 'x' })))).toMatchObject({ code: 'LF005' })
})
