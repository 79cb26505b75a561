import type { CheckConstraint } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import { type Flaw, flawsOf } from './flaws.ts'
import { NAMED, rowName } from './row-name.ts'
import { sameSql } from './same-sql.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/**
 * The plan's CHECK constraints are there, by what they say, and all of the table are validated: then no
 * row is read. Null where there are none.
 */
export async function checkConstraints(
  session: Session,
  subject: Subject,
  flaws: readonly Flaw[],
): Promise<CheckResult | null> {
  const { move, found, table } = subject
  const planned = move.target.checks
  if (planned.length + found.checks.length === 0) return null
  const findings = new Gathered()
  const broken = flawsOf(flaws, found, 'check')
  for (const check of found.checks) {
    const flaw = broken.find((one) => one.name === check.name)
    if (flaw === undefined) {
      findings.notes.push(`${check.name} is validated by the target, so no row was read`)
      continue
    }
    if (flaw.inSource) {
      findings.notes.push(`${flaw.name} ${flaw.what}, as in the source`)
      continue
    }
    const mend =
      flaw.what === 'is not validated' ? `: ALTER TABLE ${table} VALIDATE CONSTRAINT ${ident(flaw.name)}` : ''
    findings.wrong.push(`${flaw.name} ${flaw.what}${mend}`)
    await lookForBreaches(session, subject, check, findings)
  }
  for (const check of planned) {
    const there = await orReason(hasCheck(session, subject, check))
    if ('why' in there) findings.unknown.push(`${check.name}: ${there.why}`)
    else if (!there.value) {
      const named = found.checks.find((one) => one.name === check.name)
      findings.wrong.push(
        named === undefined
          ? `${check.name} (${check.expression}) is missing`
          : `${check.name} is (${named.expression}) instead of (${check.expression})`,
      )
      await lookForBreaches(session, subject, check, findings)
    }
  }
  return verdict(
    `${move.source}: checks`,
    move.existing
      ? 'the CHECK constraints that the table has, validated'
      : `${counted(planned.length, 'CHECK constraint')} of the plan, validated`,
    `${counted(found.checks.length, 'CHECK constraint')}, validated`,
    findings,
  )
}

async function hasCheck(
  session: Session,
  { found, table }: Subject,
  check: CheckConstraint,
): Promise<boolean> {
  const candidates = [
    ...found.checks.filter((one) => one.name === check.name),
    ...found.checks.filter((one) => one.name !== check.name),
  ]
  for (const one of candidates)
    if ((await sameSql(session, table, [[check.expression, one.expression]]))[0]) return true
  return false
}

/** A row for which the rule says neither yes nor unknown. */
async function lookForBreaches(
  session: Session,
  { found, table }: Subject,
  { name, expression }: CheckConstraint,
  { wrong, unknown, notes }: Gathered,
): Promise<void> {
  const breaches = await orReason(
    session.query<{ rows: string; examples: string[] | null }>(
      `SELECT pg_catalog.count(*)::text AS rows, pg_catalog.array_agg(name) FILTER (WHERE n <= ${NAMED}) AS examples
        FROM (SELECT pg_catalog.row_number() OVER () AS n, ${rowName(found, 't')} AS name
          FROM ${table} AS t WHERE NOT (${expression})) AS found`,
    ),
  )
  if ('why' in breaches) {
    unknown.push(`${name}: ${breaches.why}`)
    return
  }
  const { rows, examples } = breaches.value.rows[0]!
  if (rows === '0') notes.push(`${name}: all rows were looked at and keep to it`)
  else {
    wrong.push(`${name}: ${counted(Number(rows), 'row')} ${rows === '1' ? 'breaks' : 'break'} it`)
    notes.push(...(examples ?? []).map((row) => `${name} is broken by ${row}`))
  }
}
