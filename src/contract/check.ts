/**
 * A Check is one question about the two databases, with what was expected and what was found.
 * Preflight, verification, runbook acceptance and health are all made of these.
 * What could not be compared is `incomplete`, never `pass`.
 */
export interface CheckResult {
  /** Stable and readable, e.g. `orders: rows accounted for`. */
  readonly name: string
  readonly result: 'pass' | 'fail' | 'incomplete'
  readonly expected: string
  readonly found: string
  /** A few lines of proof: keys, statements, numbers. Never a secret. */
  readonly evidence?: readonly string[]
}
