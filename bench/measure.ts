import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Measured {
  readonly status: number | null
  readonly seconds: number
  /**
   * The highest resident memory of the process and those of its children that ran at the same time, each at
   * its own highest. Linux only, else 0.
   */
  readonly peakMegabytes: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. */
export function measure(command: string, args: readonly string[]): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const begin = performance.now()
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (data: Buffer) => stdout.push(data))
    child.stderr.on('data', (data: Buffer) => stderr.push(data))
    let peak = 0
    const watch = setInterval(() => {
      if (child.pid !== undefined) peak = Math.max(peak, peaksOf(child.pid))
    }, 50)
    child.once('error', reject)
    child.once('close', (status) => {
      clearInterval(watch)
      resolve({
        status,
        seconds: (performance.now() - begin) / 1000,
        peakMegabytes: peak / 1024,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      })
    })
  })
}

/** By the kernel's own high-water mark, so that nothing between two looks is missed; in kB. */
function peaksOf(pid: number): number {
  try {
    const mark = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    const running = children.trim().split(' ').filter(Boolean).map(Number)
    return running.reduce((sum, child) => sum + peaksOf(child), Number(mark?.[1] ?? 0))
  } catch {
    // Not Linux, or the process has just ended.
    return 0
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
