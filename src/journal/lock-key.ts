import { createHash } from 'node:crypto'

/** The two halves of an advisory lock's key, as `pg_locks` shows them. */
export interface LockKey {
  readonly key: string
  readonly classid: string
  readonly objid: string
}

/** The key of a migration's advisory lock; the lock itself belongs to one database. */
export function lockKey(migration: string): LockKey {
  const hash = createHash('sha256').update(`landfall:${migration}`).digest()
  return {
    key: String(hash.readBigInt64BE(0)),
    classid: String(hash.readUInt32BE(0)),
    objid: String(hash.readUInt32BE(4)),
  }
}
