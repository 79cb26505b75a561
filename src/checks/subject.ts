import type { Table } from '../catalog/model.ts'
import type { CheckResult } from '../contract/check.ts'
import { isExpected } from '../errors.ts'
import type { Move } from '../plan/model.ts'

/** A table of the target as it is now, with the move that fills it. */
export interface Subject {
  readonly move: Move
  readonly found: Table
  /** Qualified and quoted. */
  readonly table: string
}

/** What came out of one check, as lines for people. */
export interface Findings {
  readonly wrong: readonly string[]
  /** What could not be compared, with the reason. */
  readonly unknown: readonly string[]
  readonly notes: readonly string[]
}

/** Findings while they are gathered. */
export class Gathered implements Findings {
  readonly wrong: string[] = []
  readonly unknown: string[] = []
  readonly notes: string[] = []
}

/** @param right what `found` says when nothing is wrong or unknown. */
export function verdict(name: string, expected: string, right: string, findings: Findings): CheckResult {
  const { wrong, unknown, notes } = findings
  const evidence = [...wrong, ...unknown, ...notes]
  return {
    name,
    result: wrong.length > 0 ? 'fail' : unknown.length > 0 ? 'incomplete' : 'pass',
    expected,
    found:
      wrong.length > 0 ? firstOf(wrong) : unknown.length > 0 ? `not compared: ${firstOf(unknown)}` : right,
    ...(evidence.length === 0 ? {} : { evidence }),
  }
}

function firstOf(lines: readonly string[]): string {
  return lines.length === 1 ? lines[0]! : `${lines[0]}, and ${lines.length - 1} more`
}

/**
 * What the server refuses (a right is missing, types cannot be compared) is the reason why something is
 * unknown. Everything else, a lost connection above all, is thrown on.
 */
export async function orReason<T>(
  work: Promise<T>,
): Promise<{ readonly value: T } | { readonly why: string }> {
  try {
    return { value: await work }
  } catch (error) {
    if (isExpected(error) && error.code === 'LF304') return { why: error.message }
    throw error
  }
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
