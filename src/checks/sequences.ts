import type { Catalog, Column } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { ident, literal, nameParts, qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import { sourceTable } from './declared.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/**
 * The next number of each sequence is one that its column does not hold yet, and that AUTOINCREMENT has
 * not given away either. Reading a sequence takes no number from it. Null where nothing numbers itself.
 */
export async function checkSequences(
  session: Session,
  subject: Subject,
  source: Catalog,
): Promise<CheckResult | null> {
  const { move, found } = subject
  const findings = new Gathered()
  for (const wanted of move.target.columns) {
    const there = found.columns.find((column) => column.name === wanted.name)
    // A column that is missing was reported as that.
    if (wanted.identity && there !== undefined && there.sequence === null)
      findings.wrong.push(`${wanted.name} does not number itself any more`)
  }
  const columns = found.columns.filter((column) => column.sequence !== null)
  for (const column of columns)
    await checkSequence(session, subject, column, floorOf(subject, column, source), findings)
  if (columns.length + findings.wrong.length === 0) return null
  return verdict(
    `${move.source}: sequences`,
    'the next numbers are beyond those that the columns hold',
    `${counted(columns.length, 'sequence')} beyond`,
    findings,
  )
}

/** AUTOINCREMENT's memory, as the plan has it and as the source has it by now: the greater one. */
function floorOf({ move }: Subject, { name }: Column, source: Catalog): string | null {
  const planned = move.target.columns.find((one) => one.name === name)?.sequenceFloor ?? null
  const table = sourceTable(source, move)
  const numbered = table?.columns.find((one) => one.identity !== null)?.name
  const isIt = move.columns.some((one) => one.target === name && one.source === numbered)
  const now = isIt ? (table?.autoincrement?.last ?? null) : null
  if (planned === null || now === null) return planned ?? now
  return BigInt(now) > BigInt(planned) ? now : planned
}

interface State {
  /** Decimal text; null when the sequence is at its end. */
  readonly next: string | null
  /** The last number that is taken; null when none is. */
  readonly taken: string | null
  readonly ascending: boolean
  readonly beyond: boolean
}

async function checkSequence(
  session: Session,
  { move, table }: Subject,
  column: Column,
  floor: string | null,
  { wrong, unknown, notes }: Gathered,
): Promise<void> {
  const { name } = column
  const isNumber = /^(smallint|integer|bigint|numeric)/.test(column.declared)
  if (!isNumber) {
    // The greatest text is not the greatest number. What nothing loads, the sequence has numbered itself.
    const text = `${name} is ${column.declared} with numbers of ${column.sequence}`
    if (move.columns.some((one) => one.target === name))
      unknown.push(`${text}: which of its values is the greatest number is not known`)
    else notes.push(`${text}, all of them from there`)
    return
  }
  const state = await orReason(readState(session, table, column, floor))
  if ('why' in state) {
    unknown.push(`${name}: ${state.why}`)
    return
  }
  const { next, taken, beyond, ascending } = state.value
  const held = taken === null ? 'no number is taken' : `${taken} is taken`
  if (next === null)
    notes.push(`${name}: ${column.sequence} is at its end and gives no more numbers; ${held}`)
  else if (beyond) notes.push(`${name}: ${column.sequence} goes on with ${next}; ${held}`)
  else
    wrong.push(
      `${name}: ${column.sequence} goes on with ${next}, and numbers ${ascending ? 'up' : 'down'} to ${taken} are taken`,
    )
}

async function readState(
  session: Session,
  table: string,
  column: Column,
  floor: string | null,
): Promise<State> {
  const [schema, name] = nameParts(column.sequence!)
  const sequence = qualified(schema!, name!)
  const value = ident(column.name)
  const {
    rows: [state],
  } = await session.query<State>(
    `SELECT next.value::text AS next, taken.value::text AS taken, seq.seqincrement > 0 AS ascending,
        coalesce(CASE WHEN seq.seqincrement > 0 THEN next.value > taken.value ELSE next.value < taken.value END, true) AS beyond
      FROM pg_catalog.pg_sequence seq
      CROSS JOIN (SELECT last_value::numeric, is_called FROM ${sequence}) state
      CROSS JOIN (SELECT pg_catalog.min(${value})::numeric AS least, pg_catalog.max(${value})::numeric AS most FROM ${table}) held
      CROSS JOIN LATERAL (
        SELECT state.last_value + CASE WHEN state.is_called THEN seq.seqincrement ELSE 0 END AS value
      ) step
      CROSS JOIN LATERAL (
        SELECT CASE WHEN step.value BETWEEN seq.seqmin AND seq.seqmax THEN step.value
          WHEN seq.seqcycle THEN CASE WHEN seq.seqincrement > 0 THEN seq.seqmin ELSE seq.seqmax END END AS value
      ) next
      CROSS JOIN LATERAL (
        SELECT CASE WHEN seq.seqincrement > 0 THEN greatest(held.most, ${floor === null ? 'NULL' : literal(floor)}::numeric)
          ELSE held.least END AS value
      ) taken
      WHERE seq.seqrelid = ${literal(sequence)}::regclass`,
  )
  return state!
}
