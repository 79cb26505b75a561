import type { Blocker, Move, MoveColumn, Plan } from '../plan/model.ts'

/** How the file names the databases: never by a connection string with a password. */
export interface ConfigEnds {
  /** As given, e.g. `sqlite:app.db`. */
  readonly source: string
  /** The target's label without secrets; null: the embedded PostgreSQL. */
  readonly target: string | null
}

/**
 * A `landfall.config.ts` that says what the plan would do anyway: every table that was found, and as
 * comments the choices wherever something was found that needs or allows one.
 */
export function renderConfig(plan: Plan, ends: ConfigEnds): string {
  const lines = [
    `import { defineMigration${ends.target === null ? '' : ', env'} } from 'landfall'`,
    '',
    '// Every entry that says what is the default anyway may be deleted.',
    'export default defineMigration({',
    `  name: ${quote(plan.migration)},`,
    `  source: ${quote(ends.source)},`,
    ...targetLines(ends),
    ...(plan.target.schema === 'public' ? [] : [`  targetSchema: ${quote(plan.target.schema)},`]),
    `  badRows: ${quote(plan.badRows)},`,
    '  moves: {',
    "    '*': {}, // tables that are not listed here; without this line they are left out",
    ...plan.moves.flatMap((move) => moveLines(move, plan.blockers)),
    '  },',
    '})',
  ]
  const general = plan.blockers.filter((blocker) => !plan.moves.some((move) => concerns(blocker, move)))
  if (general.length > 0) lines.splice(2, 0, ...general.flatMap((one) => blockerLines(one, '')), '')
  if (plan.leftOut.length > 0) {
    const left = plan.leftOut.map((one) => comment(`${one.kind} ${one.name}: ${one.why}`, '//   '))
    lines.push('', '// Left out, for they are no tables that can be moved:', ...left)
  }
  return `${lines.join('\n')}\n`
}

function targetLines(ends: ConfigEnds): string[] {
  if (ends.target === null) return ["  target: 'embedded',"]
  return [`  target: env('DATABASE_URL'), ${comment(ends.target, '// ')}`]
}

function moveLines(move: Move, blockers: readonly Blocker[]): string[] {
  const own = blockers.filter((blocker) => concerns(blocker, move))
  const renamed = move.source === move.target.name ? '' : ` from: ${quote(move.source)},`
  const columns = move.columns.filter((column) => column.source !== column.target)
  const told = move.statistics.misfits.filter((misfit) => !own.some((one) => one.column === misfit.column))
  const notes = [
    ...own.flatMap((blocker) => blockerLines(blocker, '      ')),
    ...told.map((misfit) =>
      comment(`${misfit.rows} rows: ${misfit.column ?? ''} ${misfit.reason}`, '      // '),
    ),
    ...move.columns.filter((column) => column.conversion !== null).map(conversionLine),
  ]
  if (notes.length === 0 && columns.length === 0) {
    const open = renamed === '' ? '{}' : `{${renamed.slice(0, -1)} }`
    return [`    ${key(move.target.name)}: ${open}, ${comment(`${move.statistics.rows} rows`, '// ')}`]
  }
  return [
    `    ${key(move.target.name)}: {${renamed} ${comment(`${move.statistics.rows} rows`, '// ')}`,
    ...notes,
    ...(columns.length === 0
      ? []
      : [
          '      columns: {',
          ...columns.map((column) => `        ${key(column.target)}: ${quote(column.source)},`),
          '      },',
        ]),
    '    },',
  ]
}

function conversionLine(column: MoveColumn): string {
  return comment(`${column.target}: ${column.conversion} (${column.why})`, '      // ')
}

function concerns(blocker: Blocker, move: Move): boolean {
  return blocker.table === move.source || blocker.table === move.target.name
}

function blockerLines(blocker: Blocker, indent: string): string[] {
  return [
    comment(`${blocker.code} ${blocker.message}`, `${indent}// `),
    ...blocker.examples.map((example) => comment(example, `${indent}//   `)),
    ...blocker.choices.map((choice) => comment(`choose ${choice}`, `${indent}//   `)),
  ]
}

/** A name of the database may hold anything; what would end a comment's line is written as an escape. */
function comment(text: string, open: string): string {
  return open + text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)
}

function key(name: string): string {
  // As a plain key `__proto__` would set the object's prototype.
  if (name === '__proto__') return "['__proto__']"
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : quote(name)
}

function quote(text: string): string {
  const body = text.replaceAll(/[\\']/g, '\\$&').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)
  return `'${body}'`
}

function escaped(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`
}
