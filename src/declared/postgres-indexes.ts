import { collations, sameSql } from '../checks/same-sql.ts'
import { ident } from '../connection/quote.ts'
import type { DeclaredIndex, DeclaredKey } from '../contract/declaration.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import type { Looking } from './looking.ts'
import type { IndexFacts } from './postgres-facts.ts'
import { indexSql, keySql, label, relation } from './postgres-sql.ts'
import {
  alter,
  createIndex,
  dropIndex,
  keyIndex,
  keyOfIndex,
  objectOf,
  setNotNull,
} from './postgres-statements.ts'
import { hasBuilt } from './record.ts'

/** Indexes of a table that is there: found by name, judged by state and definition. */
export async function examineIndexes(looking: Looking): Promise<void> {
  const { at, table, facts, findings } = looking
  for (const index of table.indexes) {
    const object = objectOf('index', at, index.name)
    const expected = indexSql(index, at, '')
    const there = facts.indexes.find(({ name }) => name === index.name)
    const build = createIndex(at, index)
    if (there !== undefined && !(await isSameIndex(looking, index, there))) {
      const why = 'An index of this name has another definition. Landfall does not change what is there.'
      findings.different(object, expected, there.sql, why, [dropIndex(at, index.name, ''), build])
    } else if (there?.valid === true) findings.right(object, expected, there.sql)
    else if (there !== undefined) rebuild(looking, index, 'index', [build])
    else {
      const why = cannotBeBuilt(looking, index.name)
      if (why === null) findings.lacking(object, expected, 'indexes', [build])
      else findings.different(object, expected, 'missing', why, [])
    }
  }
}

/** An index that its building left behind; it costs every write and serves no query. */
function rebuild(
  { at, facts, findings }: Looking,
  index: DeclaredIndex,
  kind: 'index' | 'unique' | 'primary key',
  build: readonly SchemaStatement[],
): void {
  const drop = dropIndex(at, index.name, ', which is not valid')
  const phase = kind === 'index' ? 'indexes' : 'keys'
  const found = 'an index that is not valid: its building was broken off, or goes on'
  const object = objectOf(kind, at, index.name)
  if (facts.kind === 'p') findings.different(object, indexSql(index, at, ''), UNATTACHED, ATTACH, [])
  else findings.lacking(object, indexSql(index, at, ''), phase, [drop, ...build], found)
}

const UNATTACHED = 'an index that is not valid: partitions have none that is attached to it'
const ATTACH =
  'The table is partitioned: build the index on each partition that has none, and attach each with ALTER INDEX … ATTACH PARTITION.'

function cannotBeBuilt({ facts, taken }: Looking, name: string): string | null {
  const other = taken.get(name)
  if (other !== undefined) return `In this schema ${other} already.`
  if (facts.kind === 'p')
    return 'The table is partitioned, and an index on it cannot be built while it is in use: build one on each partition, then one on the table.'
  return null
}

/** The primary key and UNIQUE constraints of a table that is there. */
export async function examineKeys(looking: Looking): Promise<void> {
  if (looking.table.primaryKey !== null) await examineKey(looking, 'primary key', looking.table.primaryKey)
  for (const key of looking.table.uniques) await examineKey(looking, 'unique', key)
}

