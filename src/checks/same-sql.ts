import type { Session } from '../connection/postgres.ts'

/** A target list of PostgreSQL has at most 1,664 entries. */
const MOST_PAIRS = 500

/**
 * For each pair of expressions, whether the server understands the same by both: PostgreSQL prints
 * expressions in its own words, so their texts say little. EXPLAIN shows both after the parser and the
 * planner; nothing is run, read or written. Texts that are equal are not asked about.
 *
 * @param table whose columns they name, qualified and quoted; null for none.
 * Errors: LF304 when one of them cannot be understood, or the role may not read the table.
 */
export async function sameSql(
  session: Session,
  table: string | null,
  pairs: readonly (readonly [string, string])[],
): Promise<boolean[]> {
  const answers = pairs.map(([left, right]) => left === right)
  const asked = pairs.flatMap(([left, right], at) =>
    answers[at] || !sameCollations(left, right) ? [] : [{ at, left, right }],
  )
  for (let start = 0; start < asked.length; start += MOST_PAIRS) {
    const some = asked.slice(start, start + MOST_PAIRS)
    const output = await explained(
      session,
      table,
      some.flatMap(({ left, right }) => [left, right]),
    )
    for (const [i, { at }] of some.entries()) answers[at] = output[2 * i] === output[2 * i + 1]
  }
  return answers
}

async function explained(
  session: Session,
  table: string | null,
  expressions: readonly string[],
): Promise<string[]> {
  const list = expressions.map((sql) => `(${sql})`).join(', ')
  const {
    rows: [row],
  } = await session.query<{ plan: string }>(
    `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT ${list}${table === null ? '' : ` FROM ${table} AS t`}`,
  )
  const [plan] = JSON.parse(Object.values(row!)[0]!) as [{ Plan: { Output: string[] } }]
  const output = plan.Plan.Output
  if (output.length !== expressions.length) throw new TypeError('EXPLAIN lists other expressions')
  return output
}

/** The planner forgets which collation was asked for. */
function sameCollations(left: string, right: string): boolean {
  return collations(left).join() === collations(right).join()
}

/** The names after COLLATE, outside of strings. */
export function collations(sql: string): string[] {
  const tokens = sql.matchAll(/'(?:[^']|'')*'|\bcollate\s+((?:"(?:[^"]|"")*"|[\w$.])+)|"(?:[^"]|"")*"/gi)
  return [...tokens]
    .flatMap(([, name]) => (name === undefined ? [] : [name.replace(/^pg_catalog\./, '')]))
    .sort()
}
