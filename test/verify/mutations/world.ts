import { DatabaseSync } from 'node:sqlite'
import {
  makeSettings,
  migrate,
  type Options,
  type Settings,
  type VerifyReport,
  verify,
} from '../../../src/index.ts'
import { Bed } from './bed.ts'
import { churn } from './churn.ts'
import { linesOf, reportedLines } from './difference.ts'
import { type Mutation, plant } from './plant.ts'
import { Random } from './random.ts'
import { configOf, fillSource, type TableSpec, targetDdl } from './schema.ts'
import { type TargetTable, TargetView } from './target.ts'

/** Comparisons of what was rewritten and stayed the same. */
export interface Clean {
  readonly tables: number
  /** Of the tables, those that are compared in the order of an integer key; the others are as multisets. */
  readonly ordered: number
  readonly rows: number
}

export interface Batch {
  readonly planted: readonly Mutation[]
  /** Tables that were not mutated. */
  readonly clean: Clean
}

/** Settings of the target's database under which the text of values looks otherwise. */
const ODD_SETTINGS = [
  'extra_float_digits = -15',
  "datestyle = 'SQL, DMY'",
  "intervalstyle = 'iso_8601'",
  "bytea_output = 'escape'",
  "timezone = 'Asia/Kathmandu'",
]

/** A source, the target that it was moved into, and what is asked of `verify` about them. */
export class World {
  readonly #settings: (options: Options) => Settings
  readonly #view: TargetView
  readonly #random: Random
  readonly #tables: readonly TargetTable[]
  /** How often each kind of mutation was planted. */
  readonly #times = new Map<string, number>()

  private constructor(
    settings: (options: Options) => Settings,
    view: TargetView,
    random: Random,
    tables: TargetTable[],
  ) {
    this.#settings = settings
    this.#view = view
    this.#random = random
    this.#tables = tables
  }

  /**
   * Moves the tables; throws where that is no success. `file`: where the source is made; `to`: an empty
   * database. `replan`: the file is not the one that was moved any more, so that every verification plans
   * anew, from what is in both databases.
   */
  static async make(
    specs: readonly TableSpec[],
    file: string,
    to: string,
    seed: number,
    replan: boolean,
  ): Promise<World> {
    const database = new DatabaseSync(file)
    fillSource(database, specs)
    const random = new Random(seed)
    const view = await TargetView.open(to, specs)
    const name = new URL(to).pathname.slice(1)
    for (const setting of ODD_SETTINGS) await view.rows(`ALTER DATABASE ${name} SET ${setting}`)
    await view.rows(targetDdl(specs))
    const settings = (options: Options): Settings =>
      makeSettings(
        configOf(specs),
        { from: `sqlite:${file}`, to, jobs: 2, batchSize: 40, ...options },
        { cwd: '/', environment: {} },
      )
    try {
      const report = await migrate(settings({}))
      if (report.exitCode !== 0)
        throw new Error(
          `not moved: ${JSON.stringify(
            report.checks.filter((one) => one.result !== 'pass'),
            null,
            1,
          )}`,
        )
      if (replan) database.exec('VACUUM; CREATE TABLE later(x); DROP TABLE later')
      await view.keep()
      return new World(settings, view, random, await view.tables())
    } catch (error) {
      await view.close()
      throw error
    } finally {
      database.close()
    }
  }

  async close(): Promise<void> {
    await this.#view.close()
  }

  get rows(): number {
    return this.#tables.reduce((sum, table) => sum + table.rows.length, 0)
  }

  get tables(): number {
    return this.#tables.length
  }

