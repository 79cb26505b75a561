import { extname } from 'node:path'
import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { blockParts } from './blocks.ts'
import { BucketSums, type Choice, type Sums } from './digest.ts'
import type { CompareInput } from './model.ts'
import { TIME_IS_UP } from './ordered.ts'
import { threshold } from './sample.ts'
import { holdingTarget } from './target-snapshot.ts'
import type { PartArgs } from './unordered-job.ts'
import type { Part } from './unordered-read.ts'

const JOB = new URL(`./unordered-job${extname(import.meta.url)}`, import.meta.url).href

/** Blocks of the target that are read at a time: enough to be worth a transaction, few enough to stop soon. */
const PART_BLOCKS = { least: 256, most: 8192 }

/** Why a scan did not come to its end. */
export interface Stopped {
  readonly message: string
  /** A value that does not fit any more; null when time was up. */
  readonly error: LandfallError | null
}

/** What is done with the parts of both sides. `at` is a part's position in `parts`. */
export interface PartsWork<T> {
  /** A function of `unordered-job.ts`. */
  readonly job: 'sumRows' | 'listRows' | 'fetchRows'
  readonly buckets: Uint8Array | null
  /** Which parts; all when missing. */
  readonly only?: readonly number[]
  readonly more?: (at: number) => object
  readonly message?: (part: Part, at: number, value: unknown) => void
  readonly done?: (part: Part, result: T) => void
}

/** Both sides of a table in parts, each at one moment. */
export interface Scan {
  readonly parts: readonly Part[]
  /** Works on parts at once, as many as the input allows. Null: on all of them. */
  run<T>(work: PartsWork<T>): Promise<Stopped | null>
}

/** Keeps the target at one moment for all connections while `work` scans it. */
export async function scanning<T>(input: CompareInput, work: (scan: Scan) => Promise<T>): Promise<T> {
  return await holdingTarget(input.access, async (snapshot, session) => {
    const target = await targetParts(session, input.comparison.target, input.jobs)
    const source = input.ranges.map((bounds): Part => ({ side: 'source', bounds }))
    return await work(new SnapshotScan(input, snapshot, alternating(source, target)))
  })
}

/** One part, where it is no ordinary table. */
async function targetParts(session: Session, target: string, jobs: number): Promise<Part[]> {
  const { rows } = await session.query<{ blocks: number }>(
    `SELECT (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int4)::pg_catalog.float8 AS blocks
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
      WHERE c.oid = ${literal(target)}::pg_catalog.regclass AND c.relkind = 'r' AND a.amname = 'heap'`,
  )
  const blocks = rows[0]?.blocks ?? 0
  return blockParts(blocks, jobs, PART_BLOCKS).map((where): Part => ({ side: 'target', where }))
}

/** So that both databases are at work at once. */
function alternating(a: readonly Part[], b: readonly Part[]): Part[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [a[i], b[i]])
    .flat()
    .filter((part) => part !== undefined)
}

class SnapshotScan implements Scan {
  readonly #input: CompareInput
  readonly #snapshot: string
  readonly parts: readonly Part[]

  constructor(input: CompareInput, snapshot: string, parts: readonly Part[]) {
    this.#input = input
    this.#snapshot = snapshot
    this.parts = parts
  }

  async run<T>(work: PartsWork<T>): Promise<Stopped | null> {
    const waiting = [...(work.only ?? this.parts.keys())]
    let stopped: Stopped | null = null
    const take = async (): Promise<void> => {
      for (let at = waiting.shift(); at !== undefined && stopped === null; at = waiting.shift()) {
        if (this.#input.isOver()) {
          stopped = { message: TIME_IS_UP, error: null }
          return
        }
        try {
          await this.#work(work, at)
        } catch (error) {
          // One value concerns its table alone; whatever else went wrong, the whole verification.
          if (!(error instanceof LandfallError) || error.code !== 'LF204') {
            waiting.length = 0
            throw error
          }
          stopped = { message: error.message, error }
        }
      }
    }
    const workers = await Promise.allSettled(Array.from({ length: this.#input.jobs }, take))
    for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
    return stopped
  }

  async #work<T>(work: PartsWork<T>, at: number): Promise<void> {
    const { source, comparison, access } = this.#input
    const part = this.parts[at]!
    const args: PartArgs = {
      comparison,
      access,
      snapshot: this.#snapshot,
      part,
      choice: choiceOf(this.#input, work.buckets),
      ...work.more?.(at),
    }
    const result = await source.run<T>({ module: JOB, export: work.job, args }, (value) =>
      work.message?.(part, at, value),
    )
    work.done?.(part, result)
  }
}

export function choiceOf(
  { comparison, sample }: Pick<CompareInput, 'comparison' | 'sample'>,
  buckets: Uint8Array | null,
): Choice {
  return { key: comparison.key, below: sample === null ? null : threshold(sample), buckets }
}

/** The sums of both sides. `progress` is told of the source's rows. */
export async function sumUp(
  scan: Scan,
  progress: (rows: number) => void,
): Promise<{ source: BucketSums; target: BucketSums; stopped: Stopped | null }> {
  const source = new BucketSums()
  const target = new BucketSums()
  const stopped = await scan.run<Sums>({
    job: 'sumRows',
    buckets: null,
    done({ side }, sums) {
      if (side === 'target') target.addAll(sums)
      else {
        const before = source.rows
        source.addAll(sums)
        progress(source.rows - before)
      }
    },
  })
  return { source, target, stopped }
}
