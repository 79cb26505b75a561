import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { keysAt } from '../../src/config/shape.ts'

const page = readFileSync(new URL('../../docs/reference/config.md', import.meta.url), 'utf8')
const [top, moves, columns, identities, schema, starts] = page.split(
  /^## `(?:moves|columns|identities|schema|boot|env)`$/m,
)

test.each([
  ['at the top', [], top],
  ['of a start', ['boot'], starts],
  ['of a backup', ['backup'], top],
  ['of a move', ['moves', 't'], moves],
  ['of a column', ['moves', 't', 'columns', 'c'], columns],
  ['of an identity', ['identities', 'i'], identities],
  ['of a rule', ['identities', 'i', 'match', 0], identities],
  ['of what is created', ['identities', 'i', 'unmatched'], identities],
  ['of a column that is created', ['identities', 'i', 'unmatched', 'create', 'c'], `${columns}${identities}`],
  ['of rows beside it', ['identities', 'i', 'unmatched', 'alsoCreate', 't'], identities],
  ['of a map', ['identities', 'i', 'keptIn'], identities],
  ['of a declared table', ['schema', 't'], schema],
  ['of an index', ['schema', 't', 'indexes', 'i'], schema],
  ['of a foreign key', ['schema', 't', 'foreignKeys', 'f'], schema],
  ['of rows to have', ['schema', 't', 'ensureRows'], schema],
])('the reference has all keys %s', (_, path, section) => {
  const keys = keysAt(path)
  expect(keys.length).toBeGreaterThan(1)
  expect(keys.filter((key) => !new RegExp(`\`[^\`]*\\b${key}\\b[^\`]*\``).test(section!))).toEqual([])
})
