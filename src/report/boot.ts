import type { BootReport, BootState, BootStatusReport } from '../contract/boot.ts'
import { headed, PLAIN, paragraph, printable, rows, type Style } from './text.ts'

/** One line on how the start came out, and one more where something should be known. */
export function renderBoot(report: BootReport, style: Style = PLAIN): string {
  return [line(report), ...remarks(report), '']
    .join('\n')
    .replaceAll(/^(\S)/gm, `${style.colors.dim('landfall')} $1`)
}

function line({ outcome, migration, state, seconds }: BootReport): string {
  const name = printable(migration ?? '')
  const time = `${seconds.toFixed(2)} s`
  if (outcome === 'not-asked') return 'no migration is asked for, and no database was touched'
  if (outcome === 'done-before')
    return `${name} is done since ${state?.finishedAt ?? '?'} (looked up in ${time})`
  const what = `${name} is done: ${loaded(state)}`
  return outcome === 'migrated'
    ? `${what}, ${time}`
    : `${what}, by ${printable(state?.instance ?? 'another instance')}; waited ${time}`
}

function loaded(state: BootState | null): string {
  const counts = state?.counts ?? []
  return rows(counts.reduce((sum, one) => sum + one.loaded, 0))
}

function remarks({ configChanged, state, migrate }: BootReport): string[] {
  const aside = (state?.counts ?? []).reduce((sum, one) => sum + one.setAside, 0)
  return [
    ...(configChanged
      ? [
          'the config says something else by now, and was not carried out again: another migration has another name',
        ]
      : []),
    ...(aside > 0 ? [`${rows(aside)} were set aside: they are in landfall.rejects`] : []),
    ...(migrate?.notes ?? []).map((note) => `note: ${printable(note)}`),
  ]
}

/** Where a migration at start-up stands, for people. */
export function renderBootStatus(report: BootStatusReport, style: Style = PLAIN): string {
  const { bold, dim, green, red, yellow } = style.colors
  const { status, state } = report
  if (status === 'not-asked') return 'No migration is asked for: applications start at once.\n'
  const paint = status === 'done' ? green : status === 'failed' ? red : yellow
  const lines = [
    `${bold(printable(report.migration ?? ''))}   ${paint(WORDS[status])}`,
    ...(report.target === null ? [] : [`  ${dim('target  ')} ${printable(report.target)}`]),
  ]
  if (state !== null) {
    lines.push(`  ${dim('instance')} ${printable(state.instance)}, attempt ${state.attempts}`)
    lines.push(`  ${dim('started ')} ${state.startedAt}`)
    if (state.finishedAt !== null) lines.push(`  ${dim('finished')} ${state.finishedAt}`)
    if (state.counts !== null) lines.push(`  ${dim('moved   ')} ${loaded(state)}`)
  }
  if (state?.error) {
    const [first = '', ...more] = [
      ...state.error.message.split('\n'),
      ...(state.error.hint?.split('\n') ?? []),
    ]
    const text = `error    ${state.error.code}: ${first}`
    lines.push(...headed(paragraph(text, style, '  ', '           '), '  error', dim))
    for (const one of more) lines.push(`           ${printable(one)}`)
  }
  if (report.configChanged) lines.push('  the config says something else by now')
  return `${lines.join('\n')}\n`
}

const WORDS = {
  absent: 'not begun',
  pending: 'interrupted; the next start goes on',
  interrupted: 'interrupted; the next start goes on',
  running: 'running',
  done: 'done',
  failed: 'failed; the next start tries again',
} as const
