/**
 * So many processes start together, so many rounds, with one of them killed at a random moment in each: every
 * second time any one, every second time the one that migrates. It ends at the first round that goes wrong.
 *
 *     npm run soak:boot [-- --processes 20 --rounds 200 --accounts 600]
 */
import { parseArgs } from 'node:util'
import { ask } from '../faults/state.ts'
import { contentsOf, STATE, Starts, startsServer, wrongIn } from './starts.ts'

const { values: asked } = parseArgs({
  options: {
    processes: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '200' },
    accounts: { type: 'string', default: '600' },
  },
})
const processes = Number(asked.processes)
const rounds = Number(asked.rounds)

const server = await startsServer()
const starts = new Starts(server.url)
const sum = { killed: 0, runners: 0, takenOver: 0, seconds: 0 }
try {
  await starts.prepare(Number(asked.accounts))
  const first = await starts.round(1, await starts.backend(), null)
  const expected = await contentsOf(first.backend)
  // Milliseconds that a round, and the migration in it, last took.
  let length = 5000
  let migration = 800
  for (let round = 1; round <= rounds; round++) {
    const who = round % 2 === 0 ? 'runner' : 'anyone'
    const after = Math.random() * (who === 'runner' ? migration : length)
    const result = await starts.round(processes, await starts.backend(), { who, after })
    const wrong = await wrongIn(result, expected)
    if (wrong.length > 0) throw new Error(`round ${round}: ${wrong.join('\n')}`)
    const [state] = await ask<{ attempts: number; took: string }>(
      result.backend,
      `SELECT attempts, extract(epoch FROM finished_at - started_at) * 1000 AS took FROM ${STATE}`,
    )
    migration = Number(state!.took)
    const dead = result.started.filter(({ signal }) => signal === 'SIGKILL').length
    sum.killed += dead
    if (who === 'runner') sum.runners += dead
    if (state!.attempts > 1) sum.takenOver++
    sum.seconds += result.seconds
    length = result.seconds * 1000
    await starts.drop(result.backend)
    if (round % 10 === 0 || round === rounds)
      process.stdout.write(
        `${round} rounds of ${processes} processes in ${Math.round(sum.seconds)} s: ${sum.killed} killed before their end, ${sum.runners} of them while or after they migrated, ${sum.takenOver} times another took over; one complete migration each, no application before it\n`,
      )
  }
} finally {
  starts.remove()
  await server.stop('immediate')
  await server.remove()
}
