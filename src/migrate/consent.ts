import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import type { Mapping } from '../plan/mapping.ts'
import type { Move, Plan } from '../plan/model.ts'

export interface Consent {
  readonly plan: Plan
  /** Labels, without secrets. */
  readonly source: string
  readonly target: string
  /** Of the target. */
  readonly session: Session
  readonly tools: Tools
  /** A backup is made first. */
  readonly backup: boolean
}

interface TableName {
  readonly schema: string
  readonly name: string
}

/** Up to so many rows are counted; of more there is an estimate. */
const COUNTED = 100_000
/** Tables of a kind that are named; of more their number. */
const NAMED = 12

/**
 * Asks whether the plan may be carried out when tables that it writes to hold rows already; a target that
 * is empty there is nobody's loss, and nobody is asked. A run that goes on is asked about again as
 * long as nothing was written outside of the schema `landfall`.
 *
 * Errors: LF206 when the answer is no, or nobody can answer.
 */
export async function askBeforeWriting(consent: Consent): Promise<void> {
  const { plan, session, tools } = consent
  const there = await heldRows(session, plan)
  if ([...there.values()].every((rows) => rows === null)) return
  const question = questionOf(consent, there)
  if (tools.ask === undefined)
    throw new LandfallError('LF206', `the target holds rows, and nobody said yes: ${question}`, {
      hint: '--yes   carries it out without a question\nOr answer the question in a terminal.',
    })
  if (!(await tools.ask(question))) throw new LandfallError('LF206', 'you said no; nothing was changed')
}

/** Rows of each table that is there and will be written, as text, e.g. `about 1,200,000 rows`; null: it is empty. */
async function heldRows(session: Session, plan: Plan): Promise<ReadonlyMap<string, string | null>> {
  const held = new Map<string, string | null>()
  for (const move of plan.moves)
    for (const table of writtenThere(move)) {
      const key = keyOf(table)
      if (!held.has(key)) held.set(key, await rowsOf(session, table))
    }
  return held
}

/** Tables of the target that were there before and that the move writes to. */
function writtenThere(move: Move): readonly TableName[] {
  return [...(move.existing ? [move.target] : []), ...writtenBeside(move)]
}

/** Those among them that are not the move's own table. */
function writtenBeside({ mapping }: Move): readonly TableName[] {
  if (mapping?.kind !== 'identity') return []
  const { map, unmatched } = mapping
  const created = unmatched.kind === 'create' ? unmatched.alsoCreate : []
  const tables = [...created, ...(map.existing ? [map] : [])]
  return tables.map(({ schema, table }) => ({ schema, name: table }))
}

async function rowsOf(session: Session, { schema, name }: TableName): Promise<string | null> {
  const table = qualified(schema, name)
  const { rows: counted } = await session.query<{ n: string }>(
    `SELECT count(*)::text AS n FROM (SELECT FROM ${table} LIMIT ${COUNTED + 1}) AS first`,
  )
  const n = Number(counted[0]!.n)
  if (n === 0) return null
  if (n <= COUNTED) return `${n.toLocaleString('en')} ${n === 1 ? 'row' : 'rows'}`
  const { rows: estimated } = await session.query<{ n: string }>(
    `SELECT sum(reltuples)::int8::text AS n FROM pg_class
     WHERE relkind <> 'p' AND reltuples > 0
       AND (oid = $1::regclass OR oid IN (SELECT relid FROM pg_partition_tree($1::regclass)))`,
    [table],
  )
  const estimate = Number(estimated[0]?.n ?? 0)
  return estimate > COUNTED
    ? `about ${estimate.toLocaleString('en')} rows`
    : `more than ${COUNTED.toLocaleString('en')} rows`
}

function questionOf(
  { plan, source, target, backup }: Consent,
  there: ReadonlyMap<string, string | null>,
): string {
  const shown = (table: TableName): string => `${shownName(table)} (${there.get(keyOf(table)) ?? 'empty'})`
  const lines = new Map<string, Set<string>>()
  const add = (what: string, table: string): void => {
    lines.set(what, (lines.get(what) ?? new Set()).add(table))
  }
  for (const move of plan.moves) {
    const { existing, target: own, mapping } = move
    if (existing) add(mapping === undefined ? 'fills' : doesTo(mapping), shown(own))
    else add('makes and fills', shownName(own))
    for (const table of writtenBeside(move)) add('adds rows to', shown(table))
    const map = mapping?.kind === 'identity' ? mapping.map : null
    if (map && !map.existing) add('makes', shownName({ schema: map.schema, name: map.table }))
  }
  return [
    plan.inPlace === true ? `Change tables of ${target} that hold rows?` : 'Write to tables that hold rows?',
    ...(plan.inPlace === true ? [] : [`  from   ${source}`, `  into   ${target}`]),
    ...[...lines].map(([what, tables]) => `  ${what}: ${listed([...tables])}`),
    backup ? '  A backup is made first.' : '  No backup is made; --backup makes one.',
    'Go on?',
  ].join('\n')
}

function doesTo(mapping: Mapping): string {
  if (mapping.kind === 'merge')
    return {
      update: 'adds rows to, and updates those that differ',
      keep: 'adds rows to, and keeps those that are there',
      fail: 'adds rows to',
    }[mapping.ifThere]
  const matches = mapping.take.length > 0 ? 'matches and updates rows of' : 'matches rows of'
  return mapping.unmatched.kind === 'create' ? `${matches}, and adds those that match none` : matches
}

function listed(tables: readonly string[]): string {
  const rest = tables.length - NAMED
  return [...tables.slice(0, NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ')
}

const shownName = ({ schema, name }: TableName): string => `${schema}.${name}`

const keyOf = ({ schema, name }: TableName): string => qualified(schema, name)
