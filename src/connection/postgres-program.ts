import { spawn } from 'node:child_process'

export interface ProgramRun {
  readonly program: string
  /** Never with a secret in them: see `libpqEnvironment`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** An open file that standard output goes to; absent: it is collected. */
  readonly output?: number
  /** Aborting it ends the program; then its reason is thrown. */
  readonly signal?: AbortSignal | undefined
}

export interface ProgramEnd {
  readonly status: number
  readonly stdout: Buffer
  /** The last 64 KB of what it said. It may hold what the server said, and that anything. */
  readonly stderr: string
}

const SAID = 65_536

/**
 * Between us and the program stands a process that ends it when our side of its standard input is closed,
 * whatever became of us; a program that writes into a file would otherwise go on after we were killed.
 * Ctrl-C in a terminal reaches all three.
 */
const KEEPER = `
const { spawn } = require('node:child_process')
const [program, ...args] = process.argv.slice(1)
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
const end = () => child.kill()
process.stdin.on('error', end).on('end', end).resume()
process.on('SIGINT', () => {}).on('SIGHUP', () => {}).on('SIGTERM', end)
const leave = (status) => { process.exitCode = status; process.stdin.destroy() }
child.on('error', (error) => process.stderr.write(String(error.code), () => leave(127)))
child.on('exit', (status) => leave(status ?? 128))
`

/** Runs one of PostgreSQL's programs to its end; it does not outlive this process. */
export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', KEEPER, '--', run.program, ...run.args], {
      env: run.env,
      stdio: ['pipe', run.output ?? 'pipe', 'pipe'],
    })
    const stop = (): void => void child.stdin!.end()
    child.stdin!.on('error', () => {})
    const output: Buffer[] = []
    child.stdout?.on('data', (part: Buffer) => output.push(part))
    let said = Buffer.alloc(0)
    child.stderr!.on('data', (part: Buffer) => {
      said = Buffer.concat([said, part]).subarray(-SAID)
    })
    run.signal?.addEventListener('abort', stop, { once: true })
    if (run.signal?.aborted) stop()
    child.on('error', reject)
    child.on('close', (status) => {
      run.signal?.removeEventListener('abort', stop)
      if (run.signal?.aborted) return reject(run.signal.reason)
      resolve({ status: status ?? 128, stdout: Buffer.concat(output), stderr: said.toString('utf8') })
    })
  })
}
