import type { JobContext } from '../connection/sqlite-source.ts'
import { BucketSums, type Choice, chooser, KeyFields, LANES, type Sums } from './digest.ts'
import type { RowBytes } from './row.ts'
import { abridged } from './unordered-abridge.ts'
import { type PartReading, readPart } from './unordered-read.ts'
import { DigestTable, type Entries, release } from './unordered-table.ts'

/** Different rows that are listed in one message. */
const LISTED = 2_048
/** Bytes of rows that one part may give to be shown. */
const SHOWN = 8 * 1024 * 1024

export interface PartArgs extends PartReading {
  readonly choice: Choice
}

/** Sums up the rows of a part, bucket by bucket. */
export async function sumRows(context: JobContext, args: PartArgs): Promise<Sums> {
  const sums = new BucketSums()
  await readPart(
    context,
    args,
    chooser(args.choice, (_, digest, bucket) => sums.add(digest, bucket)),
  )
  return { lanes: sums.lanes, counts: sums.counts }
}

/** One job runs on a thread at a time, and all can use the same memory. */
const listing = new DigestTable(LISTED)

/** Sends the digests of a part's rows, as `Entries`. */
export async function listRows(context: JobContext, args: PartArgs): Promise<null> {
  const fields = new KeyFields(args.choice.key)
  const table = listing
  table.clear()
  const send = (): void => {
    const entries: Entries = table.take()
    context.send(entries)
    release(entries)
  }
  await readPart(
    context,
    args,
    chooser(args.choice, (row, digest) => {
      table.add(digest, fields.none ? null : fields.digest(row), 1, 0)
      if (table.size >= LISTED) send()
    }),
  )
  if (table.size > 0) send()
  return null
}

export interface FetchArgs extends PartArgs {
  /** As `DigestTable` writes them. */
  readonly digests: readonly string[]
}

/** A row by its digest; long fields of it are abridged. */
export type Fetched = readonly [digest: string, row: RowBytes]

/** One row of each digest, unless they are too many to be shown. */
export async function fetchRows(context: JobContext, args: FetchArgs): Promise<readonly Fetched[]> {
  const wanted = new Set(args.digests)
  const found: Fetched[] = []
  let bytes = 0
  await readPart(
    context,
    args,
    chooser(args.choice, (row, whole) => {
      const digest = whole.slice(0, LANES * 4)
      if (bytes > SHOWN || !wanted.delete(digest)) return
      const short = abridged(row, args.comparison.columns)
      bytes += short.length
      found.push([digest, short])
    }),
  )
  return found
}
