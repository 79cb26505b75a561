import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { basename, extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { LandfallError } from '../errors.ts'
import type { MigrationConfig } from './model.ts'
import { validateConfig } from './validate.ts'

export const CONFIG_FILES = [
  'landfall.config.ts',
  'landfall.config.mts',
  'landfall.config.js',
  'landfall.config.mjs',
  'landfall.config.json',
] as const

export interface LoadedConfig {
  /** Absolute path. */
  readonly file: string
  readonly config: MigrationConfig
}

/**
 * The config named by `--config`, else the one in the folder, else null.
 * @throws LandfallError LF002 when it is missing, cannot be run or is not valid
 */
export async function loadConfig(named: string | undefined, cwd: string): Promise<LoadedConfig | null> {
  const found = await readConfig(named, cwd)
  return found && { file: found.file, config: validateConfig(found.value, basename(found.file)) }
}

/** What such a file exports, which may be no config at all. */
export async function readConfig(
  named: string | undefined,
  cwd: string,
): Promise<{ readonly file: string; readonly value: unknown } | null> {
  const file = findConfig(named, cwd)
  if (file === null) return null
  return { file, value: extname(file) === '.json' ? await readJson(file) : await importConfig(file) }
}

function findConfig(named: string | undefined, cwd: string): string | null {
  if (named !== undefined) {
    const file = resolve(cwd, named)
    if (existsSync(file)) return file
    throw new LandfallError('LF002', `the config file ${named} does not exist`, {
      hint: 'landfall init writes one with what is found in the source',
    })
  }
  const found = CONFIG_FILES.filter((name) => existsSync(resolve(cwd, name)))
  if (found.length > 1) {
    throw new LandfallError('LF002', `there are several config files: ${found.join(', ')}`, {
      hint: `name the one that is meant: --config ${found[0]}`,
    })
  }
  return found[0] === undefined ? null : resolve(cwd, found[0])
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw notLoaded(file, cause)
  }
}

async function importConfig(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href
  // A changed file is read again by a process that loads it a second time.
  const fresh = `${url}?landfall=${loads++}`
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      // The config needs no node_modules beside it, and shares this very copy's classes.
      if (specifier === 'landfall') return { url: library(), shortCircuit: true }
      const resolved = next(specifier, context)
      // `"type": "commonjs"` in the application's package.json must not decide how a config is read.
      if (specifier === fresh && /\.m?ts$/.test(file)) return { ...resolved, format: 'module-typescript' }
      return resolved
    },
  })
  try {
    const module: { default?: unknown } = await import(fresh)
    if ('default' in module) return module.default
  } catch (cause) {
    if (cause instanceof LandfallError) throw cause
    throw notLoaded(file, cause)
  } finally {
    hooks.deregister()
  }
  throw new LandfallError('LF002', `${basename(file)} has no default export`, {
    hint: 'export default defineMigration({ … })',
  })
}

let loads = 0

/** The public library as this file's neighbour: TypeScript in a checkout, JavaScript when published. */
function library(): string {
  return new URL(`../index${extname(fileURLToPath(import.meta.url))}`, import.meta.url).href
}

function notLoaded(file: string, cause: unknown): LandfallError {
  const reason = cause instanceof Error ? cause.message : 'it threw something that is no error'
  const name = cause instanceof Error && cause.name !== 'Error' ? `${cause.name}: ` : ''
  return new LandfallError('LF002', `${basename(file)} cannot be loaded: ${name}${reason}`, {
    hint: `Node.js 24 or later shows where: node ${basename(file)}`,
    details: { file },
    cause,
  })
}
