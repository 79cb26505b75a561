import { Command } from 'commander'
import { didYouMean } from '../config/suggest.ts'
import { ERRORS, LandfallError } from '../errors.ts'
import { CODES, renderCodes, renderExplanation } from '../report/docs.ts'
import { EXPLANATIONS } from '../report/explanations.ts'
import { withoutSecrets } from '../report/text.ts'
import { examples } from './options.ts'
import type { Shell } from './shell.ts'

export function docsCommand(shell: Shell): Command {
  return new Command('docs')
    .description('explain an error code: what happened, why, what to do')
    .argument('[code]', 'e.g. LF204; without it all codes are listed')
    .option('--json', 'as JSON')
    .addHelpText('after', examples('landfall docs', 'landfall docs LF204'))
    .action((text: string | undefined, flags: { json?: boolean }) => {
      if (text === undefined) {
        shell.print(flags.json ? json(CODES.map(facts)) : renderCodes())
        return
      }
      const code = CODES.find((one) => one === text.toUpperCase())
      if (code === undefined) {
        throw new LandfallError(
          'LF001',
          `${withoutSecrets(text)} is no error code${didYouMean(text, CODES)}`,
          {
            hint: 'landfall docs   lists all codes',
          },
        )
      }
      shell.print(flags.json ? json(facts(code)) : renderExplanation(code, shell.outStyle))
    })
}

function facts(code: (typeof CODES)[number]) {
  return { code, ...ERRORS[code], ...EXPLANATIONS[code] }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
