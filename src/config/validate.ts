import { z } from 'zod'
import { LandfallError } from '../errors.ts'
import { type MigrationConfig, TABLE_RIGHTS } from './model.ts'
import { printPath } from './path.ts'
import { didYouMean } from './suggest.ts'

const text = z.string().min(1)
const count = z.int().min(1)
const envValue = z.strictObject({
  kind: z.literal('env'),
  names: z.array(z.string()),
  default: z.string().nullable(),
})
const connection = z.union([text, envValue])
const sourceSql = z.custom<unknown>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'sql' &&
    'side' in value &&
    value.side === 'source',
  'must be an expression of the source: sql`…`',
)

const zone = text.refine(isZone, 'must be a time zone such as UTC or Asia/Shanghai')

const column = z.strictObject({
  from: text.optional(),
  type: text.optional(),
  convert: sourceSql.optional(),
  zone: zone.optional(),
  epoch: z.enum(['s', 'ms', 'us']).optional(),
  nul: z.literal('strip').optional(),
  invalidUtf8: z.literal('replace').optional(),
  empty: z.literal('null').optional(),
})
const move = z.strictObject({
  from: text.optional(),
  columns: z.record(z.string(), z.union([z.literal(false), text, column])).optional(),
})
const rest = z.union([z.literal(false), z.strictObject({})])
const grant = z.strictObject({ role: text, rights: z.array(z.enum(TABLE_RIGHTS)).min(1) })
const config = z.strictObject({
  name: text.optional(),
  source: connection.optional(),
  target: connection.optional(),
  targetSchema: text.optional(),
  names: z.enum(['keep', 'snake']).optional(),
  badRows: z.enum(['stop', 'set-aside']).optional(),
  jobs: count.max(64).optional(),
  batchSize: count.optional(),
  moves: z.record(z.string(), z.union([z.literal(false), move, z.undefined()])).optional(),
  owner: text.optional(),
  grants: z.array(grant).optional(),
})

type Issue = z.core.$ZodIssue

/** The names that this machine knows are those of the IANA, as PostgreSQL's are. */
function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name.toLowerCase() === 'z' ? 'UTC' : name }) !== null
  } catch {
    return false
  }
}

/** The keys that may stand at a path, for suggestions. */
function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(config.shape)
  if (path[0] === 'grants') return Object.keys(grant.shape)
  if (path[0] !== 'moves' || path[1] === '*') return []
  return Object.keys(path.length === 2 ? move.shape : column.shape)
}

function at(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '' : `${printPath(path)}: `
}

/** One line for each mistake. Values are not repeated: a connection string may hold a password. */
function lines(issue: Issue, base: readonly PropertyKey[]): string[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${printPath([...path, key])}: unknown key${didYouMean(key, keysAt(path))}`,
    )
  }
  if (issue.code === 'invalid_union') {
    // The branch that was meant is the one whose own kind of value is right.
    const meant = issue.errors.find((branch) =>
      branch.every(
        (one) => one.path.length > 0 || one.code === 'unrecognized_keys' || one.code === 'too_small',
      ),
    )
    if (meant !== undefined) return meant.flatMap((one) => lines(one, path))
    return [`${at(path)}must be ${unionWords(path)}`]
  }
  if (issue.code === 'invalid_value') {
    return [`${at(path)}must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`]
  }
  if (issue.code === 'invalid_type') return [`${at(path)}must be ${words(issue.expected)}`]
  if (issue.code === 'too_small') {
    return [
      `${at(path)}${issue.origin === 'string' || issue.origin === 'array' ? 'must not be empty' : `must be at least ${issue.minimum}`}`,
    ]
  }
  if (issue.code === 'too_big') return [`${at(path)}must be at most ${issue.maximum}`]
  return [`${at(path)}${issue.message}`]
}

function unionWords(path: readonly PropertyKey[]): string {
  if (path[0] !== 'moves') return 'a connection string or env(…)'
  if (path.length === 2) return path[1] === '*' ? '{} or false' : 'false or { from, columns }'
  return `false, the source column's name, or { ${Object.keys(column.shape).join(', ')} }`
}

function words(expected: string): string {
  const names: Record<string, string> = {
    string: 'a text',
    int: 'a whole number',
    number: 'a whole number',
    object: 'an object',
    record: 'an object',
    array: 'a list',
  }
  return names[expected] ?? expected
}

/**
 * Checks that a value is a config, with the exact path and a suggestion for each mistake.
 * @param file named in the message
 * @throws LandfallError LF002
 */
export function validateConfig(value: unknown, file: string): MigrationConfig {
  const result = config.safeParse(value)
  const found = result.success ? [] : result.error.issues.flatMap((issue) => lines(issue, []))
  if (result.success && result.data.moves?.['*']) {
    const star = rest.safeParse(result.data.moves['*'])
    if (!star.success) {
      found.push(...star.error.issues.flatMap((issue) => lines(issue, ['moves', '*'])))
    }
  }
  // A list that only leaves out, or is empty, would move nothing; what was meant is everything else.
  const moves = result.success && result.data.moves !== undefined ? Object.values(result.data.moves) : null
  if (moves?.every((move) => move === false || move === undefined)) {
    found.push(`moves: names no table to move; add '*': {} to move the others`)
  }
  if (found.length === 0) return value as MigrationConfig
  const message = found.length === 1 ? `${file}: ${found[0]}` : `${file}: ${found.length} mistakes`
  throw new LandfallError('LF002', message, {
    ...(found.length > 1 ? { hint: found.join('\n') } : {}),
    details: { file, mistakes: found },
  })
}
