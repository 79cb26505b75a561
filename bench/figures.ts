import type { PairVerified, Run, Verified } from './contestants.ts'
import type { Shape } from './generate.ts'

/** What one shape came to: medians of the runs, times in seconds. */
export interface ShapeResult {
  readonly shape: Shape
  readonly rows: number
  /** Without verification, as the others do it. */
  readonly landfall: Run
  /** `landfall migrate` as it is by default: what was moved is verified. */
  readonly proven: Run
  readonly verified: Verified
  readonly pair: PairVerified
  /** All columns of all rows read out, of the side that takes longer. */
  readonly fullScan: number | null
  readonly pgloader: Run | null
  /** psql loading ready-made binary files of the same rows. */
  readonly physicalLimit: number | null
}

/** One measured number beside what is asked of it. */
export interface Figure {
  readonly shape: string
  readonly name: string
  readonly value: number
  readonly unit: 'times' | 's' | 'ms' | 'MB' | 'rows/s' | 'writes' | 'tables'
  readonly target: string | null
  /** Null where nothing is asked. */
  readonly met: boolean | null
}

/** The largest single value of each shape, in MB: memory may grow with it, and with nothing else. */
const LARGEST_VALUE: Readonly<Record<string, number>> = { 'huge-row': 100 }

/** Collects the figures of one shape. */
export class Figures {
  readonly list: Figure[] = []
  readonly #shape: string
  readonly #areRatiosAsked: boolean

  /** @param areRatiosAsked of a shape of which nothing but its memory is asked, false. */
  constructor(shape: string, areRatiosAsked: boolean) {
    this.#shape = shape
    this.#areRatiosAsked = areRatiosAsked
  }

  number(name: string, value: number, unit: Figure['unit'], target: string | null = null): void {
    this.list.push({ shape: this.#shape, name, value, unit, target, met: null })
  }

  atLeast(name: string, value: number, least: number, aim?: number): void {
    this.#judge({ name, value, unit: 'times' }, value >= least, `at least ${least}`, aim)
  }

  atMost(name: string, value: number, unit: Figure['unit'], most: number, aim?: number): void {
    this.#judge({ name, value, unit }, value <= most, `at most ${most}`, aim)
  }

  #judge(figure: Pick<Figure, 'name' | 'value' | 'unit'>, met: boolean, limit: string, aim?: number): void {
    const asked = this.#areRatiosAsked || figure.unit === 'MB'
    const target = aim === undefined ? limit : `${limit}, aiming at ${aim}`
    this.list.push({
      shape: this.#shape,
      ...figure,
      target: asked ? target : null,
      met: asked ? met : null,
    })
  }
}

/** The figures of one shape. Ratios are asked of `events`, the ordinary case; memory of all. */
export function judge(result: ShapeResult): Figure[] {
  const { shape, landfall, proven, verified, pair, fullScan, pgloader, physicalLimit } = result
  const figures = new Figures(shape, shape === 'events')
  figures.number('landfall migrate --no-verify, whole', landfall.whole, 's')
  figures.number('landfall migrate, whole', proven.whole, 's')
  figures.number('landfall verify', verified.seconds, 's')
  figures.number('landfall profile phase', landfall.profile, 's')
  figures.number('landfall COPY phase', landfall.copy, 's')
  if (pgloader !== null) {
    figures.number('pgloader, whole', pgloader.whole, 's')
    figures.number('pgloader COPY', pgloader.copy, 's')
    figures.atLeast('faster than pgloader, whole', pgloader.whole / landfall.whole, 3, 4)
    figures.atLeast('the same, verified', pgloader.whole / proven.whole, 2, 3)
    figures.atLeast('faster than pgloader, COPY', pgloader.copy / landfall.copy, 4, 5)
  }
  if (physicalLimit !== null) {
    figures.number('psql, ready-made binary files', physicalLimit, 's')
    figures.atMost('COPY phase to ready-made binary files', landfall.copy / physicalLimit, 'times', 1.7, 1.3)
  }
  if (fullScan !== null) {
    figures.number('full scan of the slower side', fullScan, 's')
    figures.atMost('verify to full scan', verified.seconds / fullScan, 'times', 2.2, 1.5)
  }
  figures.atMost('verify to COPY phase', verified.seconds / landfall.copy, 'times', 0.8, 0.5)
  figures.atMost('one changed row, named after the scan', verified.secondsToName - verified.seconds, 's', 1)
  figures.number('verify of two PostgreSQL databases', pair.seconds, 's')
  figures.atMost('the same to count(*) on both', pair.seconds / pair.counting, 'times', 3)
  figures.number('rows in the COPY phase', landfall.rows / landfall.copy, 'rows/s')
  figures.number('profile to COPY phase', landfall.profile / landfall.copy, 'times', 'aiming at 0.5')
  figures.atMost('profile to whole migrate', landfall.profile / landfall.whole, 'times', 0.33)
  const value = 3 * (LARGEST_VALUE[shape] ?? 0)
  figures.atMost(
    'peak memory, migrate',
    Math.max(landfall.peakMegabytes, proven.peakMegabytes),
    'MB',
    300 + value,
  )
  figures.atMost('peak memory, verify', verified.peakMegabytes, 'MB', 256 + value)
  return figures.list
}

/** The figures as lines for people. */
export function table(figures: readonly Figure[]): string {
  const lines = figures.map(({ shape, name, value, unit, target, met }) => {
    const verdict = met === null ? '' : met ? 'met' : 'MISSED'
    const number = `${value.toFixed(unit === 's' || unit === 'times' ? 2 : unit === 'ms' ? 1 : 0)} ${unit}`
    return [
      shape.padEnd(9),
      name.padEnd(40),
      number.padStart(14),
      '  ',
      (target ?? '').padEnd(28),
      verdict,
    ].join(' ')
  })
  return `\n${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
