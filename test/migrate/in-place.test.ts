import { describe, expect, test } from 'vitest'
import { type MigrationConfig, sql } from '../../src/index.ts'
import { bench, failure, query } from './migrating.ts'

const { postgres, migrate } = bench()
const tools = { ask: async () => true }

const ACCOUNTS = `CREATE TABLE accounts (id int PRIMARY KEY, mail text, bal int, unit text);
  INSERT INTO accounts VALUES (1, 'Ann@X.org', 10, 'DM'), (2, 'bob@x.org', 0, 'DM'), (3, NULL, 7, 'EUR');
  CREATE TABLE log (id int PRIMARY KEY, note text); INSERT INTO log VALUES (1, 'a')`

const rows = (url: string) => query(url, 'SELECT * FROM accounts ORDER BY id')
const moving = (moves: NonNullable<MigrationConfig['moves']>) => ({
  config: { name: 'here', moves } satisfies MigrationConfig,
  tools,
})

describe('within one database', () => {
  test('what another run would change again is not written, and told with rows and columns', async () => {
    const url = await postgres(ACCOUNTS)
    const before = await rows(url)
    const asked = moving({
      log: { columns: { note: { convert: sql`lower(note)` } } },
      accounts: { columns: { bal: { convert: sql`bal * 2` } } },
    })
    for (const _ of ['first', 'second']) {
      const found = await failure(migrate(url, url, asked))
      expect(found).toMatchObject({
        code: 'LF204',
        exitCode: 5,
        message: expect.stringMatching(/^accounts: 2 rows would be changed again by another run/),
        details: {
          rows: [
            { key: 'id = 1', columns: ['bal'] },
            { key: 'id = 3', columns: ['bal'] },
          ],
        },
      })
      expect(found.hint).toMatch(/id = 1: bal\nid = 3: bal\n[\s\S]*moves\.accounts\.filter/)
      expect(await rows(url)).toEqual(before)
    }
  })

  test('what two moves write against each other is found, though neither reads what it writes', async () => {
    const url = await postgres(ACCOUNTS)
    const found = await failure(
      migrate(
        url,
        url,
        moving({
          accounts: [
            { from: sql`SELECT id, 'one' AS unit FROM log`, columns: { mail: false } },
            { from: sql`SELECT id, 'two' AS unit FROM log`, columns: { mail: false } },
          ],
        }),
      ),
    )
    expect(found).toMatchObject({ code: 'LF204', details: { rows: [{ key: 'id = 1', columns: ['unit'] }] } })
  })

  test('rows that are added for those that were added are found, too', async () => {
    const url = await postgres(ACCOUNTS)
    const found = await failure(
      migrate(
        url,
        url,
        moving({ log: { from: sql`SELECT max(id) + 1 AS id, 'next' AS note FROM log`, ifThere: 'keep' } }),
      ),
    )
    expect(found).toMatchObject({ code: 'LF204', details: { missing: 1, changed: 0 } })
    expect(found.message).toMatch(/1 row would be added again/)
    expect(await query(url, 'SELECT id FROM log')).toEqual([['1']])
  })

  test('what stays the same may read what it writes; a second run writes nothing', async () => {
    const url = await postgres(ACCOUNTS)
    const asked = moving({
      accounts: [
        { columns: { mail: { convert: sql`lower(mail)` } } },
        {
          filter: sql`unit = 'DM'`,
          columns: { bal: { convert: sql`bal * 2` }, unit: { value: 'EUR' } },
        },
      ],
    })
    const first = await migrate(url, url, asked)
    expect(first).toMatchObject({ exitCode: 0 })
    expect(first.tables.map(({ merged }) => [merged!.updated, merged!.unchanged])).toEqual([
      [1, 2],
      [2, 0],
    ])
    expect(first.checks.every(({ result }) => result === 'pass')).toBe(true)
    const after = [
      ['1', 'ann@x.org', '20', 'EUR'],
      ['2', 'bob@x.org', '0', 'EUR'],
      ['3', null, '7', 'EUR'],
    ]
    expect(await rows(url)).toEqual(after)
    const again = await migrate(url, url, asked)
    expect(again.tables.map(({ merged }) => merged!.updated)).toEqual([0, 0])
    expect(await rows(url)).toEqual(after)
  })
})
