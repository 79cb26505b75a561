import type { Session } from '../connection/postgres.ts'

/** What an expression is once the server has folded it; null where it would have to be run for that. */
export async function constantOf(session: Session, sql: string): Promise<string | null> {
  const { rows } = await session.query(`EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT (${sql})`)
  const [plan] = JSON.parse(String(Object.values(rows[0]!)[0])) as [{ Plan: { Output: string[] } }]
  const output = plan.Plan.Output[0]!
  return CONSTANT.test(output) ? output : null
}

/** A literal, perhaps with its type, as the server prints it. */
const CONSTANT = /^(E?'(?:[^']|'')*'|B'[01]*'|-?\d[\d.]*|true|false)(::[^()]+(\([\d,]+\)[^()]*)?)?$/
