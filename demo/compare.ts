import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { ident } from '../src/connection/quote.ts'
import type { Shop } from './shop.ts'

/** The same question to both sides, where both must give the same text. Rows set aside are known. */
const QUESTIONS: readonly { readonly about: string; readonly source: string; readonly target: string }[] = [
  {
    about: 'epoch milliseconds are the same moments',
    source: `SELECT min("createdAt") || ' ' || max("createdAt") FROM "Customer"`,
    target: `SELECT min(extract(epoch FROM "createdAt") * 1000)::bigint || ' ' || max(extract(epoch FROM "createdAt") * 1000)::bigint FROM "Customer"`,
  },
  {
    about: '8-byte reals are the same to the last bit',
    source: 'SELECT weight FROM product ORDER BY sku',
    target: 'SELECT weight FROM product ORDER BY sku',
  },
  {
    about: 'integers beyond 2^53 are exact',
    source: 'SELECT max(sequence) FROM audit_log',
    target: 'SELECT max(sequence) FROM audit_log',
  },
  {
    about: 'text with quotes, backslashes and tabs is the same, byte for byte',
    source: 'SELECT sum(length(CAST(description AS BLOB))) FROM product',
    target: 'SELECT sum(octet_length(description)) FROM product',
  },
  {
    about: 'JSON can be asked',
    source: `SELECT count(*) FROM "Customer" WHERE "preferences" ->> '$.newsletter' = 1`,
    target: `SELECT count(*) FROM "Customer" WHERE "preferences" ->> 'newsletter' = 'true'`,
  },
]

/** Compares counts and a few values with SQL alone; prints a line for each and returns the differences. */
export async function compare(
  file: string,
  url: string,
  shop: Shop,
  say: (text: string) => void,
): Promise<number> {
  const source = new DatabaseSync(file, { readOnly: true })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  // Every row of the answer, first column: numbers come as JavaScript's doubles, or as exact text.
  const first = (rows: readonly object[]): string =>
    rows.map((row) => String(Object.values(row)[0])).join(' ')
  const ask = async (sql: string): Promise<string> => first((await client.query(sql)).rows)
  const askSource = (sql: string): string => {
    const statement = source.prepare(sql)
    statement.setReadBigInts(true)
    return first(statement.all())
  }
  let differences = 0
  const judge = (isRight: boolean, text: string): void => {
    if (!isRight) differences += 1
    say(`${isRight ? 'same     ' : 'DIFFERENT'}  ${text}`)
  }
  try {
    for (const [table, expected] of Object.entries(shop.unfit)) {
      const read = Number(askSource(`SELECT count(*) FROM ${ident(table)}`))
      const loaded = Number(await ask(`SELECT count(*) FROM ${ident(table)}`))
      const { rows } = await client.query('SELECT count(*)::int AS n FROM landfall.rejects WHERE move = $1', [
        table,
      ])
      const setAside: number = rows[0].n
      const isRight = read === shop.rows[table] && read === loaded + setAside && setAside === expected
      judge(isRight, `${table}: ${read} = ${loaded} loaded + ${setAside} set aside`)
    }
    for (const { about, source: there, target: here } of QUESTIONS) {
      const expected = askSource(there)
      const found = await ask(here)
      judge(expected === found, expected === found ? about : `${about}: ${expected} and ${found}`)
    }
    const constraints = await ask(
      `SELECT string_agg(n || ' ' || contype::text, ', ' ORDER BY contype) FROM (SELECT contype, count(*) AS n FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') GROUP BY contype) AS c`,
    )
    judge(constraints === '4 f, 5 p, 1 u', 'primary keys, unique and foreign keys are in place')
  } finally {
    source.close()
    await client.end()
  }
  return differences
}
