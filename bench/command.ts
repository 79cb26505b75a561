import { fileURLToPath } from 'node:url'
import { type Measured, measure } from './measure.ts'

const landfall = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))

/** `landfall VERB --from … --to … --json`, whatever its status. */
export function runCommand(verb: string, from: string, to: string, ...more: string[]): Promise<Measured> {
  return measure(process.execPath, [landfall, verb, '--from', from, '--to', to, '--json', ...more])
}

/** Runs commands one after the other in one session. */
export async function psql(url: string, commands: readonly string[]): Promise<Measured> {
  const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...commands.flatMap((command) => ['-c', command])]
  return await succeed('psql', [...args, url])
}

/** A command that must end well. */
export async function succeed(command: string, args: readonly string[]): Promise<Measured> {
  const measured = await measure(command, args)
  if (measured.status !== 0) throw failed(command, measured)
  return measured
}

export function failed(program: string, { status, stdout, stderr }: Measured): Error {
  return new Error(`${program} ended with status ${status}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`)
}
