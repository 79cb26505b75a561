import { readdirSync, readFileSync } from 'node:fs'

export interface Block {
  /** What stands behind the fence, e.g. `ts`. */
  readonly language: string
  readonly text: string
  /** For messages: `docs/guide/config.md:12`. */
  readonly place: string
}

const GUIDES = new URL('../../docs/guide/', import.meta.url)
const IMPORTS = "import { defineMigration, env, sql } from 'landfall'\n"

/** The files of all guides. */
export const guides = (): string[] => readdirSync(GUIDES).filter((name) => name.endsWith('.md'))

/** The fenced blocks of a guide, in their order. */
export function blocksOf(guide: string): Block[] {
  const lines = readFileSync(new URL(guide, GUIDES), 'utf8').split('\n')
  const blocks: Block[] = []
  let open: { readonly language: string; readonly at: number } | null = null
  for (const [at, line] of lines.entries()) {
    const fence = /^```(\w*)$/.exec(line)
    if (fence === null) continue
    if (open === null) open = { language: fence[1]!, at: at + 1 }
    else {
      const text = lines.slice(open.at, at).join('\n')
      blocks.push({ language: open.language, text, place: `docs/guide/${guide}:${open.at + 1}` })
      open = null
    }
  }
  return blocks
}

/**
 * The configs of a guide as files, by their names. A block of a few keys says them in place of those of the
 * guide's first one, which is whole.
 */
export function configsOf(guide: string): Map<string, { readonly text: string; readonly place: string }> {
  const blocks = blocksOf(guide).filter(({ language }) => language === 'ts')
  const nameOf = (at: number): string => `${guide.replace('.md', '')}-${at}.config.ts`
  return new Map(
    blocks.map(({ text, place }, at) => {
      const whole = text.includes('defineMigration(')
        ? text
        : `import base from './${nameOf(0)}'\nexport default defineMigration({\n...base,\n${text}\n})\n`
      return [nameOf(at), { text: whole.includes("from 'landfall'") ? whole : IMPORTS + whole, place }]
    }),
  )
}
