import { afterAll, beforeAll, beforeEach } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import { ident } from '../../src/connection/quote.ts'
import type { MappedColumn, Merge, TargetRules } from '../../src/plan/mapping.ts'
import type { Move } from '../../src/plan/model.ts'
import { postgresMove, sameColumn } from '../../src/plan/postgres-move.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

export const NO_RULES: TargetRules = { uniques: [], parents: [], checks: [] }

export const open = (url: string): Promise<Session> =>
  openPostgres(parsePostgres(url, {}).settings, { applicationName: 'landfall tests' })

/** Gives each test a session with a database of its own. */
export function eachInNewDatabase(use: (session: Session, url: string) => void): {
  /** Rows of a query, each as one text. */
  all(sql: string): Promise<string[]>
} {
  let server: TestServer
  let session: Session | undefined
  beforeAll(async () => {
    server = await testServer()
  })
  beforeEach(async () => {
    await session?.close()
    const url = await server.database()
    session = await open(url)
    use(session, url)
  })
  afterAll(async () => {
    await session?.close()
    await server.stop()
  })
  return {
    all: async (sql) =>
      (await session!.query<{ r: string }>(`SELECT t::text AS r FROM (${sql}) AS t`)).rows.map(({ r }) => r),
  }
}

/** A column as mapped by its own name. */
export function column(name: string, type: string, more: Partial<MappedColumn> = {}): MappedColumn {
  const length = /^character(?: varying)?\((\d+)\)$/.exec(type)
  return {
    name,
    type,
    notNull: false,
    maxLength: length === null ? null : Number(length[1]),
    value: ident(name),
    identity: null,
    orElse: null,
    unique: false,
    ...more,
  }
}

export interface MoveWords {
  readonly source?: string
  readonly schema?: string
  readonly relation?: string
  readonly table: string
  /** Types of the stage's columns by name. */
  readonly staged: Readonly<Record<string, string>>
  /** The source's key columns. */
  readonly sourceKey?: readonly string[]
  readonly merge: Partial<Merge> & Pick<Merge, 'key' | 'columns'>
}

/** A mapped move of a PostgreSQL table. */
export function moveOf(words: MoveWords): Move & { readonly mapping: Merge } {
  const sourceKey = words.sourceKey ?? []
  return {
    ...postgresMove({
      source: words.source ?? words.table,
      relation: words.relation ?? ident(words.source ?? words.table),
      target: {
        schema: words.schema ?? 'public',
        name: words.table,
        columns: [],
        primaryKey: null,
        indexes: [],
        foreignKeys: [],
        checks: [],
      },
      existing: true,
      key: {
        kind: sourceKey.length > 0 ? 'columns' : 'ctid',
        expressions: sourceKey.map(ident),
        names: sourceKey,
      },
      sourceKey,
      columns: Object.entries(words.staged).map(([name, type]) => sameColumn(name, type)),
      format: 'text',
    }),
    mapping: {
      kind: 'merge',
      ifThere: 'update',
      ifParentMissing: 'set-aside',
      rules: NO_RULES,
      ...words.merge,
    },
  }
}
