import type { IdentityChoice } from '../config/choices.ts'
import type { KnownIdentity, Mapping, Path } from './mapped-model.ts'
import { missingTable, type Origin, originOf } from './mapped-origin.ts'
import { columnOf, type MappedTable, noColumn, targetTable } from './mapped-tables.ts'

/** An identity whose two ends are found. */
export interface FoundIdentity extends KnownIdentity {
  readonly said: IdentityChoice
  readonly path: Path
  readonly origin: Origin
  readonly into: MappedTable
}

/** Null where a person has to decide first. Errors: LF002, LF005. */
export async function findIdentity(mapping: Mapping, said: IdentityChoice): Promise<FoundIdentity | null> {
  const path = ['identities', said.name]
  const into = await targetTable(mapping, said.to, [...path, 'to'])
  const origin = await originOf(mapping, { ...said, name: said.name }, path)
  if (origin === null) throw missingTable(mapping, said.from ?? said.name, [...path, 'from'])
  const key = origin.columns.find(({ name }) => name === said.key)
  if (key === undefined) throw noColumn(origin.label, said.key, origin.columns, [...path, 'key'])
  if (into === null) return null
  const { name, declared } = columnOf(into, said.toKey, [...path, 'toKey'])
  return { said, path, origin, into, oldType: key.type, newType: into.base.get(name) ?? declared }
}