async function examineKey(looking: Looking, kind: 'primary key' | 'unique', key: DeclaredKey): Promise<void> {
  const { at, facts, findings } = looking
  const object = objectOf(kind, at, key.name)
  const expected = keySql(kind === 'unique' ? 'UNIQUE' : 'PRIMARY KEY', key)
  const type = kind === 'unique' ? 'u' : 'p'
  const isSame = (columns: readonly string[]): boolean => columns.join('\0') === key.columns.join('\0')
  const all = facts.constraints.filter((one) => one.type === type)
  const same = all.find(
    (one) => isSame(one.columns) && !one.deferrable && !one.special && (!key.named || one.name === key.name),
  )
  if (same !== undefined) {
    findings.right(object, expected, `${same.name} ${same.sql}`)
    return
  }
  const other =
    facts.constraints.find((one) => one.name === key.name) ?? (kind === 'primary key' ? all[0] : undefined)
  const index = keyIndex(key)
  const build = [createIndex(at, index), keyOfIndex(at, kind, key)]
  if (other !== undefined) {
    const why = 'There is another one. Landfall does not change what is there.'
    const drop = alter(at, `drop ${other.name} of ${label(at)}`, [`DROP CONSTRAINT ${ident(other.name)}`])
    findings.different(object, expected, `${other.name} ${other.sql}`, why, [drop, ...build])
    return
  }
  const nullable = kind === 'unique' ? [] : undeclaredNullable(looking, key)
  if (nullable.length > 0) {
    const why = `A primary key forbids NULL, and ${nullable.join(', ')} allows it.`
    findings.different(
      object,
      expected,
      'missing',
      why,
      nullable.flatMap((column) => setNotNull(at, column)),
    )
    return
  }
  const there = facts.indexes.find(({ name }) => name === key.name)
  const isOurs =
    there !== undefined &&
    (await hasBuilt(looking.session, looking.declaration.name, objectOf('index', at, key.name)))
  const serving = isOurs || kind !== 'unique' || key.named ? undefined : await anySame(looking, index)
  if (serving !== undefined) findings.right(object, expected, serving.sql)
  else if (there === undefined) {
    const why = cannotBeBuilt(looking, key.name)
    if (why === null) findings.lacking(object, expected, 'keys', build)
    else findings.different(object, expected, 'missing', why, [])
  } else if (!(await isSameIndex(looking, index, there))) {
    const why = 'An index of its name has another definition. Landfall does not change what is there.'
    findings.different(object, expected, there.sql, why, [dropIndex(at, key.name, ''), ...build])
  } else if (there.valid && !isOurs) {
    const why = `Somebody has built the unique index, and undo would drop it with the key. Landfall makes a key of its own indexes only.`
    findings.different(object, expected, there.sql, why, build.slice(1))
  } else if (there.valid)
    findings.lacking(object, expected, 'keys', build.slice(1), 'a unique index that is not yet the key')
  else rebuild(looking, index, kind, build)
}

/** A unique index of others, which keeps rows apart as the constraint would. */
async function anySame(looking: Looking, index: DeclaredIndex): Promise<IndexFacts | undefined> {
  for (const there of looking.facts.indexes)
    if (there.valid && there.constraint === null && (await isSameIndex(looking, index, there))) return there
  return undefined
}

/** What is declared is judged with its column. */
function undeclaredNullable({ facts, table }: Looking, key: DeclaredKey): readonly string[] {
  return facts.columns.flatMap(({ name, notNull }) =>
    key.columns.includes(name) && !notNull && !table.columns.some((column) => column.name === name)
      ? [name]
      : [],
  )
}

async function isSameIndex(looking: Looking, index: DeclaredIndex, there: IndexFacts): Promise<boolean> {
  if (there.unique !== index.unique || there.method !== index.method || there.special) return false
  if (there.columns.length !== index.parts.length) return false
  const expressions = [...there.expressions]
  const pairs: (readonly [string, string])[] = []
  for (const [n, part] of index.parts.entries()) {
    if (there.descending[n] !== part.descending) return false
    const column = there.columns[n]!
    if ('column' in part) {
      if (column !== part.column) return false
    } else if (column !== null) return false
    else pairs.push([part.sql, expressions.shift()!])
  }
  if ((there.where === null) !== (index.where === null)) return false
  if (index.where !== null) pairs.push([index.where, there.where!])
  // Of an expression the server tells its collation only with the whole index.
  const said = [...there.expressions, there.where ?? ''].flatMap(collations)
  return collations(there.sql).length === said.length && (await allSame(looking, pairs))
}

/** Whether expressions over the table's columns mean the same; what cannot be understood does not. */
export async function allSame(
  { session, at }: Looking,
  pairs: readonly (readonly [string, string])[],
): Promise<boolean> {
  try {
    return (await sameSql(session, relation(at), pairs)).every(Boolean)
  } catch (error) {
    if (error instanceof LandfallError && /^42(?!501)/.test(String(error.details?.sqlstate))) return false
    throw error
  }
}
