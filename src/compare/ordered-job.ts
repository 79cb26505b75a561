import { createHash } from 'node:crypto'
import type { Session } from '../connection/postgres.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import type { RowEncoder } from '../copy/model.ts'
import { targetSession } from '../copy/target-session.ts'
import type { ChunkBounds } from '../journal/model.ts'
import { type Merged, mergeRows } from './merge.ts'
import {
  allSame,
  type ComparedRange,
  type Comparison,
  type Listing,
  type Outcome,
  type TargetAccess,
} from './model.ts'
import { describe } from './show.ts'
import { encodeRange } from './source-rows.ts'
import { TargetRows } from './target-rows.ts'

/** Encoded bytes are compared in portions of this size. */
const PORTION = 256 * 1024

export interface OrderedArgs {
  readonly comparison: Comparison
  readonly access: TargetAccess
  /** Target SQL: the integer by which both sides are ordered. */
  readonly order: string
  /** The target's rows of the range. */
  readonly where: string
  readonly bounds: ChunkBounds
  readonly listing: Listing
  /** See `ComparedRange`. */
  readonly loaded: ComparedRange['loaded']
}

/**
 * Compares one range, both sides in the order of its key. Mostly all is the same, and then the bytes of
 * both are simply the same bytes; only where they are not, the range is read again row by row.
 */
export async function compareRange(context: JobContext, args: OrderedArgs): Promise<Outcome> {
  const { session, forms } = await sessionsFor(context, args)
  const rows = (await asLoaded(args, session)) ?? (await sameBytes(context, args, session, forms))
  if (rows !== null) return allSame(rows)
  const differences: Outcome['differences'][number][] = []
  const counts = { missing: 0, extra: 0, changed: 0 }
  let sourceRows = 0
  let targetRows = 0
  for await (const { source, target, same } of mergedRange(context, args, session, forms)) {
    if (source !== null) sourceRows += 1
    if (target !== null) targetRows += 1
    if (same) continue
    counts[source === null ? 'extra' : target === null ? 'missing' : 'changed'] += 1
    if (differences.length < args.listing.most)
      differences.push(describe(args.comparison, source, target, args.listing))
  }
  return { sourceRows, targetRows, ...counts, exact: true, differences }
}

/** Rows are on one connection; another is asked for the form of values that only the target knows. */
export async function sessionsFor(
  context: JobContext,
  { access, comparison }: Pick<OrderedArgs, 'access' | 'comparison'>,
): Promise<{ session: Session; forms: Session }> {
  const session = await targetSession(context, { ...access, applicationName: 'landfall verify' })
  const asks = comparison.columns.some((column) => column.judged !== null)
  if (!asks) return { session, forms: session }
  return {
    session,
    forms: await targetSession(context, { ...access, applicationName: 'landfall verify forms' }),
  }
}

/** Both sides row by row. */
export async function* mergedRange(
  { database }: JobContext,
  { comparison, bounds, order, where }: Pick<OrderedArgs, 'comparison' | 'bounds' | 'order' | 'where'>,
  session: Session,
  forms: Session,
): AsyncGenerator<Merged> {
  const target = await TargetRows.open(session, comparison, { where, order })
  try {
    yield* mergeRows(comparison, database, bounds, forms, target)
  } finally {
    await target.drain()
  }
}

/** How many rows the range has when the target's are the very bytes that were loaded; else null. */
async function asLoaded(
  { comparison, order, where, loaded }: OrderedArgs,
  session: Session,
): Promise<number | null> {
  if (!loaded) return null
  const hash = createHash('sha256')
  const target = await TargetRows.open(session, comparison, { where, order })
  let rows = 0
  for (let block = await target.block(); block !== null; block = await target.block()) {
    hash.update(block.bytes)
    rows += block.ends.length
  }
  return rows === loaded.rows && hash.digest('hex') === loaded.digest ? rows : null
}

/** How many rows the range has when all bytes of both sides are the same; null when they are not. */
async function sameBytes(
  { database }: JobContext,
  { comparison, bounds, order, where }: OrderedArgs,
  session: Session,
  forms: Session,
): Promise<number | null> {
  const target = await TargetRows.open(session, comparison, { where, order })
  try {
    let rows = 0
    let last: RowEncoder | null = null
    for await (const encoded of encodeRange(database, comparison, bounds, forms)) {
      rows += encoded.rows
      last = encoded.encoder
      if (last.size >= PORTION && !(await follow(target, last))) return null
    }
    if (last !== null && !(await follow(target, last))) return null
    last?.close()
    return (await target.isAtEnd()) ? rows : null
  } finally {
    await target.drain()
  }
}

async function follow(target: TargetRows, encoder: RowEncoder): Promise<boolean> {
  for (const piece of encoder.take()) {
    if (!(await target.continuesWith(piece))) return false
    encoder.release(piece)
  }
  return true
}
