import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The program that users start. */
export const BIN = fileURLToPath(new URL('../../bin/landfall.js', import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly onStart?: (child: ChildProcess) => void
}

/** Runs `landfall` as a user does, in a process of its own without colours. */
export function landfall(args: readonly string[], { cwd, env = {}, onStart }: Surroundings): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { FORCE_COLOR: _, ...inherited } = process.env
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (part: Buffer) => {
      stdout += part
    })
    child.stderr.on('data', (part: Buffer) => {
      stderr += part
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, stdout, stderr }))
    onStart?.(child)
  })
}
