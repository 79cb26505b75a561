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
  readonly unit: 'times' | 's' | 'MB' | 'rows/s'
  readonly target: string | null
  /** Null where nothing is asked. */
  readonly met: boolean | null
}

/** The largest single value of each shape, in MB: memory may grow with it, and with nothing else. */
const LARGEST_VALUE: Readonly<Record<string, number>> = { 'huge-row': 100 }

/** The figures of one shape. Ratios are asked of `events`, the ordinary case; memory of all. */
export function judge(result: ShapeResult): Figure[] {
  const { shape, landfall, proven, verified, pair, fullScan, pgloader, physicalLimit } = result
  const figures: Figure[] = []
  const ordinary = shape === 'events'
  const number = (name: string, value: number, unit: Figure['unit'], target: string | null = null): void => {
    figures.push({ shape, name, value, unit, target, met: null })
  }
  const atLeast = (name: string, value: number, least: number, aim: number): void => {
    const target = ordinary ? `at least ${least}, aiming at ${aim}` : null
    figures.push({ shape, name, value, unit: 'times', target, met: ordinary ? value >= least : null })
  }
  const atMost = (name: string, value: number, unit: Figure['unit'], most: number, aim?: number): void => {
    const asked = ordinary || unit === 'MB'
    const target = aim === undefined ? `at most ${most}` : `at most ${most}, aiming at ${aim}`
    figures.push({
      shape,
      name,
      value,
      unit,
      target: asked ? target : null,
      met: asked ? value <= most : null,
    })
  }

  number('landfall migrate --no-verify, whole', landfall.whole, 's')
  number('landfall migrate, whole', proven.whole, 's')
  number('landfall verify', verified.seconds, 's')
  number('landfall profile phase', landfall.profile, 's')
  number('landfall COPY phase', landfall.copy, 's')
  if (pgloader !== null) {
    number('pgloader, whole', pgloader.whole, 's')
    number('pgloader COPY', pgloader.copy, 's')
    atLeast('faster than pgloader, whole', pgloader.whole / landfall.whole, 3, 4)
    atLeast('the same, verified', pgloader.whole / proven.whole, 2, 3)
    atLeast('faster than pgloader, COPY', pgloader.copy / landfall.copy, 4, 5)
  }
  if (physicalLimit !== null) {
    number('psql, ready-made binary files', physicalLimit, 's')
    atMost('COPY phase to ready-made binary files', landfall.copy / physicalLimit, 'times', 1.7, 1.3)
  }
  if (fullScan !== null) {
    number('full scan of the slower side', fullScan, 's')
    atMost('verify to full scan', verified.seconds / fullScan, 'times', 2.2, 1.5)
  }
  atMost('verify to COPY phase', verified.seconds / landfall.copy, 'times', 0.8, 0.5)
  atMost('one changed row, named after the scan', verified.secondsToName - verified.seconds, 's', 1)
  number('verify of two PostgreSQL databases', pair.seconds, 's')
  atMost('the same to count(*) on both', pair.seconds / pair.counting, 'times', 3)
  number('rows in the COPY phase', landfall.rows / landfall.copy, 'rows/s')
  number('profile to COPY phase', landfall.profile / landfall.copy, 'times', 'aiming at 0.5')
  atMost('profile to whole migrate', landfall.profile / landfall.whole, 'times', 0.33)
  const value = 3 * (LARGEST_VALUE[shape] ?? 0)
  atMost('peak memory, migrate', Math.max(landfall.peakMegabytes, proven.peakMegabytes), 'MB', 300 + value)
  atMost('peak memory, verify', verified.peakMegabytes, 'MB', 256 + value)
  return figures
}

/** The figures as lines for people. */
export function table(figures: readonly Figure[]): string {
  const lines = figures.map(({ shape, name, value, unit, target, met }) => {
    const verdict = met === null ? '' : met ? 'met' : 'MISSED'
    const number = `${value.toFixed(unit === 's' || unit === 'times' ? 2 : 0)} ${unit}`
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
