import type { Session } from '../../src/connection/postgres.ts'
import { ident } from '../../src/connection/quote.ts'
import { ensureJournal } from '../../src/journal/schema.ts'
import { compareMerge } from '../../src/merge/compare.ts'
import { applyMerge } from '../../src/merge/merge.ts'
import type { AppliedMove, ComparedMove, KnownMap, Staged } from '../../src/merge/model.ts'
import { stageFromSelect, stageStatements } from '../../src/merge/stage.ts'
import type { Move } from '../../src/plan/model.ts'
import { type MoveWords, moveOf } from './merging.ts'

export type Words = Omit<MoveWords, 'relation'> & {
  /** Rows of the source, as SQL of VALUES without the word. */
  readonly rows: string
  readonly maps?: ReadonlyMap<string, KnownMap>
}

const STAGE = '"the ""stage"'

async function stage(session: Session, words: Words): Promise<Staged> {
  const names = Object.keys(words.staged).map(ident).join(', ')
  const relation = words.rows === '' ? `(SELECT) ` : `(SELECT * FROM (VALUES ${words.rows}) AS v (${names}))`
  const move: Move = moveOf({ ...words, relation })
  for (const statement of stageStatements(STAGE, move, 'temp')) await session.query(statement)
  if (words.rows !== '') await session.query(stageFromSelect(STAGE, move))
  return { session, move, stage: STAGE, maps: words.maps ?? new Map() }
}

export interface Outcome extends AppliedMove {
  /** `key: column reason`, in the order in which they are written down. */
  readonly rejects: readonly string[]
  readonly content: readonly unknown[]
}

/** Stages rows and applies them in a transaction of their own, as a run would. */
export async function applied(session: Session, words: Words): Promise<Outcome> {
  await ensureJournal(session)
  await session.query(`INSERT INTO landfall.migrations (name, epoch, host, process, backend, held_since)
      VALUES ('m', 1, 'h', 1, 1, now()) ON CONFLICT DO NOTHING`)
  const { rows: runs } = await session.query<{ id: string }>(
    `INSERT INTO landfall.runs (migration, epoch, phase, source_label, plan_hash, plan, choices, fingerprint, host, process)
      VALUES ('m', 1, 'p', 's', 'h', '{}', 'c', 'f', 'h', 1) RETURNING id`,
  )
  const run = runs[0]!.id
  const result = await session.transaction(async () => applyMerge(await stage(session, words), { run }))
  const { applied: counts } = result
  const { rows } = await session.query<{
    key: string
    column: string | null
    reason: string
    content: string
  }>('SELECT key, "column", reason, content FROM landfall.rejects WHERE run = $1 ORDER BY id', [run])
  if (rows.length !== counts.setAside) throw new Error(`${rows.length} rejects, ${counts.setAside} counted`)
  return {
    ...result,
    rejects: rows.map(({ key, column, reason }) => `${key}: ${column === null ? '' : `${column} `}${reason}`),
    content: rows.map(({ content }) => JSON.parse(content) as unknown),
  }
}

/** The counts of `applied` in one line: created, updated, unchanged, skipped, set aside. */
export function sums({ applied: one }: AppliedMove): string {
  return `${one.created} ${one.updated} ${one.unchanged} ${one.skipped} ${one.setAside}`
}

export async function compared(session: Session, words: Words, showValues = false): Promise<ComparedMove> {
  return session.transaction(async () => compareMerge(await stage(session, words), 10, showValues))
}
