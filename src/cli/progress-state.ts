import type { ProgressEvent } from '../contract/progress.ts'

/** What is known of one table's work in the present phase. Times are milliseconds of any one clock. */
export interface TableProgress {
  readonly table: string
  readonly phase: 'profile' | 'copy' | 'verify'
  readonly done: number
  readonly total: number
  /** Rows that were done when this process first heard of the table: a resumed run does not start at 0. */
  readonly doneAtStart: number
  readonly startedAt: number
  readonly changedAt: number
}

/** All that was told so far; `takeEvent` changes it. */
export interface ProgressState {
  phase: string
  phaseStartedAt: number
  detail: string | null
  readonly tables: Map<string, TableProgress>
  step: { readonly name: string; readonly done: number; readonly total: number } | null
}

export function emptyProgress(): ProgressState {
  return { phase: '', phaseStartedAt: 0, detail: null, tables: new Map(), step: null }
}

export function takeEvent(state: ProgressState, event: ProgressEvent, now: number): void {
  if (event.kind === 'phase') {
    if (event.phase !== state.phase) {
      state.tables.clear()
      state.step = null
      state.phaseStartedAt = now
    }
    state.phase = event.phase
    state.detail = event.detail ?? null
  } else if (event.kind === 'table') {
    const before = state.tables.get(event.table)
    const known = before?.phase === event.phase ? before : undefined
    state.tables.set(event.table, {
      table: event.table,
      phase: event.phase,
      done: event.done,
      total: event.total,
      doneAtStart: known?.doneAtStart ?? event.done,
      startedAt: known?.startedAt ?? now,
      changedAt: now,
    })
  } else if (event.kind === 'step') {
    state.step = event
  }
}

export interface Pace {
  /** From 0 to 1; null when the total is not known. */
  readonly share: number | null
  readonly perSecond: number
  /** Seconds, or null while there is too little to judge by. */
  readonly left: number | null
}

/** How fast `done` rises, and how long the rest takes at that rate. */
export function pace(
  work: Pick<TableProgress, 'done' | 'total' | 'doneAtStart' | 'startedAt'>,
  now: number,
): Pace {
  const seconds = (now - work.startedAt) / 1000
  const moved = work.done - work.doneAtStart
  const perSecond = seconds > 0 ? moved / seconds : 0
  return {
    share: work.total > 0 ? Math.min(1, work.done / work.total) : null,
    perSecond,
    left: moved > 0 && seconds >= 1 ? Math.max(0, work.total - work.done) / perSecond : null,
  }
}

/** All tables of the phase together. */
export function overall(state: ProgressState): TableProgress | null {
  const tables = [...state.tables.values()]
  if (tables.length === 0) return null
  const sum = (of: (table: TableProgress) => number): number => tables.reduce((n, table) => n + of(table), 0)
  return {
    table: '',
    phase: tables[0]!.phase,
    done: sum((table) => table.done),
    total: sum((table) => table.total),
    doneAtStart: sum((table) => table.doneAtStart),
    startedAt: Math.min(...tables.map((table) => table.startedAt)),
    changedAt: Math.max(...tables.map((table) => table.changedAt)),
  }
}
