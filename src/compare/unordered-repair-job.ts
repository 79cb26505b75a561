import type { Session } from '../connection/postgres.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import { targetSession } from '../copy/target-session.ts'
import type { ChunkBounds } from '../journal/model.ts'
import { type Choice, chooser, KeyFields, LANES } from './digest.ts'
import type { Comparison, TargetAccess } from './model.ts'
import { sessionsFor } from './ordered-job.ts'
import { type Deletable, inRepair, type Repaired, type RepairRecord, writeStaged } from './repair.ts'
import type { RowBytes } from './row.ts'
import { openStaging, type StagedAs, type Staging } from './staging.ts'
import { targetCopy } from './target-rows.ts'
import { atSnapshot } from './target-snapshot.ts'
import { readSource, readTarget } from './unordered-read.ts'
import { DigestTable } from './unordered-table.ts'

/** Rows of one question. */
const ASKED = 10_000
const EXTRA = 'pg_temp.landfall_extra'

export interface RepairArgs {
  readonly comparison: Comparison
  readonly access: TargetAccess
  /** Of all of the source. */
  readonly ranges: readonly ChunkBounds[]
  readonly choice: Choice
  /** How many different ones are expected; there may be more. */
  readonly rows: number
  readonly deletable: Deletable
  readonly record: RepairRecord
}

/** Mends the rows of some buckets in one transaction. */
export async function repairBuckets(context: JobContext, args: RepairArgs): Promise<Repaired> {
  const { session, forms } = await sessionsFor(context, args)
  return await inRepair(session, args.record, async () => {
    await session.query(`LOCK TABLE ${args.comparison.target} IN SHARE ROW EXCLUSIVE MODE`)
    const repair = await GroupRepair.begin(context, args, session, forms)
    try {
      const extra = repair.extraRows()
      const isDeleting = extra > 0 && (await repair.findDeletable())
      const staging = await openStaging(session, args.comparison)
      try {
        await repair.stage(staging)
        const done = await writeStaged(session, staging, async () => (isDeleting ? repair.deleteFound() : 0))
        return { ...done, extraLeft: extra - done.deleted }
      } catch (error) {
        await staging.abort()
        throw error
      }
    } finally {
      repair.free()
    }
  })
}

class GroupRepair {
  readonly #context: JobContext
  readonly #args: RepairArgs
  readonly #session: Session
  readonly #forms: Session
  readonly #table: DigestTable
  /** Of each slot, how many rows have one of the same key on the other side. */
  readonly #paired: Int32Array

  private constructor(
    context: JobContext,
    args: RepairArgs,
    session: Session,
    forms: Session,
    table: DigestTable,
  ) {
    this.#context = context
    this.#args = args
    this.#session = session
    this.#forms = forms
    this.#table = table
    this.#paired = args.choice.key.length === 0 ? new Int32Array(table.slots) : table.pairByKey()
  }

  /** Looks at the rows again, now that nobody else writes. */
  static async begin(
    context: JobContext,
    args: RepairArgs,
    session: Session,
    forms: Session,
  ): Promise<GroupRepair> {
    const { comparison, choice } = args
    const table = new DigestTable(args.rows)
    const fields = new KeyFields(choice.key)
    const counting = (by: number): ((row: RowBytes) => void) =>
      chooser(choice, (row, digest) => table.add(digest, fields.none ? null : fields.digest(row), by, 0))
    await readTarget(context, session, targetCopy(comparison), counting(-1))
    const ours = counting(1)
    for (const bounds of args.ranges)
      await readSource(context, comparison, bounds, forms, (rows) => rows.forEach(ours))
    return new GroupRepair(context, args, session, forms, table)
  }

  free(): void {
    this.#table.free()
  }

