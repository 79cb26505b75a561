import { LandfallError } from '../errors.ts'
import { readDuration } from './duration.ts'
import { type Env, type Environment, resolveEnv } from './env.ts'

/** How the migration behaves when an application starts: `landfall boot`, `landfall/boot`. */
export interface BootConfig {
  /**
   * The table that says what is done, made where it is missing: `table` or `schema.table`. A name without
   * schema is one of the target's schema. Default: `landfall.boot_states`.
   */
  readonly state?: string
  /** Empty, not set or false: no database is touched, and the application starts. Default: always asked for. */
  readonly onlyIf?: Env | string | boolean | undefined
  /** How long an instance waits for another one, e.g. `90s`, `30m`, `2h`. Default: `30m`. */
  readonly waitAtMost?: string
}

/** The same with every key filled in. */
export interface BootChoice {
  readonly state: { readonly schema: string; readonly name: string }
  /** Milliseconds. */
  readonly waitAtMost: number
}

const DEFAULT_WAIT = '30m'

/**
 * Whether the config wants anything to be done, decided before all else in it is looked at: whatever may be
 * wrong with the migration, emptying the variable lets the application start. `config` is what the file
 * exports, valid or not.
 */
export function isAskedFor(config: unknown, environment: Environment): boolean {
  const said = (config as { readonly boot?: unknown } | null | undefined)?.boot
  // A key that is there and undefined is a variable that is not set: `onlyIf: process.env.NAME`.
  if (said === null || typeof said !== 'object' || !('onlyIf' in said)) return true
  const { onlyIf } = said
  const value = isEnv(onlyIf)
    ? resolveEnv({ ...onlyIf, default: onlyIf.default ?? '' }, '', environment)
    : onlyIf
  return typeof value === 'string' ? value.trim() !== '' : Boolean(value)
}

/** LF001 for a limit that is no time. `waitAtMost` is the command line's, and wins. */
export function resolveBoot(
  said: BootConfig | undefined,
  targetSchema: string,
  waitAtMost: string | undefined,
): BootChoice {
  const text = waitAtMost ?? said?.waitAtMost ?? DEFAULT_WAIT
  const milliseconds = readDuration(text)
  if (milliseconds === null)
    throw new LandfallError('LF001', `${JSON.stringify(text)} is no time to wait`, {
      hint: '90s, 30m or 2h; at most 24 days',
    })
  return { state: tableNamed(said?.state, targetSchema), waitAtMost: milliseconds }
}

function tableNamed(name: string | undefined, schema: string): BootChoice['state'] {
  if (name === undefined) return { schema: 'landfall', name: 'boot_states' }
  const dot = name.indexOf('.')
  return dot < 0 ? { schema, name } : { schema: name.slice(0, dot), name: name.slice(dot + 1) }
}

function isEnv(value: unknown): value is Env {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'env'
}
