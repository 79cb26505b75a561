import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { loadedAs } from './postgres-canonical.ts'
import { type PostgresComparison, postgresComparison, type TablePair } from './postgres-comparison.ts'
import { type Reading, selections } from './postgres-leaves.ts'
import { mergeSides, type OnDifference, type Placed } from './postgres-merge.ts'
import { type PostgresTablesInput, readingOf, type Suspects } from './postgres-tables.ts'
import { inRepair, type Repaired, type RepairRecord } from './repair.ts'
import type { RowBytes } from './row.ts'
import { openStaging, type Staged } from './staging.ts'
import type { TableRepair } from './tables.ts'

/** Rows of one DELETE. */
const DELETED = 10_000

export interface PostgresRepair extends Pick<PostgresTablesInput, 'source' | 'target' | 'verification'> {
  readonly pair: TablePair
  readonly suspects: Suspects
  readonly deleteExtra: boolean
  readonly record: RepairRecord
  /** Connections to the target. */
  readonly open: (purpose: string) => Promise<Session>
}

/**
 * Makes a table of the target equal to the source's as its snapshot has it, in one transaction, in which
 * nobody else writes to it. Rows are compared once more, so that what was repaired by now stays.
 */
export async function repairPostgresTable(repair: PostgresRepair): Promise<TableRepair> {
  const session = await repair.open('repair')
  try {
    // What it reads is what is committed, which the lock keeps as it is.
    const reader = await repair.open('repair rows')
    try {
      const done = await inRepair(session, repair.record, () =>
        new TableRepairing(repair, session, reader).run(),
      )
      return { ...done, refused: null }
    } finally {
      await reader.close()
    }
  } catch (error) {
    if (!(error instanceof LandfallError) || error.code !== 'LF304') throw error
    return { inserted: 0, updated: 0, deleted: 0, extraLeft: 0, refused: error }
  } finally {
    await session.close()
  }
}

class TableRepairing {
  readonly #repair: PostgresRepair
  readonly #session: Session
  readonly #reader: Session
  readonly #comparison: PostgresComparison
  readonly #reading: Reading
  readonly #table: string

  constructor(repair: PostgresRepair, session: Session, reader: Session) {
    this.#repair = repair
    this.#session = session
    this.#reader = reader
    this.#comparison = postgresComparison(repair.pair)
    this.#reading = readingOf(repair, this.#comparison, repair.suspects.leaves)
    const { schema, name } = repair.pair.target
    this.#table = qualified(schema, name)
  }

  async run(): Promise<Repaired> {
    await this.#session.query(`LOCK TABLE ${this.#table} IN SHARE ROW EXCLUSIVE MODE`)
    const extra = await this.#extraRows()
    return { ...extra, ...(await this.#write()) }
  }

  async #merge(
    extra: { readonly source: readonly string[]; readonly target: readonly string[] },
    onDifference: OnDifference,
  ): Promise<void> {
    const { source, suspects } = this.#repair
    const ours = selections(this.#comparison.source, this.#reading, suspects.differing)
    const theirs = selections(this.#comparison.target, this.#reading, suspects.differing)
    await source.run(async (session) => {
      for (const [at, selection] of ours.entries())
        await mergeSides(
          this.#comparison,
          { session, selection, extra: extra.source },
          { session: this.#reader, selection: theirs[at]!, extra: extra.target },
          onDifference,
        )
    })
  }

  /** Deletes the rows that only the target has, or counts them. */
  async #extraRows(): Promise<Pick<Repaired, 'deleted' | 'extraLeft'>> {
    const places = new Map<number, string[]>()
    let rows = 0
    await this.#merge({ source: [], target: ['t.tableoid', 't.ctid'] }, (kind, _, theirs) => {
      if (kind !== 'extra') return
      rows += 1
      if (!this.#repair.deleteExtra) return
      const { table, place } = identityOf(theirs!)
      const known = places.get(table) ?? []
      if (known.push(place) === 1) places.set(table, known)
    })
    if (!this.#repair.deleteExtra) return { deleted: 0, extraLeft: rows }
    let deleted = 0
    for (const [table, all] of places)
      for (let at = 0; at < all.length; at += DELETED) {
        const { rowCount } = await this.#session.query(
          `DELETE FROM ${this.#table} AS t WHERE t.tableoid = $1 AND t.ctid = ANY ($2::pg_catalog.tid[])`,
          [table, all.slice(at, at + DELETED)],
        )
        deleted += rowCount
      }
    return { deleted, extraLeft: 0 }
  }

  async #write(): Promise<Pick<Repaired, 'inserted' | 'updated'>> {
    const { pair } = this.#repair
    // What the target computes itself is not written.
    const loaded = pair.columns.filter((one) => one.target.generated === null)
    const forms = loaded.map((one) => loadedAs(one.source, one.target))
    const keys = this.#comparison.columns.slice(0, this.#comparison.key).map(({ name }) => name)
    const staged: Staged = {
      target: this.#table,
      columns: loaded.map(({ target }, at) => ({ target: target.name, judged: forms[at]!.judged })),
      key: keys.map((name) => loaded.findIndex((one) => one.source.name === name)),
    }
    const staging = await openStaging(this.#session, staged)
    try {
      await this.#merge({ source: forms.map(({ sql }) => sql), target: [] }, async (kind, ours) => {
        if (kind !== 'extra') await staging.write(kind, [behind(ours!, loaded.length)])
      })
      const updated = await staging.updateChanged()
      return { updated, inserted: await staging.insertMissing() }
    } catch (error) {
      await staging.abort()
      throw error
    }
  }
}

/** `tableoid` and `ctid`, with their lengths, stand behind what is compared. */
function identityOf({ row, end }: Placed): { readonly table: number; readonly place: string } {
  const view = new DataView(row.buffer, row.byteOffset + end, row.byteLength - end)
  return { table: view.getUint32(4), place: `(${view.getUint32(12)},${view.getUint16(16)})` }
}

/** The fields behind those that are compared, as a row of their own. */
function behind({ row, end }: Placed, fields: number): RowBytes {
  const count = Buffer.allocUnsafe(2)
  count.writeInt16BE(fields)
  return Buffer.concat([count, row.subarray(end)])
}
