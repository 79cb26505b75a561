import type { z } from 'zod'
import { printPath } from './path.ts'
import { keysAt } from './shape.ts'
import { didYouMean } from './suggest.ts'

type Issue = z.core.$ZodIssue

/**
 * One line for each mistake: its exact path, what is wrong, and a suggestion. Values are not repeated: a
 * connection string may hold a password.
 */
export function mistakesOf(issue: Issue, base: readonly PropertyKey[]): string[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${printPath([...path, key])}: unknown key${unknownKey(key, path)}`)
  }
  if (issue.input === undefined && issue.path.length > 0 && issue.code.startsWith('invalid'))
    return [`${at(path)}is missing`]
  if (issue.code === 'invalid_union') {
    // The branch that was meant is the one whose own kind of value is right.
    const meant = issue.errors.find(
      (branch) =>
        branch.length > 0 &&
        branch.every(
          (one) => one.path.length > 0 || one.code === 'unrecognized_keys' || one.code === 'too_small',
        ),
    )
    return meant === undefined
      ? [`${at(path)}${issue.message}`]
      : meant.flatMap((one) => mistakesOf(one, path))
  }
  if (issue.code === 'invalid_value') {
    return [`${at(path)}must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`]
  }
  if (issue.code === 'invalid_type') return [`${at(path)}must be ${words(issue.expected)}`]
  if (issue.code === 'too_small') {
    return [
      `${at(path)}${issue.origin === 'string' || issue.origin === 'array' ? 'must not be empty' : `must be at least ${issue.minimum}`}`,
    ]
  }
  if (issue.code === 'too_big') return [`${at(path)}must be at most ${issue.maximum}`]
  if (issue.code === 'invalid_key') return [`${at(path)}a name must not be empty`]
  return [`${at(path)}${issue.message}`]
}

function at(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '' : `${printPath(path)}: `
}

function unknownKey(key: string, path: readonly PropertyKey[]): string {
  const keys = keysAt(path)
  // It is a key of such columns alone.
  if (key === 'unique' && keys.includes('convert'))
    return '; only what an identity creates can be made unique'
  return didYouMean(key, keys)
}

function words(expected: string): string {
  const names: Record<string, string> = {
    string: 'a text',
    int: 'a whole number',
    number: 'a whole number',
    boolean: 'true or false',
    object: 'an object',
    record: 'an object',
    array: 'a list',
  }
  return names[expected] ?? expected
}
