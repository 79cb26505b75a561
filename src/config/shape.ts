import { z } from 'zod'
import { readDuration } from './duration.ts'
import { baseProblem } from './exporter-base.ts'
import { TABLE_RIGHTS } from './model.ts'
import { invariants, schema } from './schema-shape.ts'
import { isSql } from './sql.ts'

/** What can be said where, as far as one value alone decides it. */
const text = z.string().min(1)
const count = z.int().min(1)
const envValue = z.strictObject({
  kind: z.literal('env'),
  names: z.array(z.string()),
  default: z.string().nullable(),
})
const CONNECTIONS = 'must be a connection string or env(…)'
const connection = z.union([text, z.discriminatedUnion('kind', [envValue], CONNECTIONS)], CONNECTIONS)
const base = z
  .union([text, envValue], 'must be an address such as http://plugin-env:8045, or env(…)')
  .check(({ value, issues }) => {
    const problem = typeof value === 'string' && value !== '' ? baseProblem(value) : null
    if (problem !== null) issues.push({ code: 'custom', message: problem, input: value })
  })
const within = text.refine(
  (said) => (readDuration(said) ?? 0) > 0,
  'must be a time above 0 with its unit: 500ms, 30s, 10m or 2h',
)
const exportedBy = z.strictObject({
  kind: z.literal('exported-by'),
  base,
  token: z.union([text, envValue], 'must be a text or env(…)'),
  within: within.optional(),
})
const SOURCES = 'must be a connection string, env(…) or exportedBy(…)'
const source = z.union([text, z.discriminatedUnion('kind', [envValue, exportedBy], SOURCES)], SOURCES)

const sqlOf = (side: 'source' | 'target', message: string) =>
  z.custom<unknown>((value) => isSql(value) && value.side === side, message)
const sourceSql = sqlOf('source', 'must be an expression of the source: sql`…`')
const targetSql = sqlOf('target', 'must be an expression of the target: sql.target`…`')
const eitherSql = z.custom<unknown>(isSql, 'must be an expression: sql`…` or sql.target`…`')
const origin = z.union([text, sourceSql], 'must be a table of the source, or a SELECT: sql`…`')

const constant = z.custom<unknown>(
  isConstant,
  'must be a text, number, true, false, null, a list or an object; an expression goes to convert',
)
const fallback = z.custom<unknown>(
  (value) => (isSql(value) ? value.side === 'target' : isConstant(value)),
  'must be a constant, or an expression of the target: sql.target`…`',
)

/** The names that this machine knows are those of the IANA, as PostgreSQL's are. */
function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name.toLowerCase() === 'z' ? 'UTC' : name }) !== null
  } catch {
    return false
  }
}
const zone = text.refine(isZone, 'must be a time zone such as UTC or Asia/Shanghai')

function isConstant(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || ['string', 'bigint', 'boolean'].includes(typeof value)) return true
  if (typeof value !== 'object' || isSql(value)) return false
  if (Array.isArray(value)) return value.every(isConstant)
  const plain = [Object.prototype, null].includes(Object.getPrototypeOf(value))
  return plain && Object.values(value).every(isConstant)
}

const columnShape = {
  from: text.optional(),
  type: text.optional(),
  convert: eitherSql.optional(),
  value: constant.optional(),
  orElse: fallback.optional(),
  identity: text.optional(),
  zone: zone.optional(),
  epoch: z.enum(['s', 'ms', 'us']).optional(),
  nul: z.literal('strip').optional(),
  invalidUtf8: z.literal('replace').optional(),
  empty: z.literal('null').optional(),
}
const columnsOf = (shape: z.core.$ZodLooseShape) =>
  z.record(
    z.string(),
    // An entry that is undefined is one that a condition in the config left unsaid.
    z.union(
      [z.literal(false), text, z.strictObject(shape), z.undefined()],
      `must be false, the source column's name, or { ${Object.keys(shape).join(', ')} }`,
    ),
  )
const columns = columnsOf(columnShape)
const createdColumns = columnsOf({
  ...columnShape,
  unique: z.union([text, eitherSql], 'must be a source column, or an expression: sql`…`').optional(),
})

