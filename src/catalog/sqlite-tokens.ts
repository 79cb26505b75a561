/**
 * SQLite's lexical rules as far as definitions need them: four kinds of quotes, two of comments,
 * parentheses. Needed because no pragma tells expressions of generated columns, checks, predicates,
 * column collations and constraint names.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'sign'
  readonly text: string
  /** Offsets in the statement. */
  readonly start: number
  readonly end: number
}

// A no-break space is a letter to SQLite, so `\s` would be wrong; a byte order mark is white space.
const LEXEME =
  /(?<space>[ \t\n\f\r\uFEFF]+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'[^']*(?:''[^']*)*'?)|(?<quoted>"[^"]*(?:""[^"]*)*"?|`[^`]*(?:``[^`]*)*`?|\[[^\]]*\]?)|(?<word>[\w$\u0080-\uFFFF]+)|[\s\S]/g

/** A statement's tokens without white space and comments; text that makes no sense becomes signs. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (const match of sql.matchAll(LEXEME)) {
    const { space, string, quoted, word } = match.groups ?? {}
    if (space !== undefined) continue
    const kind = string !== undefined ? 'string' : quoted !== undefined ? 'quoted' : word ? 'word' : 'sign'
    const text = match[0]
    tokens.push({ kind, text, start: match.index, end: match.index + text.length })
  }
  return tokens
}

/** The token as an upper-case keyword; null when it is quoted or no word. */
export function keyword(token: Token | undefined): string | null {
  return token?.kind === 'word' ? token.text.toUpperCase() : null
}

export function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text
}

/** What a token means where a name is expected: quotes taken off. SQLite takes `'a'` for a name, too. */
export function nameOf(token: Token | undefined): string {
  if (token === undefined) return ''
  if (token.kind === 'word' || token.kind === 'sign') return token.text
  const quote = token.text.startsWith('[') ? ']' : token.text.charAt(0)
  const inner = token.text.slice(1, token.text.endsWith(quote) ? -1 : undefined)
  return quote === ']' ? inner : inner.replaceAll(quote + quote, quote)
}

/** The index of the `)` that closes the `(` at `open`; the last token when none does. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    if (isSign(tokens[i], '(')) depth++
    else if (isSign(tokens[i], ')') && --depth === 0) return i
  }
  return tokens.length - 1
}

/** Splits `tokens[from…to)` at the commas that are not inside parentheses. */
export function splitAtCommas(tokens: readonly Token[], from: number, to: number): Token[][] {
  const items: Token[][] = [[]]
  for (let i = from; i < to; i++) {
    if (isSign(tokens[i], ',')) {
      items.push([])
      continue
    }
    const end = isSign(tokens[i], '(') ? Math.min(closing(tokens, i), to - 1) : i
    items.at(-1)?.push(...tokens.slice(i, end + 1))
    i = end
  }
  return items.filter((item) => item.length > 0)
}

/** The statement's text under these tokens, without parentheses around the whole. */
export function textOf(sql: string, tokens: readonly Token[]): string {
  let inner = tokens
  while (inner.length > 2 && isSign(inner[0], '(') && closing(inner, 0) === inner.length - 1) {
    inner = inner.slice(1, -1)
  }
  const first = inner[0]
  const last = inner.at(-1)
  return first && last ? sql.slice(first.start, last.end) : ''
}

/** SQLite compares names without case in ASCII only: `É` and `é` are two names. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
