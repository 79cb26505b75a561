import type { Catalog, Column, Table } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Move, Plan, TargetColumn } from '../plan/model.ts'
import { type Flaw, flawsOf } from './flaws.ts'
import { sameSql } from './same-sql.ts'
import { counted, Gathered, orReason, type Subject, verdict } from './subject.ts'

/** No table of the source was overlooked; what the plan left out is named, and what else the target holds. */
export function checkCoverage(
  plan: Plan,
  source: Catalog,
  target: Catalog,
  isInScope: (table: string) => boolean,
): CheckResult {
  const findings = new Gathered()
  const moves = plan.moves.filter((move) => isInScope(move.source))
  const sources = source.tables.map((table) => table.name).filter(isInScope)
  const leftOut = plan.leftOut.filter(({ kind, name }) => kind === 'table' && isInScope(name))
  const known = new Set([...plan.moves.map((move) => move.source), ...leftOut.map(({ name }) => name)])
  for (const name of sources)
    if (!known.has(name)) findings.wrong.push(`${name}: the source has it, and the plan does not know it`)
  for (const { source: name } of moves)
    if (!sources.includes(name)) findings.wrong.push(`${name}: the source does not have it any more`)
  findings.notes.push(...leftOut.map(({ name, why }) => `left out: ${name}, ${why}`))
  const filled = new Set(plan.moves.map((move) => move.target.name))
  const others = target.tables
    .filter(
      ({ schema, name, partitionOf }) =>
        schema === plan.target.schema && !filled.has(name) && partitionOf === undefined,
    )
    .map((table) => table.name)
  if (others.length > 0)
    findings.notes.push(
      `in the target's schema and not filled by this migration: ${others.slice(0, 10).join(', ')}${others.length > 10 ? ` and ${others.length - 10} more` : ''}`,
    )
  const right = [
    `${moves.length} moved`,
    ...(leftOut.length > 0 ? [`${leftOut.length} left out`] : []),
    ...(others.length > 0 ? [`${counted(others.length, 'other table')} in the target`] : []),
  ]
  return verdict(
    'every table of the source is moved or left out by the plan',
    counted(sources.length, 'table'),
    right.join(', '),
    findings,
  )
}

export function missingTable(move: Move): CheckResult {
  const table = qualified(move.target.schema, move.target.name)
  return {
    name: `${move.source}: columns`,
    result: 'fail',
    expected: `the table ${table}`,
    found: 'the target has no such table',
    evidence: ['its keys, rules and sequences are not there either'],
  }
}

/** Columns are there, with the type, NOT NULL and expression that the plan gives them. More of them do no harm. */
export async function checkColumns(
  session: Session,
  { move, found, table }: Subject,
  flaws: readonly Flaw[],
): Promise<CheckResult> {
  const findings = new Gathered()
  const pairs: { wanted: TargetColumn; there: Column }[] = []
  for (const wanted of move.target.columns) {
    const there = found.columns.find((column) => column.name === wanted.name)
    if (there === undefined) findings.wrong.push(`${wanted.name} is missing`)
    else pairs.push({ wanted, there })
  }
  const types = await orReason(
    sameSql(
      session,
      null,
      pairs.map(({ wanted, there }) => [nullOf(wanted.type), nullOf(there.declared)] as const),
    ),
  )
  for (const [i, { wanted, there }] of pairs.entries()) {
    const name = wanted.name
    if ('why' in types && wanted.type !== there.declared)
      findings.unknown.push(`${name}: is ${there.declared}, and the plan says ${wanted.type}: ${types.why}`)
    else if ('value' in types && !types.value[i])
      findings.wrong.push(`${name} is ${there.declared} instead of ${wanted.type}`)
    if (wanted.notNull && !there.notNull) findings.wrong.push(`${name} is not NOT NULL`)
    await checkGenerated(session, table, wanted, there, findings)
  }
  for (const flaw of flawsOf(flaws, found, 'not null'))
    if (!flaw.inSource && move.target.columns.some((column) => column.name === flaw.column && column.notNull))
      findings.wrong.push(`${flaw.column}: its NOT NULL ${flaw.name} ${flaw.what}`)
  const more = found.columns.length - pairs.length
  if (more > 0) findings.notes.push(`${counted(more, 'more column')} in the target`)
  const columns = counted(move.target.columns.length, 'column')
  return verdict(
    `${move.source}: columns`,
    `${table} with ${columns}, their types and NOT NULL`,
    `${table} with ${columns} as expected`,
    findings,
  )
}

async function checkGenerated(
  session: Session,
  table: string,
  wanted: TargetColumn,
  there: Table['columns'][number],
  findings: Gathered,
): Promise<void> {
  if (wanted.generated === null) {
    if (there.generated !== null)
      findings.wrong.push(`${wanted.name} is generated, and the plan loads values into it`)
    return
  }
  if (there.generated === null) {
    findings.wrong.push(`${wanted.name} is not generated any more`)
    return
  }
  const cast = (sql: string) => `CAST((${sql}) AS ${there.declared})`
  const same = await orReason(
    sameSql(session, table, [[cast(wanted.generated), cast(there.generated.expression)]]),
  )
  if ('why' in same) findings.unknown.push(`${wanted.name}: ${same.why}`)
  else if (!same.value[0])
    findings.wrong.push(
      `${wanted.name} is generated as ${there.generated.expression} instead of ${wanted.generated}`,
    )
}

function nullOf(type: string): string {
  return `NULL::${type}`
}
