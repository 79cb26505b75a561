import { type Command, CommanderError } from 'commander'
import { tellFailure } from './failure.ts'
import { buildProgram } from './program.ts'
import { processShell, type Shell } from './shell.ts'
import { written } from './written.ts'

/** Runs one command line and ends the process with its exit status. */
export async function start(args: readonly string[] = process.argv.slice(2)): Promise<never> {
  const shell = processShell()
  const status = await run(args, shell)
  await Promise.all([written(process.stdout), written(process.stderr)])
  process.exit(status === 0 && shell.lostReport ? 1 : status)
}

/** Parses and carries out one command line; every failure is told and becomes an exit status. */
async function run(args: readonly string[], shell: Shell): Promise<number> {
  // Known before the parser has run, for what it finds wrong is told in the same form.
  // After -- there are the words of another program.
  const end = args.indexOf('--')
  shell.json = args.slice(0, end < 0 ? args.length : end).includes('--json')
  const program = buildProgram(shell)
  shell.command = commandName(program, args)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return shell.status
  } catch (error) {
    // Without a command the parser has shown the help, which says all there is to say.
    if (error instanceof CommanderError && error.code === 'commander.help') return 2
    return tellFailure(error, shell)
  }
}

/** `embedded start`: the commands that were named, by their own names; anything else typed is left out. */
function commandName(program: Command, args: readonly string[]): string {
  const words: string[] = []
  let group = program
  for (const arg of args) {
    const found = group.commands.find((one) => one.name() === arg || one.aliases().includes(arg))
    if (found === undefined) break
    words.push(found.name())
    group = found
  }
  return words.join(' ')
}
