import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** True when a program of this name is on the PATH and may be executed. */
export const isInstalled = (program: string): boolean => installedAt(program) !== null

/** The first file of this name on the PATH that may be executed. */
export function installedAt(program: string): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const files = folders.map((folder) => join(folder, program))
  return (
    files.find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    }) ?? null
  )
}
