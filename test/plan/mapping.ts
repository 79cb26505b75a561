import { afterAll, beforeAll } from 'vitest'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { type MigrationConfig, makeSettings, type Options } from '../../src/index.ts'
import { type MappedMoves, mapMoves } from '../../src/plan/mapped.ts'
import type { Move } from '../../src/plan/model.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

export interface Asked {
  readonly source: string
  readonly target: string
  readonly config?: MigrationConfig
  readonly options?: Options
}

/** Compiles a config against two new databases that these statements make. */
export function mapper(): (asked: Asked) => Promise<MappedMoves> {
  let server: TestServer
  const open: Session[] = []
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(async () => {
    for (const session of open) await session.close()
    await server.stop()
  })
  const database = async (sql: string): Promise<Session> => {
    const connection = parseConnection(await server.database(), {})
    if (connection.engine !== 'postgres') throw new TypeError('no PostgreSQL')
    const session = await openPostgres(connection.settings, {
      applicationName: 'landfall test',
      searchPath: 'server',
    })
    open.push(session)
    await session.query(sql)
    return session
  }
  return async ({ source, target, config, options }) => {
    const [from, to] = [await database(source), await database(target)]
    const settings = makeSettings(
      { name: 'm', ...config },
      { from: 'postgres://h/a', to: 'postgres://h/b', ...options },
      { cwd: '/', environment: {} },
    )
    return mapMoves({
      source: await readPostgresCatalog(from),
      target: await readPostgresCatalog(to),
      settings,
      columnsOf: (select) => from.columnsOf(select),
      columnsOfTarget: (select) => to.columnsOf(select),
    })
  }
}

/** A move as lines that can be read: what is staged, and what is made of it. */
export function told({ source, relation, mapping, columns, target, key, notes }: Move): string[] {
  const staged = columns.map((one) => `${one.read[0]} AS ${one.target} ${one.type}`)
  const lines = [
    `${source} -> ${target.name} by ${key.names.join(', ') || 'nothing'}`,
    `stage: SELECT ${staged.join(', ')} FROM ${relation}`,
  ]
  if (mapping?.kind === 'merge') {
    lines.push(
      `key ${mapping.key.join(', ')}; there: ${mapping.ifThere}; no parent: ${mapping.ifParentMissing}`,
    )
    lines.push(...filled(mapping.columns), ...rules(mapping.rules))
  }
  if (mapping?.kind === 'identity') {
    const { key: old, toKey, match, take, unmatched, map } = mapping
    lines.push(
      `identity ${mapping.name}: ${old.column} ${old.type} -> ${toKey.column} ${toKey.type} next ${toKey.next}`,
      `several old: ${mapping.severalOld}; several new: ${mapping.severalNew}`,
      ...match.map(
        (rule) =>
          `match ${rule.label}: ${rule.table.schema}.${rule.table.name}.${rule.gives} by ${rule.pairs.map((pair) => `${pair.column} ${pair.type} = ${pair.value}`).join(', ')}${rule.ignoreCase ? ' ignoring case' : ''}`,
      ),
      ...filled(take).map((line) => `take ${line}`),
      `map ${map.schema}.${map.table} (${map.oldKey}, ${map.newKey})${map.existing ? ' there' : ''}${map.drop ? ' dropped' : ''}`,
    )
    if (unmatched.kind !== 'create') lines.push(`unmatched: ${unmatched.kind}`)
    else {
      lines.push(...filled(unmatched.columns).map((line) => `create ${line}`))
      for (const also of unmatched.alsoCreate)
        lines.push(
          `also ${also.schema}.${also.table} where ${also.where}`,
          ...filled(also.columns).map((line) => `  ${line}`),
        )
    }
  }
  return [...lines, ...notes.map((note) => `note: ${note}`)]
}

type Columns = Extract<NonNullable<Move['mapping']>, { kind: 'merge' }>['columns']
type Rules = Extract<NonNullable<Move['mapping']>, { kind: 'merge' }>['rules']

function filled(columns: Columns): string[] {
  return columns.map(
    (one) =>
      `${one.name} ${one.type}${one.notNull ? ' not null' : ''}${one.maxLength === null ? '' : ` (${one.maxLength})`} = ${one.value.trim()}${one.identity === null ? '' : ` by ${one.identity}`}${one.orElse === null ? '' : ` or else ${one.orElse}`}${one.unique ? ' unique' : ''}`,
  )
}

function rules({ uniques, parents, checks }: Rules): string[] {
  return [
    ...uniques.map(
      (one) =>
        `unique ${one.name} (${one.parts.join(', ')})${one.where === null ? '' : ` where ${one.where}`}`,
    ),
    ...parents.map((one) => `parent (${one.columns.join(', ')}) in ${one.refTable}`),
    ...checks.map((one) => `check ${one.name} ${one.expression}`),
  ]
}
