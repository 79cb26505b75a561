import type { KeyRange } from '../connection/sqlite-key.ts'
import type { ScanRange } from '../profile/model.ts'
import { type MarkedTable, type Marking, markRows } from '../profile/set-aside.ts'
import { assemble } from './assemble.ts'
import { draftMoves } from './draft.ts'
import type { Plan } from './model.ts'
import { refersToItself } from './order.ts'
import { type PlanInput, type Studied, study } from './study.ts'

export type { PlanInput } from './study.ts'

export interface Planned {
  readonly plan: Plan
  /** By source table: its chunks, and the rows that will be set aside. */
  readonly work: ReadonlyMap<string, MoveWork>
}

export interface MoveWork {
  readonly chunks: readonly ChunkRange[]
  /** Rows that will be set aside. */
  readonly marking: Marking | null
  /** What a row may break; for ranges that the profile has not looked at. */
  readonly tested: MarkedTable
}

export interface ChunkRange extends KeyRange {
  readonly rows: number
  /** The ranges in it that the profile has not looked at. */
  readonly unprofiled: readonly ScanRange[]
}

/** Compiles catalogs, config and content into the Plan. Reads the source's rows, writes nothing. */
export async function makePlan(input: PlanInput): Promise<Planned> {
  const drafted = draftMoves(input.catalog, input.target, input.settings)
  const studied = await study(input, drafted.drafts)
  const assembled = await assemble(input, drafted, studied)
  const markings =
    input.settings.badRows === 'set-aside' ? await markRows(assembled.marked) : new Map<string, Marking>()
  return {
    plan: assembled.finish(markings),
    work: new Map(
      studied.map((one) => [
        one.draft.source.name,
        {
          chunks: chunksOf(
            one,
            refersToItself(one.draft, drafted.drafts) ? Number.POSITIVE_INFINITY : input.settings.batchSize,
          ),
          marking: markings.get(one.draft.source.name) ?? null,
          tested: assembled.marked.get(one.draft.source.name)!,
        },
      ]),
    ),
  }
}

/** Chunks are made of whole scanning ranges, about `batchSize` rows each. */
function chunksOf(studied: Studied, batchSize: number): ChunkRange[] {
  const chunks: ChunkRange[] = []
  const looked = new Set(studied.question.ranges)
  let group: ScanRange[] = []
  const flush = () => {
    if (group.length === 0) return
    chunks.push({
      after: group[0]!.after,
      upTo: group.at(-1)!.upTo,
      rows: group.reduce((sum, range) => sum + range.rows, 0),
      unprofiled: group.filter((range) => !looked.has(range)),
    })
    group = []
  }
  let rows = 0
  for (const range of studied.ranges) {
    if (group.length > 0 && rows + range.rows > batchSize) {
      flush()
      rows = 0
    }
    group.push(range)
    rows += range.rows
  }
  flush()
  // Rows that come into an empty table later are then a chunk that changed, and not overlooked.
  return chunks.length > 0 ? chunks : [{ after: null, upTo: null, rows: 0, unprofiled: [] }]
}
