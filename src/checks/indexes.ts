import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { TargetIndex } from '../plan/model.ts'
import { type Flaw, flawsOf } from './flaws.ts'
import { sameIndexes } from './same-indexes.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/**
 * The primary key, unique constraints and indexes of the plan are there, by definition and not only by
 * name, and all indexes of the table are valid. No row is read.
 */
export async function checkIndexes(
  session: Session,
  subject: Subject,
  flaws: readonly Flaw[],
): Promise<CheckResult> {
  const { move, found } = subject
  const findings = new Gathered()
  checkPrimaryKey(subject, findings)
  for (const wanted of move.target.indexes) await checkIndex(session, subject, wanted, findings)
  for (const flaw of flawsOf(flaws, found, 'primary key'))
    findings.wrong.push(invalid(`the primary key ${flaw.name} ${flaw.what}`, found.schema, flaw.name))
  for (const index of found.indexes.filter((one) => !one.valid))
    findings.wrong.push(invalid(`${index.name} is not valid`, found.schema, index.name))
  const there = [
    ...(found.primaryKey ? ['the primary key'] : []),
    ...(found.indexes.length > 0 ? [counted(found.indexes.length, 'index', 'indexes')] : []),
  ]
  return verdict(
    `${move.source}: keys and indexes`,
    expected(subject),
    there.length === 0 ? 'none' : `${there.join(' and ')}, all valid`,
    findings,
  )
}

function expected({ move }: Subject): string {
  if (move.existing) return 'those that the table has, all valid'
  const { primaryKey, indexes } = move.target
  const wanted = [
    ...(primaryKey ? ['the primary key'] : []),
    ...(indexes.length > 0 ? [counted(indexes.length, 'index', 'indexes')] : []),
  ]
  return wanted.length === 0 ? 'none' : `${wanted.join(' and ')} of the plan, all valid`
}

function invalid(what: string, schema: string, index: string): string {
  return `${what}: REINDEX INDEX CONCURRENTLY ${qualified(schema, index)}`
}

function checkPrimaryKey({ move, found }: Subject, { wrong }: Gathered): void {
  const wanted = move.target.primaryKey
  if (wanted === null) return
  const there = found.primaryKey?.columns
  if (there === undefined) wrong.push(`the primary key (${wanted.columns.join(', ')}) is missing`)
  else if (there.join('\0') !== wanted.columns.join('\0'))
    wrong.push(`the primary key is (${there.join(', ')}) instead of (${wanted.columns.join(', ')})`)
}

async function checkIndex(
  session: Session,
  subject: Subject,
  wanted: TargetIndex,
  { wrong, unknown, notes }: Gathered,
): Promise<void> {
  const same = await orReason(sameIndexes(session, subject, wanted))
  if ('why' in same) {
    unknown.push(`${wanted.name}: ${same.why}`)
    return
  }
  const unique = same.value.filter((one) => one.unique === wanted.unique && !one.nullsNotDistinct)
  const right = unique.filter((one) => one.constraint || !wanted.constraint)
  const best = right.find((one) => one.name === wanted.name) ?? right[0]
  if (best !== undefined) {
    // Whether it is valid is said of every index.
    if (best.name !== wanted.name) notes.push(`${wanted.name} is called ${best.name}`)
  } else if (unique.length > 0)
    wrong.push(`${unique[0]!.name} is a unique index and not a unique constraint any more`)
  else {
    const named = subject.found.indexes.find((one) => one.name === wanted.name)
    const definition = `(${wanted.parts.join(', ')})${wanted.where === null ? '' : ` where ${wanted.where}`}`
    wrong.push(
      named === undefined
        ? `the ${wanted.unique ? 'unique ' : ''}index ${wanted.name} ${definition} is missing`
        : `${wanted.name} has another definition than ${wanted.unique ? 'unique ' : ''}${definition}: ${named.sql}`,
    )
  }
}
