import type { Table } from '../catalog/model.ts'
import type { TableChoice } from '../config/model.ts'
import { didYouMean } from '../config/suggest.ts'
import { LandfallError } from '../errors.ts'
import { identityMove } from './mapped-identity.ts'
import { type FoundIdentity, findIdentity } from './mapped-keys.ts'
import { mergeMove } from './mapped-merge.ts'
import { block, choice, type MapInput, type MappedMoves, type Mapping } from './mapped-model.ts'
import { inOrder } from './mapped-order.ts'
import { findTable, noTable } from './mapped-tables.ts'
import type { Move } from './model.ts'
import { tableLabel } from './postgres-clone.ts'

export type { ColumnsOf, MapInput, MappedMoves } from './mapped-model.ts'

/**
 * Compiles what the config says of a PostgreSQL source into moves whose rows are staged and then become
 * rows of tables that are there. Reads no row, writes nothing.
 *
 * Errors: LF001, LF002 and LF005 naming the place in the config.
 */
export async function mapMoves(input: MapInput): Promise<MappedMoves> {
  const mapping: Mapping = { ...input, blockers: [], leftOut: [], notes: [], identities: new Map() }
  const { settings } = input
  if (settings.names !== 'keep')
    throw new LandfallError('LF001', 'names in snake_case are not made of the names of a PostgreSQL source', {
      hint: 'moves in the config can rename tables and columns',
    })
  const identities: FoundIdentity[] = []
  for (const said of settings.identities) {
    const found = await findIdentity(mapping, said)
    mapping.identities.set(said.name, found)
    if (found !== null) identities.push(found)
  }
  const merges: Move[] = []
  for (const { said, path } of chosenTables(mapping)) {
    const move = await mergeMove(mapping, said, path)
    if (move !== null) merges.push(move)
  }
  const resolved: Move[] = []
  for (const one of identities) resolved.push(await identityMove(mapping, one))
  const ordered = inOrder([...resolved, ...merges])
  return {
    moves: withOwnLabels(ordered.moves),
    leftOut: mapping.leftOut,
    blockers: [...mapping.blockers, ...ordered.blockers],
    notes: mapping.notes,
  }
}

interface Chosen {
  readonly said: TableChoice
  readonly path: readonly PropertyKey[]
}

/** The config's moves as written, then all other tables of the source where it wants them. */
function chosenTables(mapping: Mapping): Chosen[] {
  const { settings, source } = mapping
  refuseUnknown(mapping)
  const schema = settings.sourceSchema ?? 'public'
  const { tables, rest } = settings.moves
  const named = tables
    .filter((one) => !one.leaveOut)
    .map((said) => {
      const several = tables.filter((one) => one.name === said.name)
      const at = several.length > 1 ? [several.indexOf(said)] : []
      return { said, path: ['moves', said.name, ...at] }
    })
    .filter(({ said }) => isAsked(mapping, said.select === null ? (said.from ?? said.name) : null, said.name))
  const origins = [
    ...tables.filter((one) => one.select === null).map((one) => one.from ?? one.name),
    // Who only gets keys is not left out.
    ...(rest ? [] : settings.identities.flatMap(({ from }) => from ?? [])),
  ]
  const mentioned = new Set(origins.flatMap((name) => findTable(source, name, schema) ?? []))
  for (const { name } of tables.filter((one) => one.leaveOut))
    mapping.leftOut.push({ kind: 'table', name, why: 'the config leaves it out' })
  if (mapping.inPlace) return named
  const isInScope = (table: Table): boolean =>
    settings.sourceSchema === null || table.schema === settings.sourceSchema
  const others = source.tables.filter(
    (table) => isInScope(table) && table.partitionOf === undefined && !mentioned.has(table),
  )
  return [...named, ...others.flatMap((table) => restOf(mapping, table, rest))]
}

/** A table that the config does not name goes to the one that is called like it. */
function restOf(mapping: Mapping, table: Table, rest: boolean): Chosen[] {
  const name = tableLabel(table)
  const { settings, target, leftOut } = mapping
  if (!rest || !isAsked(mapping, name, name)) {
    const why = rest
      ? '--tables or --exclude leaves it out'
      : "the config's moves do not name it, and have no '*'"
    leftOut.push({ kind: 'table', name, why })
    return []
  }
  // Of all schemas each stays what it is; of one, the tables go to the target's.
  const schema = settings.sourceSchema === null ? table.schema : settings.targetSchema
  const into = target.tables.find((one) => one.schema === schema && one.name === table.name)
  if (into === undefined) {
    const names = target.tables.filter((one) => one.schema === schema).map((one) => one.name)
    block(
      mapping,
      table,
      null,
      `the target has no table ${table.name} in the schema ${schema}${didYouMean(table.name, names)}`,
      [
        choice(['moves', name], 'false', 'leave it out'),
        `moves.<target>: { from: '${name}' }   name the table that it goes to`,
      ],
    )
    return []
  }
  const said: TableChoice = {
    name: into.schema === settings.targetSchema ? into.name : `${into.schema}.${into.name}`,
    leaveOut: false,
    from: name,
    select: null,
    key: null,
    filter: null,
    ifSourceMissing: null,
    ifThere: null,
    ifParentMissing: null,
    setByTriggers: null,
    columns: [],
  }
  return [{ said, path: ['moves', said.name] }]
}

/** What `--tables` and `--exclude` leave, by the names of the source or by what the config calls the target. */
function isAsked({ settings, source }: MapInput, name: string | null, into: string): boolean {
  const schema = settings.sourceSchema ?? 'public'
  const table = name === null ? null : findTable(source, name, schema)
  const among = (names: readonly string[]): boolean =>
    names.some(
      (one) => one === name || one === into || (table !== null && findTable(source, one, schema) === table),
    )
  return (settings.tables === null || among(settings.tables)) && !among(settings.exclude)
}

/** A slip of the pen must not become a table that is not moved. */
function refuseUnknown({ settings, source }: MapInput): void {
  const schema = settings.sourceSchema ?? 'public'
  const named: [string, string][] = [
    ...(settings.tables ?? []).map((name): [string, string] => [name, '--tables']),
    ...settings.exclude.map((name): [string, string] => [name, '--exclude']),
  ]
  const targets = new Set(settings.moves.tables.filter((one) => !one.leaveOut).map((one) => one.name))
  for (const [name, option] of named)
    if (!targets.has(name) && findTable(source, name, schema) === null)
      throw noTable(source, 'source', name, [option])
  for (const { name, leaveOut } of settings.moves.tables)
    if (leaveOut && findTable(source, name, schema) === null)
      throw noTable(source, 'source', name, ['moves', name])
}

/** The same table may be moved to several others. */
function withOwnLabels(moves: readonly Move[]): Move[] {
  const taken = new Set<string>()
  return moves.map((move) => {
    let label = move.source
    for (let n = 2; taken.has(label); n += 1) label = `${move.source} (${n})`
    taken.add(label)
    return { ...move, source: label }
  })
}
