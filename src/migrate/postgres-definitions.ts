import { createHash } from 'node:crypto'
import { LandfallError } from '../errors.ts'
import { cloneMoves } from '../plan/postgres-clone.ts'
import { type DumpOptions, dumpSchema, dumpToolsFor, type SchemaDump } from '../schema/postgres-dump.ts'
import { EMBEDDED_VERSION, findSchema } from './postgres-blockers.ts'
import type { PostgresSource } from './postgres-source.ts'
import type { PostgresPlanning } from './postgres-start.ts'

type Asked = Pick<PostgresPlanning, 'from' | 'session' | 'settings' | 'tools'>

const dumps = new WeakMap<PostgresSource, Promise<SchemaDump>>()

/** What `pg_dump` says of a source as it is in its snapshot; asked once. Errors: LF105, LF310. */
export function definitionsOf(asked: Asked): Promise<SchemaDump> {
  const known = dumps.get(asked.from)
  if (known !== undefined) return known
  const dump = readDump(asked)
  dumps.set(asked.from, dump)
  return dump
}

/** SHA-256 of all that `pg_dump` says; the same as long as nobody changes a definition. */
export async function definitionsDigest(asked: Asked): Promise<string> {
  const { preData, postponed, last, built } = await definitionsOf(asked)
  return createHash('sha256')
    .update(JSON.stringify([preData, postponed, last, built]))
    .digest('hex')
}

async function readDump(asked: Asked): Promise<SchemaDump> {
  const { from, session, tools } = asked
  const found = dumpToolsFor(from.snapshot.serverVersion, session?.serverVersion ?? EMBEDDED_VERSION)
  if (found === null)
    throw new LandfallError('LF310', 'the pg_dump by which this run began is not there any more')
  const { snapshot, connection } = from
  const left = await leftOutOf(asked)
  return await snapshot.run((one) =>
    dumpSchema({
      settings: connection.settings,
      tools: found,
      session: one,
      snapshot: snapshot.name,
      exclude: left.exclude,
      skipped: left.skipped,
      signal: tools.signal,
    }),
  )
}

/** Tables that are left out, the views that go with them, and whatever else cannot be without them. */
export async function leftOutOf({ from, session, settings }: Asked): Promise<{
  readonly exclude: NonNullable<DumpOptions['exclude']>
  readonly skipped: ReadonlySet<string>
}> {
  const clone = cloneMoves(from.catalog, settings)
  const { views, skipped } = await findSchema(from, session, clone)
  return { exclude: [...clone.excluded, ...views], skipped }
}
