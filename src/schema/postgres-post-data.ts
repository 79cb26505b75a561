import type { ForeignKeyDefinition, IndexDefinition, PostData } from '../catalog/postgres-post-data.ts'
import { literal } from '../connection/quote.ts'
import type { SchemaDump } from './postgres-dump.ts'
import type { Step } from './steps.ts'

/**
 * What makes the loaded tables of a whole database what they are in the source, from what its server
 * prints: the largest tables first.
 *
 * - Indexes are built beside each other, those of keys too, and then become keys.
 * - Foreign keys are added without looking, which is done at once but locks both tables, and then
 *   validated, which locks only the child against others of its kind.
 * - Partitioned indexes are made empty, and those of the partitions are attached to them.
 *
 * @param dump null where the tables were made without `pg_dump`.
 */
export function postDataSteps(all: PostData, dump: Pick<SchemaDump, 'postponed' | 'last'> | null): Step[] {
  const data = dump === null ? tablesOnly(all) : all
  const everything = data.relations.map(({ name }) => name)
  const partitions = new Set(data.relations.flatMap((relation) => relation.partitions))
  return [
    ...data.indexes.flatMap(indexStep),
    ...data.relations.flatMap((relation) => keySteps(relation, data.indexes)),
    ...attachSteps(data),
    ...data.foreignKeys.flatMap((key) => foreignKeySteps(key, data)),
    ...definitions(POSTPONED, dump?.postponed ?? '', everything, 'keys'),
    ...data.sequences.map(
      ({ name, last, called, options }): Step => ({
        name: `sequence ${name}`,
        table: name,
        touches: [name],
        lock: 'shared',
        sql: `${dump === null ? `alter sequence ${name} ${options};\n` : ''}select pg_catalog.setval(${literal(name)}::pg_catalog.regclass, ${last}, ${called})`,
        after: 'load',
      }),
    ),
    // That of a partitioned table includes its partitions.
    ...data.relations
      .filter(({ kind, name }) => kind !== 'materialized view' && !partitions.has(name))
      .map(
        (relation): Step => ({
          name: `analyze ${relation.name}`,
          table: relation.name,
          touches: [relation.name, ...relation.partitions],
          lock: 'shared',
          sql: `analyze ${relation.name}`,
          after: 'all',
        }),
      ),
    ...refreshStep(data),
    ...definitions(LAST, dump?.last ?? '', everything, 'end'),
  ]
}

/** Views and sequences of their own are not there, and checks are still to be made. */
function tablesOnly({ relations, indexes, sequences, ...more }: PostData): PostData {
  const tables = relations.filter(({ kind }) => kind === 'table')
  const names = new Set(tables.map(({ name }) => name))
  return {
    ...more,
    relations: tables.map((table) => ({ ...table, notNulls: [...table.notNulls, ...table.checks] })),
    indexes: indexes.filter(({ table }) => names.has(table)),
    sequences: sequences.filter((sequence) => sequence.tables.some((table) => names.has(table))),
    materializedViews: [],
  }
}

function indexStep(index: IndexDefinition): Step[] {
  const { constraint, name, table, tableKind } = index
  if (constraint !== null && !constraint.takesIndex) return []
  const isView = tableKind === 'materialized view'
  const sql = [index.sql, ...propertiesOf(index), ...(isView ? marksOf(index) : [])].join(';\n')
  // A materialized view may be made late.
  return [
    { name: `index ${name}`, table, touches: [table], lock: 'shared', sql, after: isView ? 'all' : 'load' },
  ]
}

/** What CREATE INDEX has no words for. */
function propertiesOf({ name, statistics, extensions }: IndexDefinition): string[] {
  return [
    ...statistics.map(
      ({ column, target }) => `alter index ${name} alter column ${column} set statistics ${target}`,
    ),
    ...extensions.map((extension) => `alter index ${name} depends on extension ${extension}`),
  ]
}

/** What a table says of its index. */
function marksOf({ table, plainName, clustered, replicaIdentity }: IndexDefinition): string[] {
  return [
    ...(clustered ? [`alter table ${table} cluster on ${plainName}`] : []),
    ...(replicaIdentity ? [`alter table only ${table} replica identity using index ${plainName}`] : []),
  ]
}

type Relation = PostData['relations'][number]

