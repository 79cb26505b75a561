import type { ForeignKey } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { TargetForeignKey } from '../plan/model.ts'
import type { Promises } from './declared.ts'
import { type Flaw, flawsOf } from './flaws.ts'
import { findOrphans, type Reference } from './orphans.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/**
 * No row lacks its parent: because a foreign key of the target sees to it, and then no row is read, or
 * because all rows were looked at. The plan's foreign keys are there, and all of the table are validated.
 * Null where neither side has one.
 */
export async function checkForeignKeys(
  session: Session,
  subject: Subject,
  promises: Promises,
  flaws: readonly Flaw[],
): Promise<CheckResult | null> {
  const { move, found } = subject
  const findings = new Gathered()
  const declared = promises.foreignKeys(move)
  const planned = move.target.foreignKeys
  const others = declared.kept.filter((key) => !planned.some((one) => isSame(one, key)))
  const broken = flawsOf(flaws, found, 'foreign key')
  for (const there of found.foreignKeys) {
    const flaw = broken.find((one) => one.name === there.name)
    if (flaw === undefined) {
      findings.notes.push(`${text(there)}: ${there.name} is validated by the target, so no row was read`)
      continue
    }
    if (flaw.inSource) {
      findings.notes.push(`${text(there)}: ${flaw.name} ${flaw.what}, as in the source`)
      continue
    }
    const mend =
      flaw.what === 'is not validated'
        ? `: ALTER TABLE ${subject.table} VALIDATE CONSTRAINT ${ident(flaw.name)}`
        : ''
    findings.wrong.push(`${text(there)}: ${flaw.name} ${flaw.what}${mend}`)
    await lookForOrphans(session, subject, there, findings)
  }
  for (const key of planned) {
    const same = found.foreignKeys.filter((one) => isSame(one, key))
    const other = same.length > 0 && same.every((one) => rules(one) !== rules(key))
    if (other)
      findings.wrong.push(`${text(key)}: ${same[0]!.name} is ${rules(same[0]!)} instead of ${rules(key)}`)
    if (same.length > 0) continue
    findings.wrong.push(`${text(key)}: ${key.name} is missing`)
    await lookForOrphans(session, subject, key, findings)
  }
  for (const key of others.filter((one) => !found.foreignKeys.some((there) => isSame(there, one)))) {
    findings.notes.push(`${text(key)}: the source has this foreign key, and the target does not`)
    await lookForOrphans(session, subject, key, findings)
  }
  for (const { what, why, beyond } of declared.untold) {
    if (beyond || !move.existing) findings.notes.push(`left out: ${what}, ${why}`)
    else findings.unknown.push(`${what} in the source: ${why}`)
  }
  if (planned.length + others.length + found.foreignKeys.length + declared.untold.length === 0) return null
  return verdict(
    `${move.source}: foreign keys`,
    move.existing
      ? 'all rows have their parents'
      : `${counted(planned.length, 'foreign key')} of the plan, and all rows have their parents`,
    found.foreignKeys.length === 0
      ? 'no row without its parent'
      : `${counted(found.foreignKeys.length, 'foreign key')}, validated; no row without its parent`,
    findings,
  )
}

async function lookForOrphans(
  session: Session,
  { found }: Subject,
  key: Reference,
  { wrong, unknown, notes }: Gathered,
): Promise<void> {
  const orphans = await orReason(findOrphans(session, found, key))
  if ('why' in orphans) unknown.push(`${text(key)}: ${orphans.why}`)
  else if (orphans.value.rows === '0')
    notes.push(`${text(key)}: all rows were looked at and have their parents`)
  else {
    wrong.push(`${text(key)}: ${counted(Number(orphans.value.rows), 'row')} without a parent`)
    notes.push(...orphans.value.examples.map((row) => `no parent by ${text(key)}: ${row}`))
  }
}

function text(key: Reference): string {
  return `(${key.columns.join(', ')}) to ${key.refTable} (${key.refColumns.join(', ')})`
}

/** The same columns find the same parent, in whatever order they are written. */
function isSame(a: Reference, b: Reference): boolean {
  const pairs = (key: Reference) =>
    JSON.stringify([
      key.refSchema,
      key.refTable,
      ...key.columns.map((column, at) => JSON.stringify([column, key.refColumns[at]])).sort(),
    ])
  return pairs(a) === pairs(b)
}

function rules(key: ForeignKey | TargetForeignKey): string {
  const when = { no: '', immediate: ' deferrable', deferred: ' deferrable initially deferred' }[
    key.deferrable
  ]
  return `on update ${key.onUpdate} on delete ${key.onDelete}${when}`
}
