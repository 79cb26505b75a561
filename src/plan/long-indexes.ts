import type { Index, PrimaryKey } from '../catalog/model.ts'
import { ident } from '../connection/quote.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { Rule } from '../profile/model.ts'
import type { Draft } from './draft.ts'
import type { Blocker, LeftOut, TargetTable } from './model.ts'
import { isCondition, overTable } from './source-sql.ts'
import type { BuiltTable } from './target-table.ts'

/** A btree's entry has at most a third of a page of 8 kB; what is left is for its header. */
const MOST_INDEXED = 2_600

/** An index whose values may be too long for PostgreSQL. */
export interface LongKey {
  /** The source's, or the existing target table's. */
  readonly of: Index | PrimaryKey
  readonly unique: boolean
  /** The source's columns. */
  readonly columns: readonly string[]
  readonly rule: Rule
}

/**
 * Keys whose length has to be looked at: otherwise the index would fail when all rows are loaded. A
 * table that is there has indexes of its own, of which only the unique ones are sure to matter.
 */
export async function longKeys(source: SqliteSource, draft: Draft): Promise<LongKey[]> {
  const keys = draft.existing ? keysOfTarget(draft) : keysOfSource(draft)
  const rules = keys
    .filter((key) => key.columns.some((name) => isLong(draft, name)))
    .map(({ where, ...key }) => ({ ...key, rule: longRule(key.columns, where) }))
  const known = await Promise.all(rules.map(({ rule }) => isCondition(source, draft.source, rule.broken)))
  return rules.filter((_, i) => known[i])
}

type Key = Omit<LongKey, 'rule'> & { readonly where: string | null }

function keysOfSource({ source }: Draft): Key[] {
  const key = source.primaryKey
  return [
    ...(key ? [{ of: key, unique: true, columns: key.columns, where: null }] : []),
    ...source.indexes.map((index) => ({
      of: index,
      unique: index.unique,
      columns: index.parts.flatMap((part) => part.column ?? []),
      where: index.where === null ? null : overTable(index.where, source).sql,
    })),
  ]
}

function keysOfTarget({ existing, columns }: Draft): Key[] {
  const key = existing!.primaryKey
  const keys = [
    ...(key ? [{ of: key, columns: key.columns }] : []),
    ...existing!.indexes
      .filter((index) => index.unique && index.where === null)
      .map((index) => ({ of: index, columns: index.parts.flatMap((part) => part.column ?? []) })),
  ]
  return keys.map((one) => ({
    of: one.of,
    unique: true,
    columns: one.columns.flatMap(
      (name) => columns.find((column) => column.target === name)?.source.name ?? [],
    ),
    where: null,
  }))
}

const NUMBERS =
  /^(INT|INTEGER|BIGINT|SMALLINT|TINYINT|REAL|DOUBLE|FLOAT|BOOL|BOOLEAN|DATE|DATETIME|TIMESTAMP)\b/i

/** Types of the target that hold values of any length. */
const LONG = /^(text|character|citext|bytea|json)/i

function isLong({ source, columns }: Draft, name: string): boolean {
  const existing = columns.find((column) => column.source.name === name)?.existing
  if (existing) return LONG.test(existing.declared)
  return !NUMBERS.test(source.columns.find((column) => column.name === name)?.declared ?? '')
}

function longRule(columns: readonly string[], where: string | null): Rule {
  const lengths = columns.map((name) => `coalesce(octet_length(t.${ident(name)}), 0)`).join(' + ')
  const over = `${lengths} > ${MOST_INDEXED}`
  return {
    kind: 'index',
    column: columns.length === 1 ? columns[0]! : null,
    broken: where === null ? over : `(${over} AND (${where}))`,
    reason: `is longer than the ${MOST_INDEXED} bytes that an index of PostgreSQL can hold (${columns.join(', ')}${where === null ? '' : `, where ${where}`})`,
  }
}

/**
 * Indexes whose values are too long for PostgreSQL: one that only makes queries fast is left out; a
 * unique one keeps a promise, so a person has to decide.
 */
export function withoutLongIndexes(
  draft: Draft,
  built: BuiltTable,
  long: readonly LongKey[],
): {
  readonly target: TargetTable
  readonly notes: readonly string[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
} {
  const indexOf = (key: LongKey) => built.indexes.find(({ source }) => source === key.of)?.index
  const dropped = long.flatMap((key) => (key.unique ? [] : (indexOf(key) ?? [])))
  const isThere = (key: LongKey) =>
    draft.existing !== null ||
    indexOf(key) !== undefined ||
    (key.of === draft.source.primaryKey && built.table.primaryKey !== null)
  return {
    target: { ...built.table, indexes: built.table.indexes.filter((index) => !dropped.includes(index)) },
    notes: built.notes,
    leftOut: dropped.map((index) => ({
      kind: 'index',
      name: index.name,
      why: 'some of its values are longer than an index of PostgreSQL can hold',
    })),
    blockers: long
      .filter((key) => key.unique && isThere(key))
      .map((key) => ({
        code: 'LF205',
        table: draft.source.name,
        column: key.columns.length === 1 ? key.columns[0]! : null,
        message: `${draft.source.name}: some values of the unique ${key.columns.join(', ')} are longer than an index of PostgreSQL can hold`,
        examples: [],
        choices: ['shorten them in the source', `--exclude ${draft.source.name}   leave the table out`],
      })),
  }
}
