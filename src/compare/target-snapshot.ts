import { openPostgres, type Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import type { TargetAccess } from './model.ts'

const READING = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY'

/** Keeps the target at one moment for all connections that are told its name while `work` is at work. */
export async function holdingTarget<T>(
  { postgres, label }: TargetAccess,
  work: (snapshot: string, session: Session) => Promise<T>,
): Promise<T> {
  const session = await openPostgres(postgres, { applicationName: 'landfall verify', label })
  try {
    return await session.transaction(async () => {
      await session.query(READING)
      const { rows } = await session.query<{ name: string }>('SELECT pg_catalog.pg_export_snapshot() AS name')
      return await work(rows[0]!.name, session)
    })
  } finally {
    await session.close()
  }
}

/** What `work` asks on the session is answered as of the moment of that name. */
export async function atSnapshot<T>(session: Session, snapshot: string, work: () => Promise<T>): Promise<T> {
  return await session.transaction(async () => {
    await session.query(`${READING}; SET TRANSACTION SNAPSHOT ${literal(snapshot)}`)
    return await work()
  })
}
