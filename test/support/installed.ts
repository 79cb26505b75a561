import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** True when a program of this name is on the PATH and may be executed. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}
