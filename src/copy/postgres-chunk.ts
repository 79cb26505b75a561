import type { CopyIn, ServerFields, Session } from '../connection/postgres.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { ident } from '../connection/quote.ts'
import { LandfallError, stopReason } from '../errors.ts'
import type { ChunkBounds, ChunkResult } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'
import { inChunk } from '../plan/postgres-chunks.ts'
import { type ChunkMarks, chunkTransaction } from './chunk-transaction.ts'
import { rowsDiffer } from './failures.ts'

/** A server that waits for a lock does not read that the COPY is given up. */
const PATIENCE = 2_000

export interface PostgresChunkArgs extends ChunkMarks {
  readonly source: PostgresSnapshot
  /** Of its own for as long as the chunk takes; after a failure it may be closed. */
  readonly target: Session
  readonly move: Move
  readonly chunk: ChunkBounds
  /** The table that takes the rows, quoted and qualified: the move's own, or its stage. */
  readonly into: string
}

/**
 * Copies one chunk from server to server in one transaction of the target, with its mark in the journal.
 *
 * Errors: LF104 the source failed, LF204 the target kept fewer rows than it was given, LF304 it refused
 * one, LF305 it is gone, LF402 the lock is another's, LF403 the snapshot was aborted.
 */
export async function copyPostgresChunk(args: PostgresChunkArgs): Promise<ChunkResult> {
  const { source, target, move, chunk: range, into } = args
  return await chunkTransaction(target, args, async () => {
    const { signal } = source
    const { rows, bytes, digest } = await source.run((from) =>
      passRows({ source: from, target, move, range, into, signal }),
    )
    return { read: rows, loaded: rows, setAside: 0, bytes, digest }
  })
}

export interface PassRows {
  readonly source: Session
  readonly target: Session
  readonly move: Move
  /** Null: all rows. */
  readonly range: ChunkBounds | null
  readonly into: string
  readonly signal?: AbortSignal | undefined
}

export interface Passed {
  readonly rows: number
  /** Of the COPY's format. */
  readonly bytes: number
  /** SHA-256 of them, hex. */
  readonly digest: string
}

/**
 * Hands the bytes of one COPY to another, as they come. Errors: as `copyPostgresChunk`; then the
 * source's session is closed where it was not done, and the target's transaction has failed.
 */
export async function passRows({ source, target, move, range, into, signal }: PassRows): Promise<Passed> {
  if (signal?.aborted) throw stopReason(signal)
  await steer(source, move)
  let copy: CopyIn | null = null
  let refusal: Error | null = null
  let patience: NodeJS.Timeout | undefined
  const giveUp = async (): Promise<void> => {
    patience ??= setTimeout(() => void target.close(), PATIENCE)
    await Promise.all([source.close(), copy?.abort('the chunk was given up')])
  }
  const stop = (): void => void giveUp()
  signal?.addEventListener('abort', stop)
  try {
    copy = await target.copyFrom(`COPY ${destination(move, into)} FROM STDIN WITH (FORMAT ${move.format})`)
    // Who waits for rows must not have to wait for the next one to learn that nobody takes it.
    copy.failed.then((error) => {
      refusal = error
      void source.close()
    })
    const out = await source.copyBytes(
      `COPY (${selectOf(move, range)}) TO STDOUT WITH (FORMAT ${move.format})`,
    )
    let bytes = 0
    for (;;) {
      const block = await out.next()
      if (block === null) break
      bytes += block.length
      await copy.write(block, () => out.release(block))
    }
    const stored = await copy.end()
    if (stored !== out.rows) throw rowsDiffer({ table: move.source }, out.rows, stored, 'the target stored')
    return { rows: out.rows, bytes, digest: out.digest() }
  } catch (error) {
    // The first failure is the cause of the other one.
    const told = signal?.aborted ? stopReason(signal) : at(refusal ?? error, move)
    await giveUp()
    throw told
  } finally {
    clearTimeout(patience)
    signal?.removeEventListener('abort', stop)
  }
}

/** The same without a target: whether the source would give a chunk again as it was. Errors: LF104, LF403. */
export async function digestPostgresChunk({
  source,
  move,
  range,
}: Pick<PassRows, 'source' | 'move' | 'range'>): Promise<Pick<Passed, 'rows' | 'digest'>> {
  await steer(source, move)
  const out = await source.copyBytes(`COPY (${selectOf(move, range)}) TO STDOUT WITH (FORMAT ${move.format})`)
  for (let block = await out.next(); block !== null; block = await out.next()) out.release(block)
  return { rows: out.rows, digest: out.digest() }
}

/**
 * A key that is a range of the table is not looked for in the whole table, whatever is known of its size.
 * Rows come in the same order again, also where somebody else reads the table at the same time.
 */
async function steer(source: Session, { key }: Move): Promise<void> {
  const on = key.kind === 'columns' && source.serverVersion >= 140_000 ? 'off' : 'on'
  await source.query(
    `SET LOCAL enable_seqscan = ${on}; SET LOCAL jit = off; SET LOCAL synchronize_seqscans = off`,
  )
}

function selectOf({ columns, relation, key }: Move, range: ChunkBounds | null): string {
  const values = columns.flatMap((column) => column.read).join(', ')
  const condition = range === null ? null : inChunk(key, range)
  return `SELECT ${values} FROM ${relation} AS t${condition === null ? '' : ` WHERE ${condition}`}`
}

/** A table without columns has no list of them. */
function destination({ columns }: Move, into: string): string {
  return columns.length === 0 ? into : `${into} (${columns.map((one) => ident(one.target)).join(', ')})`
}

/** Where a failure happened: the table, and what the server says of the row. */
function at(error: unknown, { source: table }: Move): unknown {
  if (!(error instanceof LandfallError) || !['LF104', 'LF304'].includes(error.code)) return error
  const { where, detail, column } = (error.details ?? {}) as Partial<ServerFields>
  const line = /^COPY .*?, line \d+(?:, column (?<column>[^:]+))?/s.exec(where ?? '')
  const inBrackets = [detail, line?.[0]].filter((text) => text !== undefined).join('; ')
  const named = line?.groups?.column ?? column
  return new LandfallError(
    error.code,
    `${table}: ${error.message}${inBrackets === '' ? '' : ` (${inBrackets})`}`,
    {
      hint: error.hint,
      place: { table, ...(named === undefined ? {} : { column: named }) },
      ...(error.details ? { details: error.details } : {}),
      cause: error,
    },
  )
}
