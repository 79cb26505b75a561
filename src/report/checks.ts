import { rowsCheck } from '../compare/rows-check.ts'
import type { CheckResult } from '../contract/check.ts'
import type { VerifiedTable } from '../contract/verify.ts'
import { headed, many, paragraph, type Style } from './text.ts'

/** How many passed; each that did not, with what was expected and found. */
export function renderChecks(checks: readonly CheckResult[], style: Style): string[] {
  const { green, red, yellow } = style.colors
  const passed = checks.filter((check) => check.result === 'pass').length
  const lines: string[] = []
  if (passed > 0) lines.push(green(`${many(passed, 'check')} passed`))
  for (const check of checks) {
    if (check.result === 'pass') continue
    const [word, paint] =
      check.result === 'fail' ? (['failed', red] as const) : (['incomplete', yellow] as const)
    const said = `  ${check.name}: expected ${check.expected}, found ${check.found}`
    lines.push(...headed(paragraph(word + said, style, ''), word, paint))
    for (const line of (check.evidence ?? []).filter((one) => !check.found.includes(one)))
      lines.push(...paragraph(line, style, '  '))
  }
  return lines
}

/**
 * The checks that passed, and those that say something else than a table's line: where rows differ, or were
 * not compared, a check of the table says the same.
 */
export function besideRows(
  checks: readonly CheckResult[],
  tables: readonly VerifiedTable[],
  sample: number | null,
): readonly CheckResult[] {
  const told = new Set(tables.map((table) => rowsCheck(table, sample).name))
  return checks.filter((check) => check.result === 'pass' || !told.has(check.name))
}
