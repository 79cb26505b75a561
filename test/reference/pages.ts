import type { Command } from 'commander'
import { buildProgram } from '../../src/cli/program.ts'
import type { Shell } from '../../src/cli/shell.ts'
import { ERRORS } from '../../src/errors.ts'
import { CODES } from '../../src/report/docs.ts'
import { EXIT_STATUSES } from '../../src/report/exit-statuses.ts'
import { EXPLANATIONS } from '../../src/report/explanations.ts'
import { PLAIN } from '../../src/report/text.ts'

/** The pages of docs/reference that are made from the product itself, by path. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/exit-statuses.md': exitStatusesPage(),
    'docs/reference/cli.md': cliPage(),
  }
}

const made = (from: string): string => `<!-- Made by npx node test/reference/write.ts from ${from}. -->`

function errorsPage(): string {
  const parts = CODES.map((code) => {
    const { what, why, todo } = EXPLANATIONS[code]
    return [
      `## ${code}`,
      `**${ERRORS[code].title}** (exit status ${ERRORS[code].exit})`,
      `${markdown(what)} ${markdown(why)}`,
      todo.map((line) => `- ${markdown(line)}`).join('\n'),
    ].join('\n\n')
  })
  return `${[
    made('src/report/explanations.ts'),
    '# Errors',
    'Every failure has a code that never changes its meaning. `landfall docs CODE` prints the same text.',
    ...parts,
  ].join('\n\n')}\n`
}

function exitStatusesPage(): string {
  const parts = EXIT_STATUSES.map(({ status, what, todo }) => {
    const codes = CODES.filter((code) => ERRORS[code].exit === status)
    const links = codes.map((code) => `[${code}](errors.md#${code.toLowerCase()})`).join(', ')
    return `| ${status} | ${markdown(what)} | ${markdown(todo)} | ${links} |`
  })
  return `${[
    made('src/report/exit-statuses.ts'),
    '',
    '# Exit statuses',
    '',
    '| status | what it means | what to do | codes |',
    '|---|---|---|---|',
    ...parts,
  ].join('\n')}\n`
}

function cliPage(): string {
  const page = [made('the help texts in src/cli'), '# The command line']
  const visit = (command: Command, path: string): void => {
    page.push(`## ${path}`, `\`\`\`\n${fullHelp(command)}\n\`\`\``)
    for (const child of command.commands) visit(child, `${path} ${child.name()}`)
  }
  visit(buildProgram(silentShell()), 'landfall')
  return `${page.join('\n\n')}\n`
}

/** The help with the examples after it, which are written only where help is shown. */
function fullHelp(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => 100,
  })
  command.outputHelp()
  return text.trimEnd()
}

function silentShell(): Shell {
  return {
    cwd: '/',
    environment: {},
    print: () => {},
    say: () => {},
    outStyle: PLAIN,
    errStyle: PLAIN,
    live: false,
    signal: new AbortController().signal,
    sayAbove: null,
    stopping: null,
    command: '',
    json: false,
    ends: {},
    status: 0,
    lostReport: false,
  }
}

function markdown(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/[<>*_`]/g, (char) => `\\${char}`)
}
