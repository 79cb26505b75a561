import { extname } from 'node:path'
import { ident, qualified } from '../connection/quote.ts'
import type { CopyChunkArgs } from '../copy/chunk-job.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkRecord, ChunkResult } from '../journal/model.ts'
import { chunkDone, epochCheck, insertRejects } from '../journal/statements.ts'
import type { MoveWork, Planned } from '../plan/make.ts'
import type { Move } from '../plan/model.ts'
import { run as runStatements } from '../profile/run.ts'
import { examples } from '../profile/statements.ts'
import { type Loading, load } from './load.ts'
import { readsOf } from './sqlite-chunk-reads.ts'
import type { Start } from './start.ts'

const JOB = new URL(`../copy/chunk-job${extname(import.meta.url)}`, import.meta.url).href

export interface SqliteLoading extends Start, Omit<Loading, 'moves' | 'loadChunk'> {
  readonly planned: Planned
}

/** Loads every pending chunk of a SQLite source. */
export function loadSqlite(loading: SqliteLoading): ReturnType<typeof load> {
  return load({
    ...loading,
    moves: loading.planned.plan.moves,
    loadChunk: (move, chunk) => loadChunk(loading, move, chunk),
  })
}

async function loadChunk(loading: SqliteLoading, move: Move, chunk: ChunkRecord): Promise<ChunkResult> {
  const { from, target, run, lock, planned } = loading
  const work = planned.work.get(move.source)!
  if (move.profiledRows !== null) await testChunk(loading, move, work, chunk)
  const { read, setAside } = readsOf(move, work, chunk)
  const columns = move.columns.map((column) => ident(column.target)).join(', ')
  const table = qualified(move.target.schema, move.target.name)
  const args: CopyChunkArgs = {
    postgres: target.settings,
    label: target.label,
    applicationName: 'landfall copy',
    read,
    copySql: `COPY ${table} (${columns}) FROM STDIN WITH (FORMAT ${move.format})`,
    before: [epochCheck(lock)],
    after: chunkDone(run.id, move.source, chunk.seq),
    setAside: setAside && { ...setAside, insert: insertRejects(run.id, move.source, chunk.seq) },
  }
  return await from.source.run<ChunkResult>({ module: JOB, export: 'copyChunk', args })
}

/** A chunk that the profile has not looked at is tested right before it is loaded. */
async function testChunk(
  loading: SqliteLoading,
  move: Move,
  work: MoveWork,
  chunk: ChunkRecord,
): Promise<void> {
  const same = work.chunks.find(
    (one) => `${one.upTo}` === `${chunk.upTo}` && `${one.after}` === `${chunk.after}`,
  )
  if (same?.unprofiled.length === 0) return
  if (work.marking) {
    await work.marking.markMore([{ ...chunk, rows: 0 }])
    return
  }
  const { question, tests } = work.tested
  for (const test of tests) {
    const column = question.columns.find((one) => one.name === test.column) ?? null
    const [rows] = await runStatements({ source: loading.from.source }, [
      examples(question, test.sql, column, chunk, 10),
    ])
    const shown = rows!.map((row) => String(row[0]))
    if (shown.length === 0) continue
    throw new LandfallError('LF204', `${move.source}${test.column ? `.${test.column}` : ''} ${test.text}`, {
      place: { table: move.source, key: shown.join(', '), ...(test.column ? { column: test.column } : {}) },
      hint: '--bad-rows set-aside   copy the others, keep these in landfall.rejects\nlandfall plan without --profile-rows finds all of them first',
    })
  }
}
