import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CopyIn, Session } from '../connection/postgres.ts'
import type { PostgresSettings } from '../connection/settings.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkResult, Reject } from '../journal/model.ts'
import { rejectBatch } from '../journal/statements.ts'
import { type ChunkMarks, chunkTransaction } from './chunk-transaction.ts'
import { binaryEncoder } from './encode-binary.ts'
import { textEncoder } from './encode-text.ts'
import { misfitError, refusedRow, rowsDiffer } from './failures.ts'
import { MisfitError, type RowEncoder } from './model.ts'
import { batches, countRows } from './read-chunk.ts'
import { readRejects } from './read-rejects.ts'
import type { ChunkRead, RejectRead, SetAside } from './select.ts'
import { targetSession } from './target-session.ts'

/** Encoded bytes are handed on in portions of this size. */
const PORTION = 256 * 1024
/** Rejects of one INSERT. */
const REJECT_ROWS = 200

/** What is read of a chunk: rows to load, rows to set aside. */
export interface ChunkReads {
  readonly read: ChunkRead
  readonly setAside: (Pick<SetAside, 'reasons'> & { readonly read: RejectRead }) | null
}

export interface CopyChunkArgs extends ChunkReads, ChunkMarks {
  readonly postgres: PostgresSettings
  readonly label: string
  readonly applicationName: string
  /** `COPY … FROM STDIN WITH (FORMAT …)`, in the format of `read`. */
  readonly copySql: string
  readonly setAside: (NonNullable<ChunkReads['setAside']> & Pick<SetAside, 'insert'>) | null
}

/**
 * Loads one chunk in one transaction: epoch check, COPY, rejects, and the chunk's mark in the journal.
 * A signal to stop lets it finish, since a chunk is short.
 *
 * Errors: LF204 a row cannot be stored (with its place), LF402 the lock is another's, LF104 the source
 * counts other rows than it gives, LF304 and LF305 of the target.
 */
export async function copyChunk(context: JobContext, args: CopyChunkArgs): Promise<ChunkResult> {
  const session = await targetSession(context, args)
  return await chunkTransaction(session, args, async () => {
    const counted = countRows(context.database, args.read)
    const hash = createHash('sha256')
    const { rows, bytes } = await load(context, session, args, hash)
    const setAside = await insertRejects(context, session, args.setAside, hash)
    if (counted !== rows + setAside) throw rowsDiffer(args.read, counted, rows + setAside)
    return { read: counted, loaded: rows, setAside, bytes, digest: hash.digest('hex') }
  })
}

/** The same without a target: whether the source would give a chunk again as it was. */
export async function digestChunk(
  context: JobContext,
  { read, setAside }: ChunkReads,
): Promise<Pick<ChunkResult, 'loaded' | 'bytes' | 'digest'>> {
  const hash = createHash('sha256')
  const encoder = encoderOf(read)
  const { rows, bytes } = await encodeChunk(context, read, encoder, async (_, sent) => sent(), hash)
  encoder.close()
  for (const { json } of rejectBatches(context, setAside)) hash.update(json)
  return { loaded: rows, bytes, digest: hash.digest('hex') }
}

interface Encoded {
  readonly rows: number
  readonly bytes: number
}

async function load(
  context: JobContext,
  session: Session,
  args: CopyChunkArgs,
  hash: Hash,
): Promise<Encoded> {
  const encoder = encoderOf(args.read)
  let copy: CopyIn | null = null
  try {
    copy = await session.copyFrom(args.copySql)
    const rows = copy
    await rows.write(encoder.header)
    const write: Write = (bytes, sent) => rows.write(bytes, sent)
    const encoded = await encodeChunk(context, args.read, encoder, write, hash)
    await rows.write(encoder.trailer)
    const stored = await rows.end()
    encoder.close()
    if (stored !== encoded.rows) throw rowsDiffer(args.read, encoded.rows, stored, 'the target stored')
    return encoded
  } catch (error) {
    const told = error instanceof LandfallError ? refusedRow(error, context.database, args) : error
    await copy?.abort('the chunk was given up')
    throw told
  }
}

/** `sent` is called when the bytes are needed no more. */
type Write = (bytes: Uint8Array, sent: () => void) => Promise<void>

/** Reads and encodes the chunk; the hash covers what goes to `write`, so no header and trailer. */
async function encodeChunk(
  context: JobContext,
  read: ChunkRead,
  encoder: RowEncoder,
  write: Write,
  hash: Hash,
): Promise<Encoded> {
  let rows = 0
  let bytes = 0
  async function flush(): Promise<void> {
    for (const piece of encoder.take()) {
      hash.update(piece)
      bytes += piece.length
      await write(piece, () => encoder.release(piece))
    }
    // Lets the socket move on, so that the server has work while the next portion is made.
    await nextTurn()
  }
  for (const batch of batches(context.database, read, () => bytes + encoder.size)) {
    try {
      encoder.encode(batch)
    } catch (error) {
      throw error instanceof MisfitError ? misfitError(error, context.database, read, rows) : error
    }
    rows += batch.length
    if (encoder.size >= PORTION) await flush()
  }
  await flush()
  return { rows, bytes }
}

function encoderOf(read: ChunkRead): RowEncoder {
  return read.format === 'binary' ? binaryEncoder(read.carriers) : textEncoder(read.carriers)
}

async function insertRejects(
  context: JobContext,
  session: Session,
  setAside: CopyChunkArgs['setAside'],
  hash: Hash,
): Promise<number> {
  let count = 0
  for (const { json, rows } of rejectBatches(context, setAside)) {
    const { sql, values } = setAside!.insert
    await session.query(sql, [...values, json])
    hash.update(json)
    count += rows
  }
  return count
}

function* rejectBatches(
  context: JobContext,
  setAside: ChunkReads['setAside'],
): Generator<{ readonly json: string; readonly rows: number }> {
  if (setAside === null) return
  let waiting: Reject[] = []
  for (const reject of readRejects(context.database, context.encoding, setAside.read, setAside.reasons)) {
    waiting.push(reject)
    if (waiting.length < REJECT_ROWS) continue
    yield { json: rejectBatch(waiting), rows: waiting.length }
    waiting = []
  }
  if (waiting.length > 0) yield { json: rejectBatch(waiting), rows: waiting.length }
}
