import type { ProgressListener } from '../contract/progress.ts'
import { printable } from '../report/text.ts'
import { drawProgress, plainLine, plainSummary } from './progress-draw.ts'
import { emptyProgress, type TableProgress, takeEvent } from './progress-state.ts'
import type { Shell } from './shell.ts'

export interface ProgressView {
  readonly listen: ProgressListener
  /** Takes the live lines away while a question waits for its answer. */
  paused<Answer>(ask: (question: string) => Promise<Answer>): (question: string) => Promise<Answer>
  /** Takes the live lines away. To be called once, whatever the outcome. */
  close(): void
}

const REDRAW_MS = 100
const PLAIN_MS = 5000

/** Live lines on a terminal, plain ones elsewhere; both on standard error. */
export async function showProgress(shell: Shell): Promise<ProgressView> {
  return shell.live && !shell.json ? await liveView(shell) : plainView(shell)
}

async function liveView(shell: Shell): Promise<ProgressView> {
  const { createLogUpdate } = await import('log-update')
  const draw = createLogUpdate(process.stderr)
  const state = emptyProgress()
  let pause = false
  const paint = (): void => {
    if (pause || state.phase === '') return
    const style = { ...shell.errStyle, width: process.stderr.columns ?? 80 }
    const height = Math.min(12, (process.stderr.rows ?? 24) - 1)
    draw(drawProgress(state, Date.now(), style, height).join('\n'))
  }
  // Redrawn by the clock and not by events, so that any number of events costs the same.
  const timer = setInterval(paint, REDRAW_MS)
  shell.sayAbove = (text) => draw.persist(text.replace(/\n$/, ''))
  return {
    listen(event) {
      if (event.kind === 'note') shell.say(`${printable(event.text)}\n`)
      else takeEvent(state, event, Date.now())
    },
    paused: (ask) => async (question) => {
      pause = true
      draw.clear()
      return ask(question).finally(() => {
        pause = false
      })
    },
    close() {
      clearInterval(timer)
      shell.sayAbove = null
      draw.clear()
      draw.done()
    },
  }
}

/** Lines that stay, on a terminal too: others may write to it. */
export function plainView(shell: Shell): ProgressView {
  const state = emptyProgress()
  const told = new Map<string, number>()
  let toldStep = 0
  /** Of a phase that began while another one was at work. */
  let early: readonly TableProgress[] = []
  /** Tables that were done in a moment are told of together. */
  const endPhase = (now: number, isLast: boolean): void => {
    const untold = [...state.tables.keys()].some((name) => !told.has(name))
    // A table may have been told of in both.
    const tables = [...new Map([...early, ...state.tables.values()].map((one) => [one.table, one])).values()]
    early = !isLast && tables.some((table) => table.phase !== state.phase) ? tables : []
    if (early.length === 0 && tables.length > 0 && untold) shell.say(plainSummary(tables, now))
  }
  return {
    listen(event) {
      const now = Date.now()
      const { phase: phaseBefore, detail: detailBefore } = state
      if (event.kind === 'phase' && event.phase !== phaseBefore) endPhase(now, false)
      takeEvent(state, event, now)
      if (event.kind === 'note') shell.say(`${printable(event.text)}\n`)
      else if (event.kind === 'phase') {
        if (
          event.phase === phaseBefore &&
          ((event.detail ?? null) === detailBefore || now - toldStep < PLAIN_MS)
        )
          return
        told.clear()
        toldStep = now
        const detail = event.detail === undefined ? '' : `: ${printable(event.detail)}`
        shell.say(`${event.phase}${detail}\n`)
      } else if (event.kind === 'step') {
        if (event.done < event.total && now - toldStep < PLAIN_MS) return
        toldStep = now
        shell.say(`${event.done} of ${event.total}: ${printable(event.name)}\n`)
      } else {
        const table = state.tables.get(event.table)!
        const last = told.get(event.table)
        const finished = event.done >= event.total
        // The line at the end comes once, and only where there was time for another one.
        if (last === Number.POSITIVE_INFINITY) return
        const isSoon = now - (last ?? table.startedAt) < PLAIN_MS
        if (finished ? last === undefined && isSoon : isSoon) return
        told.set(event.table, finished ? Number.POSITIVE_INFINITY : now)
        shell.say(plainLine(table, now))
      }
    },
    paused: (ask) => ask,
    close: () => endPhase(Date.now(), true),
  }
}
