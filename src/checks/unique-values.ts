import type { Session } from '../connection/postgres.ts'
import type { CheckResult } from '../contract/check.ts'
import type { TargetIndex } from '../plan/model.ts'
import { type Promises, primaryAsIndex } from './declared.ts'
import { findDuplicates } from './duplicates.ts'
import { type Flaw, flawsOf } from './flaws.ts'
import { sameIndexes } from './same-indexes.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/**
 * What is unique in the source is unique in the target: because a valid key of the target sees to it, and
 * then no row is read, or because there are no two rows. Null where the source has no such key.
 */
export async function checkUniqueValues(
  session: Session,
  subject: Subject,
  promises: Promises,
  flaws: readonly Flaw[],
): Promise<CheckResult | null> {
  const { move } = subject
  const findings = new Gathered()
  const declared = promises.keys(move)
  const { primaryKey } = move.target
  const planned = [
    ...(primaryKey ? [primaryAsIndex(primaryKey)] : []),
    ...move.target.indexes.filter((index) => index.unique),
  ]
  const keys = distinct([...planned, ...declared.kept])
  for (const key of keys) await checkKey(session, subject, key, flaws, findings)
  for (const { what, why } of declared.untold) {
    if (move.existing) findings.unknown.push(`${what} is unique in the source: ${why}`)
    else findings.notes.push(`left out by the plan: ${what}, ${why}`)
  }
  if (keys.length + declared.untold.length === 0) return null
  const enforced = findings.notes.filter((note) => note.endsWith(ENFORCED)).length
  return verdict(
    `${move.source}: unique values`,
    `no two rows with the same ${keys.map(shown).join(' or ') || 'key'}`,
    keys.length > 0 && enforced === keys.length
      ? `${counted(enforced, 'key')}, which the target enforces`
      : 'no two rows with the same key',
    findings,
  )
}

const ENFORCED = 'enforced by the target, so no row was read'

async function checkKey(
  session: Session,
  subject: Subject,
  key: TargetIndex,
  flaws: readonly Flaw[],
  { wrong, unknown, notes }: Gathered,
): Promise<void> {
  const enforcing = await orReason(enforcedBy(session, subject, key, flaws))
  if ('why' in enforcing) {
    unknown.push(`${shown(key)}: ${enforcing.why}`)
    return
  }
  if (enforcing.value !== null) {
    notes.push(`${shown(key)}: ${enforcing.value}, ${ENFORCED}`)
    return
  }
  const found = await orReason(findDuplicates(session, subject, key))
  if ('why' in found) unknown.push(`${shown(key)} is not enforced by the target: ${found.why}`)
  else if (found.value.keys === '0')
    notes.push(`${shown(key)}: not enforced by the target; all rows were read, and no two have the same`)
  else {
    wrong.push(
      `${shown(key)}: ${counted(Number(found.value.rows), 'row')} share ${counted(Number(found.value.keys), 'value')}`,
    )
    notes.push(...found.value.examples.map((example) => `the same ${shown(key)}: ${example}`))
  }
}

/** The name of what makes the key unique in the target, or null. */
async function enforcedBy(
  session: Session,
  subject: Subject,
  key: TargetIndex,
  flaws: readonly Flaw[],
): Promise<string | null> {
  const { found } = subject
  // What is unique by fewer columns is unique by more, and what is unique in all rows is in some.
  const covers = (columns: readonly (string | null)[]) =>
    key.columns !== null && columns.every((column) => column !== null && key.columns!.includes(column))
  const primary = found.primaryKey
  if (primary && covers(primary.columns) && flawsOf(flaws, found, 'primary key').length === 0)
    return primary.name ?? 'the primary key'
  const unique = found.indexes.filter((index) => index.unique && index.valid)
  const plain = unique.find((index) => index.where === null && covers(index.parts.map((part) => part.column)))
  if (plain) return plain.name
  const same = await sameIndexes(session, { ...subject, found: { ...found, indexes: unique } }, key)
  return same[0]?.name ?? null
}

function shown(key: TargetIndex): string {
  const parts = key.columns ?? key.parts
  return `(${parts.join(', ')})${key.where === null ? '' : ` where ${key.where}`}`
}

function distinct(keys: readonly TargetIndex[]): TargetIndex[] {
  return [...new Map(keys.map((key) => [shown(key), key] as const)).values()]
}
