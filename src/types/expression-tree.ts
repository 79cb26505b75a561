import { cast, like, typeofColumn } from './expression-conversions.ts'
import { call } from './expression-functions.ts'
import type { ExpressionContext, Tree } from './expression-model.ts'
import {
  arithmetic,
  comparable,
  comparison,
  condition,
  isNumber,
  not,
  number,
  textual,
  unified,
  widened,
} from './expression-operators.ts'
import { Untranslatable } from './expression-tokens.ts'
import { column, int, NULL, numeral, real, text, truth, type Value, wrap } from './expression-value.ts'

/** Translates a tree; throws `Untranslatable`. */
export function translateTree(root: Tree, context: ExpressionContext): Value {
  const loose = context.purpose === 'index' && context.unique !== true

  function value(tree: Tree): Value {
    switch (tree.node) {
      case 'null':
        return NULL
      case 'number':
        return numeral(tree.text)
      case 'string':
        return text(tree.text)
      case 'blob':
        return { sql: `'\\x${tree.hex}'::bytea`, atom: true, kind: 'blob', notNull: true }
      case 'name':
        return named(tree.name, tree.form)
      case 'unary':
        return tree.op === 'not' ? logical(tree, false) : signed(tree.op, value(tree.of))
      case 'binary':
        return binary(tree.op, tree.left, tree.right)
      case 'like':
        if (tree.op !== 'like')
          throw new Untranslatable(`${tree.op.toUpperCase()} has no equal in PostgreSQL`)
        return like(value(tree.left), value(tree.right), tree.escape === null ? null : value(tree.escape))
      case 'between':
        return both(
          comparison('>=', value(tree.of), value(tree.low)),
          comparison('<=', value(tree.of), value(tree.high)),
        )
      case 'in':
        return membership(tree.of, tree.list)
      case 'case':
        return branches(tree)
      case 'cast':
        return cast(value(tree.of), tree.type)
      case 'collate': {
        const of = value(tree.of)
        return of.kind === 'text' || of.collation !== undefined
          ? { ...of, collation: { name: tree.collation.toUpperCase(), explicit: true } }
          : of
      }
      case 'call':
        return called(tree.name, tree.args)
    }
  }

  function named(name: string, form: 'word' | 'name' | 'quoted'): Value {
    const found = context.columns.get(name.toLowerCase())
    if (found !== undefined) return column(found, name)
    if (form === 'quoted') return text(name)
    const word = form === 'word' ? name.toLowerCase() : ''
    if (word === 'true' || word === 'false') return int(word === 'true' ? 1n : 0n)
    if (/^current_(date|time|timestamp)$/.test(word))
      throw new Untranslatable(`${name} changes with the time`)
    throw new Untranslatable(`${name} is no column of the table`)
  }

  function signed(op: '-' | '+' | '~', of: Value): Value {
    const plain = number(of)
    if (op === '+') {
      const { affinity: _, ...rest } = plain
      return rest
    }
    if (plain.kind === 'null') return NULL
    if (!isNumber(plain)) throw new Untranslatable(`${op} is applied to a text`)
    if (op === '~') {
      if (plain.kind !== 'int') throw new Untranslatable('~ is applied to a number with a fraction')
      return { sql: `~ ${widened(plain)}`, atom: false, kind: 'int', wide: true }
    }
    if (typeof plain.constant === 'bigint') return int(-plain.constant)
    // The one integer whose positive half is none.
    if (plain.constant === 2 ** 63 && plain.affinity === undefined) return int(-0x8000000000000000n)
    if (typeof plain.constant === 'number') return real(-plain.constant)
    return {
      sql: `- ${plain.kind === 'int' ? widened(plain) : wrap(plain)}`,
      atom: false,
      kind: plain.kind,
      wide: true,
      notNull: plain.notNull === true,
    }
  }

  function binary(op: string, left: Tree, right: Tree): Value {
    if (op === 'and' || op === 'or') return logical({ node: 'binary', op, left, right }, false)
    if (op === '->' || op === '->>') throw new Untranslatable(`${op} reads JSON by SQLite's rules`)
    if (op === 'is' || op === 'is not') {
      const word = right.node === 'name' && right.form === 'word' ? right.name.toLowerCase() : ''
      if ((word === 'true' || word === 'false') && !context.columns.has(word)) {
        const of = condition(value(left))
        return { sql: `${wrap(of)} ${op} ${word}`, atom: false, kind: 'bool', notNull: true }
      }
    }
    if (op === '||') {
      const [a, b] = [textual(value(left)), textual(value(right))]
      if (a.kind === 'null' || b.kind === 'null') return NULL
      return {
        sql: `${wrap(a)} || ${wrap(b)}`,
        atom: false,
        kind: 'text',
        notNull: a.notNull === true && b.notNull === true,
      }
    }
    if (!['=', '<>', '<', '<=', '>', '>=', 'is', 'is not'].includes(op))
      return arithmetic(op, value(left), value(right))
    return typeTest(op, left, [right]) ?? comparison(op, value(left), value(right))
  }

  function both(left: Value, right: Value): Value {
    return {
      sql: `${wrap(left)} and ${wrap(right)}`,
      atom: false,
      kind: 'bool',
      notNull: left.notNull === true && right.notNull === true,
    }
  }

  /** AND, OR, NOT. Where NULL passes (a check, not under NOT), what the types keep anyway is `true`. */
  function logical(tree: Tree, positive: boolean): Value {
    if (tree.node === 'unary' && tree.op === 'not') return not(logical(tree.of, false))
    if (tree.node !== 'binary' || (tree.op !== 'and' && tree.op !== 'or')) {
      const of = condition(value(tree))
      return positive && of.always === 'known' ? truth(true) : of
    }
    const left = logical(tree.left, positive)
    const right = logical(tree.right, positive)
    const stop = tree.op === 'or'
    if (left.always === stop || right.always === stop) return truth(stop)
    if (left.always === !stop) return right
    if (right.always === !stop) return left
    const joined = both(left, right)
    return stop ? { ...joined, sql: `${wrap(left)} or ${wrap(right)}` } : joined
  }

  function membership(of: Tree, list: readonly Tree[]): Value {
    const tested = typeTest('in', of, list)
    if (tested !== null) return tested
    if (list.length === 0) return truth(false)
    const left = value(of)
    const pairs = list.map((item) => {
      // On the right side of IN a column's own affinity and collation do not count.
      const { affinity: _, collation: __, ...right } = value(item)
      return comparable(left, right)
    })
    const sql = pairs.find(([, right]) => right.kind !== 'null')?.[0].sql ?? left.sql
    if (pairs.some(([side, right]) => right.kind !== 'null' && side.sql !== sql))
      throw new Untranslatable('IN compares with values of several types')
    const items = pairs.map(([, right]) => right)
    const all =
      left.kind === 'bool' && [true, false].every((one) => items.some((item) => item.always === one))
    const shown: Value = { ...(pairs[0]?.[0] ?? left), sql, atom: left.sql !== sql || left.atom }
    return {
      sql: `${wrap(shown)} in (${items.map((item) => item.sql).join(', ')})`,
      atom: false,
      kind: 'bool',
      notNull: left.notNull === true && items.every((item) => item.notNull),
      ...(all ? { always: 'known' } : {}),
    }
  }

  /** `typeof(column)` compared with constants: known by the target's type, but for NULL. */
  function typeTest(op: string, left: Tree, list: readonly Tree[]): Value | null {
    if (left.node !== 'call' || left.name !== 'typeof' || left.args.length !== 1) return null
    const names = list.map((item) =>
      item.node === 'string' || (item.node === 'name' && item.form === 'quoted')
        ? item.node === 'string'
          ? item.text
          : item.name
        : null,
    )
    if (!['=', '<>', 'is', 'is not', 'in'].includes(op) || names.includes(null)) return null
    const of = value(left.args[0]!)
    const type = typeofColumn(of)
    const numbers = of.kind === 'number' && names.includes('integer') === names.includes('real')
    if (type === null && !numbers) throw new Untranslatable('typeof() depends on the value')
    const forNull = names.includes('null')
    const forValue = type === null ? names.includes('integer') : names.includes(type)
    const result =
      forNull === forValue
        ? truth(forValue)
        : of.notNull
          ? truth(forValue)
          : comparison(forNull ? 'is' : 'is not', of, NULL)
    return op === '<>' || op === 'is not' ? not(result) : result
  }

  function branches(tree: Tree & { node: 'case' }): Value {
    const base = tree.base
    const tests = tree.when.map(([test]) =>
      base === null ? condition(value(test)) : comparison('=', value(base), value(test)),
    )
    const all = unified([
      ...tree.when.map(([, result]) => value(result)),
      tree.otherwise === null ? NULL : value(tree.otherwise),
    ])
    if (all.kind === 'null') return NULL
    const results = all.values
    const when = tests.map((test, index) => `when ${test.sql} then ${results[index]!.sql}`).join(' ')
    const otherwise = tree.otherwise === null ? '' : ` else ${results.at(-1)!.sql}`
    return {
      sql: `case ${when}${otherwise} end`,
      atom: false,
      kind: all.kind,
      wide: all.wide,
      notNull: results.every((one) => one.notNull),
    }
  }

  function called(name: string, args: readonly Tree[]): Value {
    if (name === 'iif' || (name === 'if' && args.length === 3)) {
      if (args.length !== 3) throw new Untranslatable('iif() needs three arguments')
      return branches({ node: 'case', base: null, when: [[args[0]!, args[1]!]], otherwise: args[2]! })
    }
    if (name === 'like') throw new Untranslatable('like() is called as a function')
    if (name === 'typeof' && args.length === 1) {
      const of = value(args[0]!)
      const type = typeofColumn(of)
      if (type === null) throw new Untranslatable('typeof() depends on the value')
      return {
        sql: `case when ${of.sql} is null then 'null' else '${type}' end`,
        atom: false,
        kind: 'text',
        notNull: true,
      }
    }
    return call(name, args.map(value), loose)
  }

  return context.purpose === 'check' ? logical(root, true) : value(root)
}
