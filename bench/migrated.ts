import type { MigrateReport } from '../src/contract/report.ts'
import { failed, runCommand } from './command.ts'
import type { Figures } from './figures.ts'
import { median } from './measure.ts'

/** One `landfall migrate`; times in seconds. */
export interface Migrated {
  readonly whole: number
  readonly phases: readonly { readonly name: string; readonly seconds: number }[]
  readonly peakMegabytes: number
}

/** Runs it to its end, which must be a good one. */
export async function runMigrate(from: string, to: string, ...more: string[]): Promise<Migrated> {
  const measured = await runCommand('migrate', from, to, ...more)
  if (measured.status !== 0) throw failed('landfall', measured)
  const { phases } = JSON.parse(measured.stdout) as MigrateReport
  return { whole: measured.seconds, phases, peakMegabytes: measured.peakMegabytes }
}

/** Medians of the times, and the greatest memory. */
export function medians(runs: readonly Migrated[]): Migrated {
  return {
    whole: median(runs.map((run) => run.whole)),
    phases: runs[0]!.phases.map(({ name }, at) => ({
      name,
      seconds: median(runs.map((run) => run.phases[at]!.seconds)),
    })),
    peakMegabytes: Math.max(...runs.map((run) => run.peakMegabytes)),
  }
}

export function spell({ whole, phases }: Migrated): string {
  return `${whole.toFixed(2)} s (${phases.map(({ name, seconds }) => `${name} ${seconds.toFixed(2)}`).join(', ')})`
}

/** Whole commands without verification and with it, and where the time of the former goes. */
export function showMigrated(figures: Figures, plain: Migrated, proven: Migrated): void {
  figures.number('landfall migrate --no-verify, whole', plain.whole, 's')
  for (const { name, seconds } of plain.phases) figures.number(`  of which ${name}`, seconds, 's')
  figures.number('landfall migrate, whole', proven.whole, 's')
  for (const { name, seconds } of proven.phases)
    if (name === 'verify') figures.number(`  of which ${name}`, seconds, 's')
}
