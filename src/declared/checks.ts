import type { Session } from '../connection/postgres.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Declaration, Invariant } from '../contract/declaration.ts'
import type { Finding, SchemaObject } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import type { RowName } from './definition.ts'
import type { Difference } from './difference.ts'
import { label } from './postgres-sql.ts'

/** `column users.role`, `index idx_users_role of users`. */
export function objectName({ kind, schema, table, name }: SchemaObject): string {
  const where = label({ schema, table })
  if (kind === 'schema') return `schema ${schema}`
  if (kind === 'table') return `table ${where}`
  if (kind === 'column') return `column ${where}.${name}`
  if (kind === 'comment') return `comment on ${where}${name === '' ? '' : `.${name}`}`
  if (kind !== 'row') return `${kind} ${name} of ${where}`
  const { key }: RowName = JSON.parse(name)
  const pairs = Object.entries(key).map(([column, sql]) => `${column} = ${sql}`)
  return `row ${pairs.join(', ')} of ${where}`
}

/** Each thing that is declared, as a question and its answer. */
export function checksOf({ findings }: Difference): readonly CheckResult[] {
  return findings.map((finding) => {
    const evidence = evidenceOf(finding)
    return {
      name: objectName(finding.object),
      result: finding.state === 'right' ? 'pass' : 'fail',
      expected: finding.expected,
      found: finding.found,
      ...(evidence.length === 0 ? {} : { evidence }),
    }
  })
}

function evidenceOf({ conflict }: Finding): readonly string[] {
  return conflict === null ? [] : [conflict.why, ...conflict.ways.flatMap(({ sql }) => sql)]
}

/** So many rows of a broken invariant are shown. */
const SHOWN = 5

/**
 * Runs the queries that must find nothing, each in a transaction of its own that only reads and ends after
 * some time. What could not be run to its end is `incomplete`.
 */
export async function checkInvariants(
  session: Session,
  declaration: Declaration,
  limitMs: number,
  signal?: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = []
  for (const invariant of declaration.invariants) {
    const result = await checkInvariant(session, invariant, limitMs)
    // What was cancelled did not come to its end.
    signal?.throwIfAborted()
    results.push(result)
  }
  return results
}

async function checkInvariant(
  session: Session,
  { name, sql }: Invariant,
  limitMs: number,
): Promise<CheckResult> {
  const check = { name: `invariant: ${name}`, expected: 'no row' }
  // A comment at the end must not swallow the bracket.
  const query = `SELECT pg_catalog.to_json(i)::text AS json FROM (${sql.replace(/;\s*$/, '')}\n) AS i LIMIT ${SHOWN + 1}`
  try {
    const rows = await session.transaction(async () => {
      await session.query(`SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = ${limitMs}`)
      return (await session.query<{ json: string }>(query)).rows
    })
    if (rows.length === 0) return { ...check, result: 'pass', found: 'no row' }
    const found =
      rows.length > SHOWN ? `more than ${SHOWN} rows` : rows.length === 1 ? '1 row' : `${rows.length} rows`
    const evidence = rows.slice(0, SHOWN).map(({ json }) => json)
    return { ...check, result: 'fail', found, evidence }
  } catch (error) {
    if (!(error instanceof LandfallError) || error.code === 'LF305') throw error
    const late = error.details?.sqlstate === '57014'
    const found = late ? `not done in ${Math.round(limitMs / 1000)} s` : error.message
    return { ...check, result: 'incomplete', found }
  }
}
