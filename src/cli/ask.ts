import { createInterface } from 'node:readline/promises'
import { LandfallError } from '../errors.ts'
import type { Shell } from './shell.ts'

/** Asks on the terminal; where there is none the answer is an LF206 that names `--yes`. */
export function asker(shell: Shell): (question: string) => Promise<boolean> {
  return async (question) => {
    if (process.stdin.isTTY !== true || shell.json) {
      throw new LandfallError('LF206', `nobody is there to be asked: ${question}`, {
        hint: '--yes   answers every question with yes',
      })
    }
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    // The reader takes Ctrl-C for itself; it means here what it means elsewhere.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    const closed = new Promise<string>((resolve) => {
      reader.on('close', () => resolve(''))
    })
    try {
      const asked = reader.question(`${question} [y/N] `, { signal: shell.signal })
      return /^y(es)?$/i.test((await Promise.race([asked, closed])).trim())
    } finally {
      reader.close()
    }
  }
}