/** Keys that find their index there are made together; those that build one are steps of their own. */
function keySteps({ name, kind, partitions, notNulls }: Relation, all: readonly IndexDefinition[]): Step[] {
  const indexes = all.filter((index) => index.table === name)
  const base = { table: name, touches: [name, ...partitions], lock: 'exclusive' } as const
  const quick: string[] = notNulls.map((one) => `add constraint ${one.name} ${one.sql}`)
  const steps: Step[] = []
  for (const { name: index, plainName, constraint, ...more } of indexes) {
    if (constraint === null) continue
    const { name: key, kind: keyKind, sql, options, deferrable, takesIndex } = constraint
    if (takesIndex) quick.push(`add constraint ${key} ${keyKind} using index ${plainName}${deferrable}`)
    else {
      const add = `add constraint ${key} ${sql}${options}${deferrable}`
      if (kind === 'partitioned table') quick.push(add)
      else
        steps.push({
          ...base,
          name: `key ${index}`,
          sql: [
            `alter table only ${name} ${add}`,
            ...propertiesOf({ name: index, plainName, constraint, ...more }),
          ].join(';\n'),
          after: 'indexes',
        })
    }
  }
  if (quick.length > 0)
    steps.unshift({
      ...base,
      name: `keys ${name}`,
      sql: `alter table only ${name} ${quick.join(', ')}`,
      after: 'indexes',
    })
  const marks = kind === 'materialized view' ? [] : indexes.flatMap(marksOf)
  if (marks.length > 0)
    steps.push({
      ...base,
      name: `marks ${name}`,
      sql: marks.join(';\n'),
      after: 'keys',
      blocksReaders: true,
    })
  return steps
}

/** A partitioned index is valid as soon as all partitions have theirs, in whatever order they come. */
function attachSteps({ relations, indexes }: PostData): Step[] {
  const parts = Map.groupBy(indexes, (index) => index.parent)
  return indexes.flatMap(({ name, table }) => {
    const children = parts.get(name) ?? []
    if (children.length === 0) return []
    const sql = children.map((child) => `alter index ${name} attach partition ${child.name}`).join(';\n')
    const touches = [table, ...partitionsOf(table, relations)]
    return [
      {
        name: `attach ${name}`,
        table,
        touches,
        lock: 'exclusive',
        sql,
        after: 'keys',
        blocksReaders: true,
      },
    ]
  })
}

function partitionsOf(table: string, relations: readonly Relation[]): readonly string[] {
  return relations.find(({ name }) => name === table)?.partitions ?? []
}

function foreignKeySteps(key: ForeignKeyDefinition, { relations }: PostData): Step[] {
  const { table, parent, partitioned, validated, enforced } = key
  const both = [...new Set([table, parent].flatMap((one) => [one, ...partitionsOf(one, relations)]))]
  const name = `${table}.${key.name}`
  const notValid = enforced && (!validated || !partitioned) ? ' not valid' : ''
  const add: Step = {
    name: `foreign key ${name}`,
    table,
    touches: both,
    lock: 'exclusive',
    // The keys of partitions hang on that of the whole, which so cannot be made for it ONLY.
    sql: `alter table ${partitioned ? '' : 'only '}${table} add constraint ${key.name} ${key.sql}${notValid}`,
    // A key of a partitioned table is there when those of its partitions are attached.
    after: partitioned ? 'all' : 'keys',
  }
  if (partitioned || !validated) return [add]
  const sql = `alter table ${table} validate constraint ${key.name}`
  return [add, { name: `validate ${name}`, table, touches: [table], lock: 'exclusive', sql, after: 'all' }]
}

/** One step, since views may read each other in ways that only their functions know. */
function refreshStep({ materializedViews, relations }: PostData): Step[] {
  const sql = materializedViews
    .map((name) => `refresh materialized view ${name};\nanalyze ${name}`)
    .join(';\n')
  return textStep(
    'materialized views',
    sql,
    relations.map(({ name }) => name),
    'end',
  )
}

function textStep(name: string, sql: string, touches: readonly string[], after: Step['after']): Step[] {
  return sql === '' ? [] : [{ name, table: 'all tables', touches, lock: 'exclusive', sql, after }]
}

const POSTPONED = 'postponed definitions'
const LAST = 'last definitions'

/** A step in which objects of their own may be made. */
export function isDefinitions({ name }: Step): boolean {
  return name === POSTPONED || name === LAST
}

/** Of all that may be in it, rules and row-level security block readers. */
function definitions(...step: Parameters<typeof textStep>): Step[] {
  return textStep(...step).map((one) => ({ ...one, blocksReaders: true }))
}
