import { CommanderError } from 'commander'
import { tellFailure } from './failure.ts'
import { buildProgram } from './program.ts'
import { processShell, type Shell } from './shell.ts'

/** Runs one command line and ends the process with its exit status. */
export async function start(args: readonly string[] = process.argv.slice(2)): Promise<never> {
  const shell = processShell()
  const status = await run(args, shell)
  await Promise.all([written(process.stdout), written(process.stderr)])
  process.exit(status)
}

/** Parses and carries out one command line; every failure is told and becomes an exit status. */
async function run(args: readonly string[], shell: Shell): Promise<number> {
  // Known before the parser has run, for what it finds wrong is told in the same form.
  shell.json = args.includes('--json')
  shell.command = args.find((arg) => !arg.startsWith('-')) ?? ''
  try {
    await buildProgram(shell).parseAsync([...args], { from: 'user' })
    return shell.status
  } catch (error) {
    // Without a command the parser has shown the help, which says all there is to say.
    if (error instanceof CommanderError && error.code === 'commander.help') return 2
    return tellFailure(error, shell)
  }
}

/** Resolves when all that was written has left the process: pipes are asynchronous. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve()
    else {
      stream.once('error', () => resolve())
      stream.write('', () => resolve())
    }
  })
}
