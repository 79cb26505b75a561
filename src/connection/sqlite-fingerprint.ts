import { randomUUID } from 'node:crypto'
import { type BigIntStats, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Two writes may get the same time stamp within one tick of the kernel's clock. */
const TICK = 25
/** The same for file systems that keep whole seconds. */
const COARSE_TICK = 2_100
const SECOND = 1_000_000_000n

/**
 * Identity of a database file's content from what `stat` says of it and of its -wal file: every
 * commit writes one of the two, and a write changes its time stamps. The files themselves are not
 * opened, see `checkFile`. Equal fingerprints mean equal content; the other way round it does not
 * hold: a checkpoint changes the files and not the content.
 */
export function fileFingerprint(path: string): string {
  const file = statSync(path, { bigint: true })
  const wal = walStats(path)
  // An empty -wal file is what a reader leaves behind; it says as much as none. Its ctime says nothing:
  // SQLite hands the file to the database's owner each time that root opens it.
  const log = wal === null || wal.size === 0n ? '-' : `${wal.ino}.${wal.size}.${wal.mtimeNs}`
  return `${file.ino}.${file.size}.${file.mtimeNs}.${file.ctimeNs}/${log}`
}

/** Bytes of the write-ahead log beside the database, 0 when there is none. */
export function walBytes(path: string): number {
  return Number(walStats(path)?.size ?? 0n)
}

function walStats(path: string): BigIntStats | null {
  return statSync(`${path}-wal`, { bigint: true, throwIfNoEntry: false }) ?? null
}

/** True when the last write is so long ago that the next one will get another time stamp. */
function isSettled(path: string): boolean {
  return [statSync(path, { bigint: true }), walStats(path)].every((stats) => {
    if (stats === null || stats.size === 0n) return true
    const tick = stats.mtimeNs % SECOND === 0n ? COARSE_TICK : TICK
    return Date.now() - Number(stats.mtimeNs / 1_000_000n) > tick
  })
}

/** Waits for a pause between writes, as long as one tick; a busy writer is not waited for. */
export async function settle(path: string): Promise<void> {
  for (let tries = 0; tries < 6 && !isSettled(path); tries += 1) await sleep(TICK / 3)
}

/**
 * `fileFingerprint` for keeping. Where the file was written within the last tick, a later write might
 * leave the same stamps: then the fingerprint is made unlike any other.
 */
export function lastingFingerprint(path: string): string {
  const found = fileFingerprint(path)
  return isSettled(path) ? found : `${found}/busy-${randomUUID()}`
}
