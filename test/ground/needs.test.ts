import { afterEach, describe, expect, test, vi } from 'vitest'
import { isInstalled } from '../support/installed.ts'
import { needs } from '../support/needs.ts'

describe('a test that needs a program', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  test('runs where the program is', () => {
    expect(isInstalled('sh')).toBe(true)
    expect(needs('sh')).toBe(test)
  })

  test('is skipped with a line that says so on a person’s machine', () => {
    vi.stubEnv('CI', undefined)
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(needs('sh', 'no-such-program')).not.toBe(test)
    expect(written).toHaveBeenCalledWith('skipped: needs no-such-program, which this machine does not have\n')
  })

  test('is an error with CI=true', () => {
    vi.stubEnv('CI', 'true')
    expect(() => needs('no-such-program')).toThrow('needs no-such-program')
  })
})
