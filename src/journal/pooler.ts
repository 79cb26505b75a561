import { randomUUID } from 'node:crypto'
import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'

interface Look {
  readonly backend: number
  readonly mark: string | null
}

/**
 * Refuses, with LF309, a pooler that lends a server connection for one transaction at a time: a
 * session's lock would stay behind on a connection that others use, and never end. To be called before
 * anything is locked.
 *
 * A pooler shows in that the process number given at login is not the server's. Its mode shows only from
 * two sides, for a quiet one gives the same server connection again and again: a second connection, held
 * in a transaction, is given the very server connection that this session has just used, or drives this
 * session on to a different one. A pooler that lends for a whole session does neither, and is fine.
 * Without `another` to open that second connection, every pooler is refused.
 */
export async function refuseTransactionPooler(
  session: Session,
  another?: () => Promise<Session>,
): Promise<void> {
  const first = await look(session)
  if (first.backend === session.backend) return
  if (another === undefined) throw refusal('a pooler')
  const mark = randomUUID()
  await session.query("SELECT set_config('landfall.session', $1, false)", [mark])
  const steady = async (): Promise<boolean> => {
    for (let times = 0; times < 3; times++) {
      const seen = await look(session)
      if (seen.backend !== first.backend || seen.mark !== mark) return false
    }
    return true
  }
  if (!(await steady())) throw refusal()
  const second = await another()
  try {
    await second.transaction(async () => {
      const theirs = await look(second)
      if (theirs.backend === first.backend || theirs.mark === mark || !(await steady())) throw refusal()
    })
  } finally {
    await second.close()
  }
}

async function look(session: Session): Promise<Look> {
  const { rows } = await session.query<Look>(
    "SELECT pg_backend_pid() AS backend, current_setting('landfall.session', true) AS mark",
  )
  return rows[0]!
}

function refusal(what = 'a pooler in transaction mode'): LandfallError {
  return new LandfallError(
    'LF309',
    `${what} (PgBouncer, Supavisor, RDS Proxy …) is between Landfall and the target`,
    {
      hint: [
        'Name the direct connection to the server, or a pool in session mode: the lock that keeps two runs',
        'apart must end with its holder, and needs a connection of its own for that.',
        "Where the application keeps to the pooler: target: env('DATABASE_DIRECT_URL', 'DATABASE_URL')",
      ].join('\n'),
    },
  )
}
