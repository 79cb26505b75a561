/** Why an expression has no equal in PostgreSQL: one clause, e.g. `glob() compares by SQLite's own patterns`. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable'
}

export interface Token {
  /**
   * `word` an unquoted name or keyword, `name` a name in `[]` or backticks, `quoted` a name in double
   * quotes (or a string, if there is no such column), `op` punctuation.
   */
  readonly kind: 'word' | 'name' | 'quoted' | 'string' | 'blob' | 'number' | 'op' | 'end'
  /** Unquoted; keywords and operators as written. */
  readonly text: string
}

const SPACE = /(?:[ \t\n\f\r]+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/y
/** In the order in which they are tried; what a quoted form doubles inside. */
const FORMS: readonly (readonly [Token['kind'], RegExp, string?])[] = [
  ['blob', /[xX]'((?:[0-9a-fA-F]{2})*)'/y],
  ['word', /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y],
  ['number', /0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?/y],
  ['string', /'((?:[^']|'')*)'/y, "'"],
  ['quoted', /"((?:[^"]|"")*)"/y, '"'],
  ['name', /`((?:[^`]|``)*)`/y, '`'],
  ['name', /\[([^\]]*)\]/y],
  ['op', /->>|->|\|\||<<|>>|<=|>=|<>|==|!=|[-+*/%&|~<>=(),.]/y],
]

/** Cuts an expression of SQLite's dialect into tokens; the last one is `end`. Throws `Untranslatable`. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(sql)
    if (found !== null) at += found[0].length
    return found
  }
  for (take(SPACE); at < sql.length; take(SPACE)) {
    const rest = sql.slice(at, at + 20)
    const token = FORMS.values()
      .map(([kind, pattern, doubled]): Token | null => {
        const found = take(pattern)
        if (found === null) return null
        const text = found[1] ?? found[0]
        return { kind, text: doubled === undefined ? text : text.replaceAll(doubled + doubled, doubled) }
      })
      .find((one) => one !== null)
    if (token === undefined || token === null)
      throw new Untranslatable(`it cannot be read from ${JSON.stringify(rest)} on`)
    tokens.push(token)
  }
  tokens.push({ kind: 'end', text: '' })
  return tokens
}
