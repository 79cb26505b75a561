import { createInterface } from 'node:readline/promises'
import { LandfallError } from '../errors.ts'
import { printable } from '../report/text.ts'
import type { Shell } from './shell.ts'

/** Asks on the terminal. A no is an LF206, and so is a missing terminal: that one names `--yes`. */
export function asker(shell: Shell): (question: string) => Promise<true> {
  return async (question) => {
    if (process.stdin.isTTY !== true || shell.json) {
      throw new LandfallError('LF206', `nobody is there to be asked: ${question}`, {
        hint: '--yes   answers every question with yes',
      })
    }
    const shown = question.split('\n').map(printable).join('\n')
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    // The reader takes Ctrl-C for itself; it means here what it means elsewhere.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    const closed = new Promise<string>((resolve) => {
      reader.on('close', () => resolve(''))
    })
    try {
      const asked = reader.question(`${shown} [y/N] `, { signal: shell.signal })
      if (/^y(es)?$/i.test((await Promise.race([asked, closed])).trim())) return true
      throw new LandfallError('LF206', 'you said no; nothing was changed')
    } finally {
      reader.close()
    }
  }
}
