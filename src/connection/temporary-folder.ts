import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** A folder of copies may be shared between machines and containers, which number their processes anew. */
const MACHINE = hostname().replaceAll(/[^\w.-]/g, '_')

/**
 * A new folder in `parent` that only this user can read, for files as large as a database. What a process
 * that was killed has left there is removed, for nobody else would.
 */
export function temporaryFolder(parent: string): string {
  removeAbandoned(parent)
  const folder = mkdtempSync(join(parent, `landfall-${MACHINE}-${process.pid}-`))
  chmodSync(folder, 0o700)
  return folder
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, machine, pid] = /^landfall-(.+)-(\d+)-\w{6}$/.exec(name) ?? []
    if (machine !== MACHINE || isAlive(Number(pid))) continue
    try {
      rmSync(join(parent, name), { recursive: true, force: true })
    } catch {
      // It belongs to another user, who will remove it.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}