const names = z.union([text, z.array(text).min(1)], 'must be a column, or a list of columns')
const moveShape = {
  from: origin.optional(),
  key: names.optional(),
  filter: sourceSql.optional(),
  ifSourceMissing: z.enum(['fail', 'skip']).optional(),
  ifThere: z.enum(['update', 'keep', 'fail']).optional(),
  ifParentMissing: z.enum(['fail', 'set-aside']).optional(),
  setByTriggers: names.optional(),
  columns: columns.optional(),
}
const move = z.strictObject(moveShape)
const moveWords = `must be false, { ${Object.keys(moveShape).join(', ')} }, or a list of such`
export const rest = z.union([z.literal(false), z.strictObject({})], 'must be {} or false')

const pairs = z
  .record(z.string(), text)
  .refine((said) => Object.keys(said).length > 0, 'must name a column: { target: source }')
/** One of three forms; which keys go together is looked at later, so that each mistake has its own words. */
const match = z.strictObject({
  equal: pairs.optional(),
  equalIgnoringCase: pairs.optional(),
  through: text.optional(),
  where: pairs.optional(),
  gives: text.optional(),
  ignoringCase: z.boolean().optional(),
})
const create = z.strictObject({
  create: createdColumns,
  alsoCreate: z.record(z.string(), z.strictObject({ where: targetSql.optional(), columns })).optional(),
})
const identity = z.strictObject({
  from: origin,
  key: text,
  to: text,
  toKey: text,
  match: z.array(match),
  severalOld: z.enum(['fail', 'join', 'first']).optional(),
  severalNew: z.enum(['fail', 'first', 'set-aside']).optional(),
  matched: z
    .strictObject({
      take: z.union([z.array(text), columns], 'must be a list of columns, or { column: … }'),
    })
    .optional(),
  unmatched: z.union(
    [z.literal('fail'), z.literal('skip'), create],
    'must be "fail", "skip" or { create, alsoCreate }',
  ),
  keptIn: z
    .union(
      [z.literal(false), text, z.strictObject({ table: text, oldKey: text, newKey: text })],
      'must be a table of the target, { table, oldKey, newKey } or false',
    )
    .optional(),
})

const grant = z.strictObject({ role: text, rights: z.array(z.enum(TABLE_RIGHTS)).min(1) })
const backup = z.union(
  [z.boolean(), z.strictObject({ folder: text.optional(), source: z.boolean().optional() })],
  'must be true, false or { folder, source }',
)

const duration = text.refine((said) => readDuration(said) !== null, 'must be a time such as 90s, 30m or 2h')
const boot = z.strictObject({
  state: text
    .refine((name) => /^[^.]+(\.[^.]+)?$/.test(name), 'must be a table: name or schema.name')
    .optional(),
  onlyIf: z
    .union([z.string(), z.boolean(), envValue, z.undefined()], 'must be env(…), true or false')
    .optional(),
  waitAtMost: duration.optional(),
})

export const config = z.strictObject({
  name: text.optional(),
  source: source.optional(),
  target: connection.optional(),
  targetSchema: text.optional(),
  sourceSchema: text.optional(),
  names: z.enum(['keep', 'snake']).optional(),
  badRows: z.enum(['stop', 'set-aside']).optional(),
  jobs: count.max(64).optional(),
  batchSize: count.optional(),
  zone: zone.optional(),
  identities: z.record(text, identity).optional(),
  backup: backup.optional(),
  moves: z
    .record(z.string(), z.union([z.literal(false), move, z.array(move).min(1), z.undefined()], moveWords))
    .optional(),
  schema: schema.optional(),
  invariants: invariants.optional(),
  boot: boot.optional(),
  owner: text.optional(),
  grants: z.array(grant).optional(),
})

type Schema = z.core.$ZodType

/** The keys that may stand at a path of a config, for suggestions. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path[0] === 'moves' && path[1] === '*') return []
  let here: Schema[] = [config]
  for (const part of path) here = here.flatMap((schema) => inside(schema, part))
  return [...new Set(here.flatMap(keysOf))]
}

function inside(schema: Schema, part: PropertyKey): Schema[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if (def.type === 'object') return Object.hasOwn(def.shape, part) ? [def.shape[String(part)]!] : []
  if (def.type === 'record') return [def.valueType]
  if (def.type === 'array') return typeof part === 'number' ? [def.element] : []
  if (def.type === 'union') return def.options.flatMap((one) => inside(one, part))
  return def.type === 'optional' ? inside(def.innerType, part) : []
}

function keysOf(schema: Schema): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if (def.type === 'object') return Object.keys(def.shape)
  if (def.type === 'union') return def.options.flatMap(keysOf)
  return def.type === 'optional' ? keysOf(def.innerType) : []
}
