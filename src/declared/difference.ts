import type { Finding, SchemaObject, SchemaStatement } from '../contract/schema.ts'

/** What a declaration asks for and the target has not got: everything found, and what is to be done. */
export interface Difference {
  readonly findings: readonly Finding[]
  /** In the order in which they are to be carried out. */
  readonly statements: readonly SchemaStatement[]
}

/** The order of the work: what later statements need comes first, what locks busy tables is short. */
export const PHASES = [
  'schema',
  'table',
  'columns',
  'comments',
  'indexes',
  'keys',
  'checks',
  'foreign keys',
  'rows',
] as const
export type Phase = (typeof PHASES)[number]

/** Takes what is found of one thing after the other. */
export class Findings {
  readonly #findings: Finding[] = []
  readonly #statements = new Map<Phase, SchemaStatement[]>(PHASES.map((phase) => [phase, []]))

  right(object: SchemaObject, expected: string, found = expected): void {
    this.#findings.push({ object, state: 'right', expected, found, conflict: null })
  }

  /** It is not there, or not finished; the statements make it so. */
  lacking(
    object: SchemaObject,
    expected: string,
    phase: Phase,
    statements: readonly SchemaStatement[],
    unfinished: string | null = null,
  ): void {
    const state = unfinished === null ? 'missing' : 'unfinished'
    this.#findings.push({ object, state, expected, found: unfinished ?? 'missing', conflict: null })
    this.todo(phase, statements)
  }

  different(
    object: SchemaObject,
    expected: string,
    found: string,
    why: string,
    ways: readonly SchemaStatement[],
  ): void {
    this.#findings.push({ object, state: 'different', expected, found, conflict: { why, ways } })
  }

  todo(phase: Phase, statements: readonly SchemaStatement[]): void {
    this.#statements.get(phase)!.push(...statements)
  }

  get difference(): Difference {
    return { findings: this.#findings, statements: [...this.#statements.values()].flat() }
  }
}

export function conflictsOf({ findings }: Difference): readonly Finding[] {
  return findings.filter(({ state }) => state === 'different')
}
