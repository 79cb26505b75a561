import { setTimeout as sleep } from 'node:timers/promises'
import { LandfallError, stopReason } from '../errors.ts'
import { type ExportedSettings, readAnswer } from './exported-answer.ts'
import { attempt, type Passing } from './exported-attempt.ts'
import { settingsFrom } from './postgres-parameters.ts'
import { type ExportedSource, type PostgresConnection, settingsLabel } from './settings.ts'

/** Pauses between attempts double up to the last one; a restarting container is met soon. */
const PAUSES = { first: 100, last: 2000 }
/** An exporter may make callers of a refused caller's address wait for ten seconds. */
const ATTEMPT = 12_000

/** What is left for the last attempt, which comes right before the time is over. */
const LAST = 100

export interface Asking {
  readonly signal?: AbortSignal | undefined
  /** Told once for each reason for which the exporter is asked again. */
  readonly note?: (text: string) => void
}

/**
 * Asks the exporter for the database's settings. What may pass (nobody listens yet, a name that is not
 * known yet, no answer, 429, 5xx) is tried again until `within` is over; anything else is final.
 *
 * Errors: LF106 not in time; LF107 the token is refused; LF108 what answers hands over no such settings;
 * LF403 when the signal was aborted. None of them holds the token or a piece of an answer.
 */
export async function askExporter(source: ExportedSource, asking: Asking = {}): Promise<PostgresConnection> {
  const deadline = performance.now() + source.within
  const told = new Set<string>()
  for (let pause = PAUSES.first; ; pause = Math.min(pause * 2, PAUSES.last)) {
    stopIfAsked(asking.signal)
    const left = Math.min(deadline - performance.now(), ATTEMPT)
    const answer = await attempt(source, left, asking.signal)
    stopIfAsked(asking.signal)
    if (answer.kind === 'answer') return connectionOf(readAnswer(answer.body, source.base), source)
    if (answer.kind === 'final') throw answer.error
    // Instances that were started together do not knock together again.
    const wait = pause * (0.75 + Math.random() / 2)
    const rest = deadline - performance.now() - LAST
    if (rest <= 0) throw tooLate(source, answer)
    if (!told.has(answer.why)) asking.note?.(`${source.base}: ${answer.why}; asking again`)
    told.add(answer.why)
    await sleep(
      Math.min(wait, rest),
      undefined,
      asking.signal === undefined ? {} : { signal: asking.signal },
    ).catch(() => {})
  }
}

function connectionOf(exported: ExportedSettings, source: ExportedSource): PostgresConnection {
  const notes: string[] = []
  const { DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD } = exported
  const settings = settingsFrom(
    [
      ['host', DB_HOST],
      ['port', String(DB_PORT)],
      ['dbname', DB_NAME],
      ['user', DB_USER],
      ...(DB_PASSWORD === '' ? [] : [['password', DB_PASSWORD] as const]),
    ],
    source.environment,
    notes,
  )
  return { engine: 'postgres', label: settingsLabel(settings), settings, notes }
}

function stopIfAsked(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw stopReason(signal)
}

function tooLate(source: ExportedSource, { why }: Passing): LandfallError {
  return new LandfallError(
    'LF106',
    `${source.base} did not hand over the database’s settings within ${source.within / 1000} s: ${why}`,
    {
      hint: [
        'Start the exporter (landfall export-env), or look at its log; with --once it ends after one hand-over.',
        'Host and port must be reachable from here; exportedBy(…, { within: … }) waits longer.',
      ].join('\n'),
    },
  )
}
