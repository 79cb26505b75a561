import { existsSync, readdirSync } from 'node:fs'
import pc from 'picocolors'
import { type Story, tell } from './story.ts'

/** `npm run recipe -- NAME`: a recipe's story from nothing; status 0 only where every step was accepted. */
async function main(name: string | undefined): Promise<void> {
  const known = readdirSync(new URL('.', import.meta.url)).filter((one) => existsSync(storyOf(one)))
  if (name === undefined || !known.includes(name))
    throw new Error(`npm run recipe -- NAME, where NAME is one of: ${known.join(', ')}`)
  const { story }: { story: (on: Story) => Promise<void> } = await import(storyOf(name).href)
  await tell(name, story)
  process.stdout.write(`\n${pc.green('Every step was accepted.')} Nothing is left running.\n`)
  process.stdout.write(`recipes/${name}/README.md says how to do it step by step.\n`)
}

const storyOf = (name: string): URL => new URL(`${name}/story.ts`, import.meta.url)

try {
  await main(process.argv[2])
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
