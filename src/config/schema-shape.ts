import { z } from 'zod'
import { Column } from './schema-column.ts'
import { isSql } from './sql.ts'

/** What can be said of a declared schema, as far as one value alone decides it. */
const text = z.string().min(1)
const names = z.union([text, z.array(text).min(1)], 'must be a column, or a list of columns')
const targetSql = z.custom<unknown>(
  (value) => isSql(value) && value.side === 'target',
  'must be an expression of the target: sql.target`…`',
)
const byName = (one: z.core.$ZodType, message: string) =>
  // An entry that is undefined is one that a condition in the config left unsaid.
  z.record(text, z.union([one, z.undefined()], message))

const columnWords =
  "must be a column such as varchar(32), bigint() or identity(); any other type: type('citext')"
const column = z.custom<unknown>((value) => value instanceof Column, columnWords)
const action = z.enum(['no action', 'restrict', 'cascade', 'set null', 'set default'])
const partWords = "must be a column, { desc: 'column' } or an expression: sql.target`…`"
const part = z.union(
  [text, targetSql, z.strictObject({ desc: z.union([text, targetSql], partWords) })],
  partWords,
)
const parts = z.union([text, z.array(part).min(1)], 'must be a column, or a list of columns')
const index = z.strictObject({
  on: parts,
  unique: z.boolean().optional(),
  where: targetSql.optional(),
  using: z.string().regex(/^\w+$/, 'must be the name of an index method, such as gin').optional(),
})
const foreignKey = z.strictObject({
  columns: names,
  references: text,
  schema: text.optional(),
  to: names.optional(),
  onDelete: action.optional(),
  onUpdate: action.optional(),
})
const value = z.custom<unknown>(
  (one) => one === null || ['string', 'number', 'bigint', 'boolean', 'object'].includes(typeof one),
  'must be a constant, or an expression of the target: sql.target`…`',
)
const rows = z.strictObject({
  key: names.optional(),
  rows: z.array(z.record(text, value)).min(1),
})
const table = z.strictObject({
  columns: byName(column, columnWords).optional(),
  primaryKey: names.optional(),
  indexes: byName(
    z.union([parts, index], 'must be columns, or { on, unique, where, using }'),
    'must be columns, or { on, unique, where, using }',
  ).optional(),
  unique: byName(names, 'must be a column, or a list of columns').optional(),
  foreignKeys: byName(
    foreignKey,
    'must be { columns, references, schema, to, onDelete, onUpdate }',
  ).optional(),
  checks: byName(targetSql, 'must be an expression of the target: sql.target`…`').optional(),
  comment: text.optional(),
  ensureRows: rows.optional(),
})

export const schema = byName(table, `must be { ${Object.keys(table.def.shape).join(', ')} }`)
export const invariants = byName(
  targetSql,
  'must be a query of the target that finds nothing: sql.target`select …`',
)
