import { expect, test } from 'vitest'
import { loadChunks } from '../../src/copy/schedule.ts'
import { LandfallError } from '../../src/errors.ts'
import type { ChunkRecord } from '../../src/journal/model.ts'
import { moveOf } from './moves.ts'

const chunk = (seq: number): ChunkRecord => ({
  move: 't',
  seq,
  after: null,
  upTo: null,
  state: 'pending',
  result: null,
})

/** Two chunks at once; the person interrupts, and then they end with these failures, one after the other. */
async function interrupted(...failures: readonly Error[]): Promise<unknown> {
  const controller = new AbortController()
  const waiting: ((error: Error) => void)[] = []
  const loading = loadChunks({
    moves: [moveOf('t', [['id', 'int8']])],
    chunks: failures.map((_, seq) => chunk(seq)),
    jobs: failures.length,
    signals: [controller.signal],
    load: () => new Promise((_, reject) => waiting.push(reject)),
    loaded: () => {},
  })
  const ended = loading.catch((error: unknown) => error)
  controller.abort(new LandfallError('LF403', 'interrupted by Ctrl-C'))
  for (const [i, error] of failures.entries()) waiting[i]!(error)
  return await ended
}

const refused = new LandfallError('LF304', 'the target refused a row')
const stopped = new LandfallError('LF403', 'reading the source was interrupted')

test('a failure is told although a person interrupted meanwhile', async () => {
  expect(await interrupted(refused)).toBe(refused)
  expect(await interrupted(stopped, refused)).toBe(refused)
})

test('chunks that stopped because of the interruption are no failures', async () => {
  expect(await interrupted(stopped, stopped)).toMatchObject({
    code: 'LF403',
    message: 'interrupted by Ctrl-C',
  })
})
