import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import type { Settings } from '../config/model.ts'
import { isMapped } from '../config/resolve.ts'
import { fingerprintOf } from '../connection/postgres-fingerprint.ts'
import { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import type { PostgresConnection } from '../connection/settings.ts'
import type { Tools } from '../contract/tools.ts'

/** A PostgreSQL source as it is at one moment. */
export interface PostgresSource {
  readonly connection: PostgresConnection
  readonly label: string
  readonly snapshot: PostgresSnapshot
  readonly catalog: Catalog
  /** Equal means that nothing was written since; see `fingerprintOf`. */
  readonly fingerprint: string
}

/** Errors: LF101 and LF104; LF303 for a version that is no source. */
export async function openPostgresSource(
  connection: PostgresConnection,
  settings: Settings,
  tools: Tools,
): Promise<PostgresSource> {
  const { label } = connection
  tools.progress?.({ kind: 'phase', phase: 'snapshot', detail: label })
  const snapshot = await PostgresSnapshot.open(
    connection.settings,
    {
      applicationName: 'landfall migrate',
      label,
      role: 'source',
      // What the config says in SQL sees the schemas that it always sees.
      searchPath: isMapped(settings) ? 'server' : 'pg_catalog',
    },
    settings.jobs,
  )
  try {
    const catalog = await snapshot.run((session) => readPostgresCatalog(session))
    const fingerprint = await snapshot.run(fingerprintOf)
    return { connection, label, snapshot, catalog, fingerprint }
  } catch (error) {
    await snapshot.close()
    throw error
  }
}
