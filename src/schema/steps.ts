import type { Catalog } from '../catalog/model.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { Move, TargetTable } from '../plan/model.ts'
import { checksStatement, foreignKeyStatement, indexStatements, keysStatement } from './postgres.ts'
import { existingSequences, identitySequences, type SequenceUse, sequenceStatement } from './sequences.ts'

/** One statement after loading; with its record it is a transaction of its own. */
export interface Step {
  /** Stable: the journal knows a step by it, e.g. `index "public"."orders_code_key"`. */
  readonly name: string
  /** `"public"."orders"`. */
  readonly table: string
  /** All tables that it locks, `table` among them. */
  readonly touches: readonly string[]
  /** `shared` steps may run beside each other on a table; an `exclusive` one has its tables alone. */
  readonly lock: 'shared' | 'exclusive'
  readonly sql: string
  /**
   * `load`: when the rows are there. `indexes`: when all indexes of its tables are there too. `keys`: when
   * their keys and checks are. `all`: when nothing else is left for its tables, but for what comes at the
   * `end`.
   */
  readonly after: 'load' | 'indexes' | 'keys' | 'all' | 'end'
  /** It waits for everybody who reads its tables, and they for it. */
  readonly blocksReaders?: true
}

/**
 * What makes loaded tables complete: keys, indexes, checks, foreign keys, sequences, statistics; the
 * largest tables first. Tables that were there before get their sequences set and are analyzed, and
 * stay otherwise as they are.
 *
 * @param target the target's catalog from before the run; it knows the sequences of existing tables.
 */
export function finishSteps(moves: readonly Move[], target: Catalog): Step[] {
  const ordered = [...moves].sort((a, b) => b.statistics.rows - a.statistics.rows)
  const made = ordered.filter((move) => !move.existing).map((move) => move.target)
  return [
    ...made.flatMap(loadSteps),
    ...made.flatMap(foreignKeySteps),
    ...ordered.flatMap((move) => lastSteps(move.target, sequencesOf(move, target))),
  ]
}

/**
 * Adding a key locks its table against everything else, building an index only against writers. So all
 * indexes of a table, those behind its keys too, are built beside each other, and then become keys.
 */
function loadSteps(table: TargetTable): Step[] {
  const name = qualified(table.schema, table.name)
  const base = { table: name, touches: [name] } as const
  const steps: Step[] = indexStatements(table).map(({ index, sql }) => ({
    ...base,
    name: `index ${qualified(table.schema, index)}`,
    lock: 'shared',
    sql,
    after: 'load',
  }))
  const keys = keysStatement(table)
  if (keys !== null)
    steps.push({ ...base, name: `keys ${name}`, lock: 'exclusive', sql: keys, after: 'indexes' })
  if (table.checks.length > 0)
    steps.push({
      ...base,
      name: `checks ${name}`,
      lock: 'exclusive',
      sql: checksStatement(table),
      after: 'indexes',
    })
  return steps
}

function foreignKeySteps(table: TargetTable): Step[] {
  const name = qualified(table.schema, table.name)
  return table.foreignKeys.map((key) => ({
    name: `foreign key ${name}.${ident(key.name)}`,
    table: name,
    touches: [...new Set([name, qualified(key.refSchema, key.refTable)])],
    lock: 'exclusive',
    sql: foreignKeyStatement(table, key),
    after: 'keys',
  }))
}

/** The sequences that number a table's rows. */
export function sequencesOf(move: Move, target: Catalog): SequenceUse[] {
  if (!move.existing) return identitySequences(move.target)
  const found = target.tables.find(
    (table) => table.schema === move.target.schema && table.name === move.target.name,
  )
  return found === undefined ? [] : existingSequences(found, move.target)
}

function lastSteps(table: TargetTable, sequences: readonly SequenceUse[]): Step[] {
  const name = qualified(table.schema, table.name)
  const base = { table: name, touches: [name], lock: 'shared', after: 'all' } as const
  return [
    ...sequences.map((use) => ({
      ...base,
      name: `sequence ${name}.${ident(use.column)}`,
      sql: sequenceStatement(table.schema, table.name, use),
    })),
    { ...base, name: `analyze ${name}`, sql: `analyze ${name}` },
  ]
}