  /** How many rows only the target has. */
  extraRows(): number {
    let extra = 0
    for (let slot = 0; slot < this.#table.slots; slot += 1)
      if (this.#table.count(slot) < 0) extra += -this.#table.count(slot) - this.#paired[slot]!
    return extra
  }

  /** Writes down which of them may be deleted, in a table of the transaction; false when none may. */
  async findDeletable(): Promise<boolean> {
    const { access, comparison, deletable } = this.#args
    if (deletable === null) return false
    const found = await this.#placesOfExtra()
    await this.#session.query(
      `CREATE TEMPORARY TABLE landfall_extra (part pg_catalog.oid, place pg_catalog.tid) ON COMMIT DROP`,
    )
    const earlier = await targetSession(this.#context, {
      ...access,
      applicationName: 'landfall repair earlier',
    })
    await atSnapshot(earlier, deletable, async () => {
      for (const [part, places] of found)
        for (let at = 0; at < places.length; at += ASKED) {
          const asked = places
            .slice(at, at + ASKED)
            .map((place) => `(${Math.floor(place / 65_536)},${place % 65_536})`)
          // What that moment sees is never overwritten while it is kept: the same place is the same row.
          const { rows } = await earlier.query<{ place: string }>(
            `SELECT t.ctid AS place FROM ${comparison.target} AS t WHERE t.tableoid = $1 AND t.ctid = ANY ($2::pg_catalog.tid[])`,
            [part, asked],
          )
          await this.#session.query(
            `INSERT INTO ${EXTRA} SELECT $1, pg_catalog.unnest($2::pg_catalog.tid[])`,
            [part, rows.map(({ place }) => place)],
          )
        }
    })
    return true
  }

  /** In one statement, since rows may refer to each other. Returns how many there were. */
  async deleteFound(): Promise<number> {
    const { rowCount } = await this.#session.query(
      `DELETE FROM ${this.#args.comparison.target} AS t USING ${EXTRA} AS x WHERE t.tableoid = x.part AND t.ctid = x.place`,
    )
    return rowCount
  }

  /** By table (one, unless it has partitions): block times 65,536 plus the place in it. */
  async #placesOfExtra(): Promise<Map<number, number[]>> {
    const { comparison, choice } = this.#args
    const found = new Map<number, number[]>()
    let table = 0
    let place = 0
    const consider = chooser(choice, (_, digest) => {
      const slot = this.#table.find(digest.slice(0, LANES * 4))
      if (slot === -1 || -this.#table.count(slot) <= this.#paired[slot]!) return
      this.#table.settle(slot)
      const places = found.get(table) ?? []
      if (places.push(place) === 1) found.set(table, places)
    })
    const copy = targetCopy(comparison, { extra: ['t.tableoid', 't.ctid'] })
    await readTarget(this.#context, this.#session, copy, (row) => {
      const { identity, compared } = withoutIdentity(row)
      table = identity.getUint32(4)
      place = identity.getUint32(12) * 65_536 + identity.getUint16(16)
      consider(compared)
    })
    return found
  }

  /** Reads the rows that the target lacks or holds with other values, and stages them. */
  async stage(staging: Staging): Promise<void> {
    const { comparison, choice, ranges } = this.#args
    const table = this.#table
    let left = 0
    for (let slot = 0; slot < table.slots; slot += 1) left += Math.max(0, table.count(slot))
    let found: Record<Exclude<StagedAs, 'extra'>, RowBytes[]> = { missing: [], changed: [] }
    const consider = chooser(choice, (row, digest) => {
      const slot = table.find(digest.slice(0, LANES * 4))
      if (slot === -1 || table.count(slot) <= 0) return
      const changed = this.#paired[slot]! > 0
      if (changed) this.#paired[slot]! -= 1
      table.settle(slot)
      left -= 1
      found[changed ? 'changed' : 'missing'].push(row)
    })
    for (const bounds of ranges) {
      if (left === 0) return
      await readSource(this.#context, comparison, bounds, this.#forms, async (rows) => {
        found = { missing: [], changed: [] }
        rows.forEach(consider)
        await staging.write('missing', found.missing)
        await staging.write('changed', found.changed)
      })
    }
  }
}

/** `tableoid` and `ctid`, with their lengths, stand behind what is compared. */
const IDENTITY = 4 + 4 + 4 + 6

/** Takes them off; the row's number of fields is corrected where it stands. */
function withoutIdentity(row: RowBytes): { identity: DataView; compared: RowBytes } {
  const end = row.length - IDENTITY
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  view.setInt16(0, view.getInt16(0) - 2)
  return {
    identity: new DataView(row.buffer, row.byteOffset + end, IDENTITY),
    compared: row.subarray(0, end),
  }
}
