import type { BackupReport } from '../contract/report.ts'
import { many, paragraph, printable, type Style } from './text.ts'

/** Where the backups lie, and how to go back. The commands are never broken: they are to be copied. */
export function renderBackups(backups: readonly BackupReport[], style: Style): string[] {
  if (backups.length === 0) return []
  const { bold, dim } = style.colors
  const notes = new Set(backups.map(({ restoreNote }) => restoreNote))
  return [
    '',
    bold('Backups, made before anything was written'),
    ...backups.flatMap((backup) => [
      `  ${dim(backup.of)} ${printable(backup.path)}   ${size(backup.bytes)}, ${many(backup.tables, 'table')}`,
      `  ${dim('to restore')} ${printable(backup.restore)}`,
    ]),
    ...[...notes].flatMap((note) => paragraph(note, style, '  ', '  ')),
  ]
}

/** `0.01 MB`, `12.3 MB`, `4.56 GB`. */
function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`
}
