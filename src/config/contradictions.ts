import type { ColumnConfig } from './column.ts'
import type { CreatedColumn, IdentityConfig, MappedColumns, MatchConfig } from './mapping.ts'
import type { MigrationConfig, MoveConfig } from './model.ts'
import { printPath } from './path.ts'
import { schemaContradictions } from './schema-contradictions.ts'
import { didYouMean } from './suggest.ts'

type Path = readonly PropertyKey[]
type Columns = Readonly<Record<string, CreatedColumn | undefined>>

/** What each value alone may say, but not beside the others; a line each, with its path. */
export function contradictions(config: MigrationConfig): string[] {
  const identities = Object.keys(config.identities ?? {})
  const found: string[] = []
  const say = (path: Path, what: string): void => {
    found.push(`${printPath(path)}: ${what}`)
  }
  for (const [name, said] of Object.entries(config.moves ?? {})) {
    if (said === undefined || said === false || name === '*') continue
    for (const [at, move] of [said].flat().entries()) {
      const path = ['moves', name, ...(Array.isArray(said) ? [at] : [])]
      ofMove(move, path, say)
      ofColumns(move.columns ?? {}, [...path, 'columns'], identities, say)
    }
  }
  for (const [name, said] of Object.entries(config.identities ?? {})) ofIdentity(name, said, identities, say)
  ofMaps(config.identities ?? {}, say)
  schemaContradictions(config.schema ?? {}, say)
  return found
}

type Say = (path: Path, what: string) => void

function ofMove(move: MoveConfig, path: Path, say: Say): void {
  if (typeof move.from === 'object' && move.ifSourceMissing !== undefined)
    say([...path, 'ifSourceMissing'], 'a SELECT names no single table that could be missing')
  if (Array.isArray(move.key)) {
    const twice = move.key.find((name, at) => move.key!.indexOf(name) < at)
    if (twice !== undefined) say([...path, 'key'], `names ${twice} twice`)
  }
}

function ofColumns(columns: Columns, path: Path, identities: readonly string[], say: Say): void {
  for (const [name, said] of Object.entries(columns)) {
    if (typeof said !== 'object') continue
    const column: ColumnConfig & { readonly unique?: unknown } = said
    const at = [...path, name]
    const others = (...without: string[]): string[] =>
      Object.entries(column).flatMap(([key, value]) =>
        value === undefined || without.includes(key) ? [] : [key],
      )
    if (column.value !== undefined)
      for (const other of others('value'))
        say(at, `value is the same for every row, so ${other} says nothing beside it`)
    else if (column.unique !== undefined)
      for (const other of others('unique', 'orElse'))
        say(at, `unique is the text itself, so ${other} says nothing beside it`)
    else if (column.identity !== undefined)
      for (const other of ['zone', 'epoch'] as const)
        if (column[other] !== undefined)
          say(at, `identity takes an old key, which is no time: ${other} says nothing`)
    if (column.identity !== undefined && !identities.includes(column.identity))
      say(
        [...at, 'identity'],
        `there is no identity ${column.identity}${didYouMean(column.identity, identities)}`,
      )
  }
}

function ofIdentity(name: string, said: IdentityConfig, identities: readonly string[], say: Say): void {
  const path = ['identities', name]
  for (const [at, rule] of said.match.entries()) ofMatch(rule, [...path, 'match', at], say)
  if (said.match.length === 0 && typeof said.unmatched !== 'object')
    say([...path, 'match'], 'without a rule nothing is matched')
  const take = said.matched?.take ?? []
  if (Array.isArray(take)) {
    if (take.includes(said.toKey)) say([...path, 'matched', 'take'], `${said.toKey} is the key itself`)
  } else ofTake(take as MappedColumns, said.toKey, [...path, 'matched', 'take'], identities, say)
  if (typeof said.unmatched !== 'object') return
  const { create, alsoCreate = {} } = said.unmatched
  const at = [...path, 'unmatched', 'create']
  ofColumns(create, at, identities, say)
  for (const [column, one] of Object.entries(create))
    if (typeof one === 'object' && 'identity' in one && one.identity === name)
      say([...at, column, 'identity'], 'the new key is only known when the row is there')
  for (const [table, also] of Object.entries(alsoCreate))
    ofColumns(also.columns, [...path, 'unmatched', 'alsoCreate', table, 'columns'], identities, say)
}

function ofTake(take: MappedColumns, key: string, path: Path, identities: readonly string[], say: Say): void {
  ofColumns(take, path, identities, say)
  for (const [name, said] of Object.entries(take)) {
    if (name === key) say([...path, name], 'is the key itself')
    if (typeof said === 'object' && said.orElse !== undefined)
      say([...path, name, 'orElse'], 'a matched row keeps its value where the source has none')
  }
}

/** The type allows one form only; a config in JavaScript or JSON is not checked by it. */
function ofMatch(rule: MatchConfig, path: Path, say: Say): void {
  const keys = Object.entries(rule).flatMap(([key, value]) => (value === undefined ? [] : [key]))
  const forms = keys.filter((key) => ['equal', 'equalIgnoringCase', 'through'].includes(key))
  if (forms.length === 0) say(path, 'must have equal, equalIgnoringCase or through')
  if (forms.length > 1) say(path, `is one rule: ${forms.join(' or ')}, or two entries of the list`)
  if (forms.length !== 1) return
  const own = forms[0] === 'through' ? ['through', 'where', 'gives', 'ignoringCase'] : forms
  for (const key of keys) if (!own.includes(key)) say([...path, key], 'goes with through')
  for (const key of own) if (key !== 'ignoringCase' && !keys.includes(key)) say([...path, key], 'is missing')
}

/** Two identities in one map would find each other's keys. */
function ofMaps(identities: NonNullable<MigrationConfig['identities']>, say: Say): void {
  const tables = new Map<string, string>()
  for (const [name, { keptIn }] of Object.entries(identities)) {
    if (keptIn === undefined || keptIn === false) continue
    const table = typeof keptIn === 'string' ? keptIn : keptIn.table
    const other = tables.get(table)
    if (other !== undefined)
      say(['identities', name, 'keptIn'], `${table} has the keys of the identity ${other} already`)
    else tables.set(table, name)
  }
}