  #verify(options: Options = {}): Promise<VerifyReport> {
    return verify(this.#settings({ maxDiffs: 1_000_000, showValues: true, ...options }), {
      ask: async () => true,
    })
  }

  /** Rewrites all tables and compares them. Throws where anything is reported. */
  async clean(): Promise<Clean> {
    for (const table of this.#tables) await this.#view.rows(churn(table, this.#random))
    const report = await this.#verify()
    expectSame(report, 'after a change of no value')
    return cleanOf(this.#tables)
  }

  /**
   * Plants mutations in many tables, and requires that exactly those are reported; then repairs them, and
   * requires that the rows are those that were there before. `share`: of the rows of a table.
   */
  async mutate(share: number): Promise<Batch> {
    const before = await this.#view.tables()
    const planted: Mutation[] = []
    const churned: TargetTable[] = []
    for (const table of before) {
      if (this.#random.below(5) === 0) {
        await this.#view.rows(churn(table, this.#random))
        churned.push(table)
      } else {
        const most = this.#random.below(3) === 0 ? 1 : Math.max(1, Math.floor(table.rows.length * share))
        planted.push(...plant(new Bed(table, this.#random), most, this.#times))
      }
    }
    for (const { kind, sql } of planted)
      await this.#view.rows(sql.join('; ')).catch((error: unknown) => {
        throw new Error(`${kind}: ${sql.join('; ')}`, { cause: error })
      })
    const expected = linesOf(before, await this.#view.tables()).sort()
    const wanted = planted.reduce((sum, one) => sum + one.differences, 0)
    if (expected.length !== wanted)
      throw new Error(`${wanted} differences were planted, and ${expected.length} are there`)
    const report = await this.#verify()
    expectLines(reportedLines(report.differences).sort(), expected)
    expectDifferent(report, expected)

    const repaired = await this.#verify({ repair: true, deleteExtra: true })
    expectSame(repaired, 'after the repair')
    const unlike = await this.#view.unlikeKept(before)
    if (unlike.length > 0) throw new Error(`not as before: ${unlike.join(', ')}`)
    return { planted, clean: cleanOf(churned) }
  }
}

function cleanOf(tables: readonly TargetTable[]): Clean {
  return {
    tables: tables.length,
    ordered: tables.filter(({ spec }) => spec.key === 'rowid' || spec.key === 'small rowid').length,
    rows: tables.reduce((sum, table) => sum + table.rows.length, 0),
  }
}

function expectSame(report: VerifyReport, when: string): void {
  const wrong = report.checks.filter((one) => one.result !== 'pass')
  if (
    report.outcome === 'same' &&
    report.exitCode === 0 &&
    report.differences.length === 0 &&
    wrong.length === 0
  )
    return
  throw new Error(
    `false alarm ${when}: ${JSON.stringify({ wrong, differences: report.differences.slice(0, 5), repair: report.repair }, null, 1)}`,
  )
}

function expectLines(found: readonly string[], expected: readonly string[]): void {
  const missed = without(expected, found)
  const invented = without(found, expected)
  if (missed.length + invented.length === 0) return
  throw new Error(
    `missed:\n${missed.slice(0, 10).join('\n')}\nnot planted:\n${invented.slice(0, 10).join('\n')}`,
  )
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const one of others) left.set(one, (left.get(one) ?? 0) + 1)
  return lines.filter((one) => {
    const times = left.get(one) ?? 0
    left.set(one, times - 1)
    return times <= 0
  })
}

/** The numbers, the outcome and the exit code say so too. */
function expectDifferent(report: VerifyReport, expected: readonly string[]): void {
  const counted = report.tables.reduce(
    (sum, { missing, extra, changed }) => sum + missing + extra + changed,
    0,
  )
  const tables = new Set(expected.map((line) => line.slice(0, line.indexOf(' | '))))
  const wrong = report.tables.filter(
    (table) =>
      table.missing + table.extra + table.changed > 0 !== tables.has(table.source) ||
      table.incomplete !== null ||
      !table.exact,
  )
  if (
    report.exitCode === 1 &&
    report.outcome === 'different' &&
    counted === expected.length &&
    wrong.length === 0
  )
    return
  throw new Error(
    `exit code ${report.exitCode}, ${report.outcome}, ${counted} of ${expected.length} counted: ${JSON.stringify(wrong)}`,
  )
}
