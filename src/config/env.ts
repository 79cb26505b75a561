import { LandfallError } from '../errors.ts'

/** A value that is read from the environment when the config is loaded, never stored in it. */
export interface Env {
  readonly kind: 'env'
  /** The first variable that is set wins; a variable set to the empty text counts as not set. */
  readonly names: readonly string[]
  readonly default: string | null
}

export interface EnvOptions {
  /** Another variable, or several, for when the first is not set. */
  readonly or?: string | readonly string[]
  /** A value for when none is set. */
  readonly default?: string
}

/**
 * `env('A')`, `env('A', 'B')` or `env('A', { or: 'B', default: 'value' })`.
 * @throws LandfallError LF002 when a text is no variable's name, most often a value meant as default.
 */
export function env(name: string, ...more: readonly (string | EnvOptions)[]): Env {
  const names = [name]
  let fallback: string | null = null
  for (const item of more) {
    if (typeof item === 'string') {
      names.push(item)
      continue
    }
    if (item.or !== undefined) names.push(...(typeof item.or === 'string' ? [item.or] : item.or))
    if (item.default !== undefined) fallback = item.default
  }
  names.forEach((one, index) => {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(one)) return
    // The text itself is not repeated: it may well be a connection string with its password.
    throw new LandfallError(
      'LF002',
      `env(): argument ${index + 1} is not the name of an environment variable`,
      { hint: `for a value write env('${names[0] === one ? 'NAME' : names[0]}', { default: '…' })` },
    )
  })
  return { kind: 'env', names, default: fallback }
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The value that a variable, or one of its alternatives, has.
 * @param path where the config asks for it, e.g. `target`
 * @throws LandfallError LF004 naming the variables
 */
export function resolveEnv(value: Env, path: string, environment: Environment): string {
  for (const name of value.names) {
    const found = environment[name]
    if (found !== undefined && found !== '') return found
  }
  if (value.default !== null) return value.default
  const [first, ...others] = value.names
  throw new LandfallError(
    'LF004',
    others.length === 0
      ? `${path}: the environment variable ${first} is not set`
      : `${path}: none of the environment variables ${value.names.join(', ')} is set`,
    {
      hint: `set it: export ${first}=…   or give it a default: env('${first}', { default: '…' })`,
      details: { path, variables: value.names },
    },
  )
}
