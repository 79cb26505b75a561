import type { Tree } from './expression-model.ts'
import { type Token, tokenize, Untranslatable } from './expression-tokens.ts'

/** From the loosest to the tightest, all left-associative; the level of `=` also holds IS, IN, LIKE, BETWEEN. */
const LEVELS: readonly (readonly string[])[] = [
  ['<', '<=', '>', '>='],
  ['&', '|', '<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
  ['||', '->', '->>'],
]

/** Words that cannot be a column's name without quotes where an operand is expected. */
const RESERVED = new Set(
  'and or not is in between like glob regexp match escape collate null case when then else end cast exists select isnull notnull distinct from raise'.split(
    ' ',
  ),
)

/** Reads a whole expression. Throws `Untranslatable` for what is no scalar expression. */
export function parse(sql: string): Tree {
  const tokens = tokenize(sql)
  let at = 0
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, tokens.length - 1)]!
  const isOp = (text: string, ahead = 0): boolean => peek(ahead).kind === 'op' && peek(ahead).text === text
  const isWord = (text: string, ahead = 0): boolean =>
    peek(ahead).kind === 'word' && peek(ahead).text.toLowerCase() === text
  const take = (test: (text: string) => boolean, text: string): boolean => {
    if (!test(text)) return false
    at += 1
    return true
  }
  const op = (text: string): boolean => take(isOp, text)
  const word = (text: string): boolean => take(isWord, text)
  const fail = (): never => {
    const token = peek()
    throw new Untranslatable(
      token.kind === 'end' ? 'it ends too early' : `${JSON.stringify(token.text)} is not expected there`,
    )
  }
  const need = (done: boolean): void => {
    if (!done) fail()
  }

  function disjunction(): Tree {
    let left = conjunction()
    while (word('or')) left = { node: 'binary', op: 'or', left, right: conjunction() }
    return left
  }

  function conjunction(): Tree {
    let left = negation()
    while (word('and')) left = { node: 'binary', op: 'and', left, right: negation() }
    return left
  }

  function negation(): Tree {
    return word('not') ? { node: 'unary', op: 'not', of: negation() } : equality()
  }

  function equality(): Tree {
    let left = level(0)
    for (;;) {
      const symbol = ['=', '==', '<>', '!='].find((one) => op(one))
      if (symbol !== undefined) {
        left = {
          node: 'binary',
          op: symbol === '==' ? '=' : symbol === '!=' ? '<>' : symbol,
          left,
          right: level(0),
        }
      } else if (word('isnull')) left = { node: 'binary', op: 'is', left, right: { node: 'null' } }
      else if (word('notnull')) left = { node: 'binary', op: 'is not', left, right: { node: 'null' } }
      else if (isWord('not') && isWord('null', 1)) {
        at += 2
        left = { node: 'binary', op: 'is not', left, right: { node: 'null' } }
      } else if (word('is')) {
        const not = word('not')
        const distinct = isWord('distinct') && isWord('from', 1)
        if (distinct) at += 2
        left = { node: 'binary', op: not === distinct ? 'is' : 'is not', left, right: level(0) }
      } else {
        const next = membership(left)
        if (next === null) return left
        left = next
      }
    }
  }

  /** `[NOT] IN | BETWEEN | LIKE …` after its left side, or null when none follows. */
  function membership(left: Tree): Tree | null {
    const not = isWord('not') && peek(1).kind === 'word'
    const key = peek(not ? 1 : 0)
    const name = key.kind === 'word' ? key.text.toLowerCase() : ''
    if (!['in', 'between', 'like', 'glob', 'regexp', 'match'].includes(name)) return null
    at += not ? 2 : 1
    let tree: Tree
    if (name === 'in') {
      if (!op('(')) throw new Untranslatable('IN reads another table')
      tree = { node: 'in', of: left, list: list() }
    } else if (name === 'between') {
      const low = level(0)
      need(word('and'))
      tree = { node: 'between', of: left, low, high: level(0) }
    } else {
      const right = level(0)
      tree = { node: 'like', op: name, left, right, escape: word('escape') ? level(0) : null }
    }
    return not ? { node: 'unary', op: 'not', of: tree } : tree
  }

  function level(depth: number): Tree {
    const operators = LEVELS[depth]
    if (operators === undefined) return collated()
    let left = level(depth + 1)
    for (;;) {
      const symbol = operators.find((one) => op(one))
      if (symbol === undefined) return left
      left = { node: 'binary', op: symbol, left, right: level(depth + 1) }
    }
  }

  function collated(): Tree {
    let of = unary()
    while (word('collate')) of = { node: 'collate', of, collation: name() }
    return of
  }

  function unary(): Tree {
    const symbol = (['-', '+', '~'] as const).find((one) => op(one))
    return symbol === undefined ? operand() : { node: 'unary', op: symbol, of: unary() }
  }

  function name(): string {
    const token = peek()
    if (token.kind !== 'word' && token.kind !== 'name' && token.kind !== 'quoted') fail()
    at += 1
    return token.text
  }

  /** The arguments after an opening parenthesis, and the closing one. */
  function list(): Tree[] {
    const items: Tree[] = []
    if (op(')')) return items
    do items.push(disjunction())
    while (op(','))
    need(op(')'))
    return items
  }

  function operand(): Tree {
    const token = peek()
    if (token.kind === 'op' && token.text === '(') {
      at += 1
      if (isWord('select') || isWord('with') || isWord('values')) throw new Untranslatable('it holds a query')
      const inner = disjunction()
      if (isOp(',')) throw new Untranslatable('it compares rows of values')
      need(op(')'))
      return inner
    }
    if (token.kind === 'end' || token.kind === 'op') fail()
    at += 1
    if (token.kind === 'number') return { node: 'number', text: token.text }
    if (token.kind === 'string') return { node: 'string', text: token.text }
    if (token.kind === 'blob') return { node: 'blob', hex: token.text }
    const key = token.kind === 'word' ? token.text.toLowerCase() : ''
    if (key === 'null') return { node: 'null' }
    if (key === 'case') return branches()
    if (key === 'cast') return cast()
    if (isOp('(') && key !== '' && (!RESERVED.has(key) || ['like', 'glob'].includes(key))) return call(key)
    if (RESERVED.has(key)) {
      if (key === 'exists' || key === 'select') throw new Untranslatable('it holds a query')
      at -= 1
      fail()
    }
    if (op('.')) {
      let last = name()
      if (op('.')) last = name()
      return { node: 'name', name: last, form: 'name' }
    }
    return {
      node: 'name',
      name: token.text,
      form: token.kind === 'word' ? 'word' : token.kind === 'name' ? 'name' : 'quoted',
    }
  }

  function call(key: string): Tree {
    need(op('('))
    if (isOp('*') || isWord('distinct')) throw new Untranslatable(`${key}() is an aggregate`)
    const args = list()
    if (isWord('over') || isWord('filter')) throw new Untranslatable(`${key}() is a window function`)
    return { node: 'call', name: key, args }
  }

  function branches(): Tree {
    const base = isWord('when') ? null : disjunction()
    const when: [Tree, Tree][] = []
    while (word('when')) {
      const test = disjunction()
      need(word('then'))
      when.push([test, disjunction()])
    }
    const otherwise = word('else') ? disjunction() : null
    need(when.length > 0 && word('end'))
    return { node: 'case', base, when, otherwise }
  }

  function cast(): Tree {
    need(op('('))
    const of = disjunction()
    need(word('as'))
    let type = ''
    for (let depth = 0; depth > 0 || !isOp(')'); at += 1) {
      if (peek().kind === 'end') fail()
      if (isOp('(')) depth += 1
      else if (isOp(')')) depth -= 1
      else if (depth === 0) type += `${type === '' ? '' : ' '}${peek().text}`
    }
    need(op(')'))
    return { node: 'cast', of, type }
  }

  const tree = disjunction()
  if (peek().kind !== 'end') fail()
  return tree
}
