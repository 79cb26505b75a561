import { type TestAPI, test } from 'vitest'
import { isInstalled } from './installed.ts'

/**
 * Vitest's `test` for tests that run other programs: `needs('psql')('reads it back', async () => …)`.
 * Where one of them is not on the PATH the tests are skipped with a line that says so; with `CI=true`
 * that is an error instead, so that a build machine cannot pass by lacking a program.
 */
export function needs(...programs: readonly string[]): TestAPI | TestAPI['skip'] {
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length === 0) return test
  const message = `needs ${missing.join(', ')}, which this machine does not have`
  if (process.env.CI === 'true') throw new Error(message)
  process.stderr.write(`skipped: ${message}\n`)
  return test.skip
}
