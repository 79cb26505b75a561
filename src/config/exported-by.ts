import { tokenProblem } from '../connection/exported-answer.ts'
import { type ExportedSource, guardSource, hiding } from '../connection/settings.ts'
import { LandfallError } from '../errors.ts'
import { readDuration } from './duration.ts'
import { type Env, type Environment, resolveEnv } from './env.ts'
import { baseProblem, plainBase } from './exporter-base.ts'

/** A source whose connection settings `landfall export-env` hands over when they are needed. */
export interface ExportedBy {
  readonly kind: 'exported-by'
  /** Where the exporter listens, e.g. `http://plugin-env:8045`. */
  readonly base: string | Env
  /** What the exporter asks for; it belongs in the environment. */
  readonly token: string | Env
  /** How long to wait for an exporter that does not answer yet, e.g. `10s`. Default: `30s`. */
  readonly within?: string
}

/** Time for a container that is started together with the application. */
const WITHIN = '30s'

/**
 * `exportedBy(env('PLUGIN_API_BASE_URL'), { token: env('PLUGIN_ENV_EXPORT_TOKEN', 'PLUGIN_ADMIN_API_KEY') })`
 * as `source`: the PostgreSQL database whose settings the exporter at that address hands over.
 */
export function exportedBy(
  base: string | Env,
  { token, within }: { readonly token: string | Env; readonly within?: string },
): ExportedBy {
  const said: ExportedBy = { kind: 'exported-by', base, token, ...(within === undefined ? {} : { within }) }
  return hiding(said, () => ({ ...said, token: typeof token === 'string' ? '(hidden)' : token }))
}

export function isExportedBy(source: string | Env | ExportedBy | undefined): source is ExportedBy {
  return typeof source === 'object' && source.kind === 'exported-by'
}

/** The way to the exporter; nobody is asked yet. Errors: LF003 and LF004, without the values. */
export function readExportedBy(said: ExportedBy, environment: Environment): ExportedSource {
  const given = textOf(said.base, 'source.base', environment)
  const problem = baseProblem(given)
  if (problem !== null)
    throw new LandfallError(
      'LF003',
      `the address of the exporter (${nameOf(said.base, 'base')}) ${problem}`,
      {
        hint: 'http://plugin-env:8045   name and port of the service that runs landfall export-env',
      },
    )
  const token = textOf(said.token, 'source.token', environment).trim()
  const wrong = tokenProblem(token)
  if (wrong !== null)
    throw new LandfallError('LF003', `the exporter’s token (${nameOf(said.token, 'token')}) ${wrong}`, {
      hint: 'openssl rand -hex 32   makes one that exporter and migration can share',
    })
  const base = plainBase(given)
  return guardSource({
    engine: 'exported',
    base,
    token,
    within: readDuration(said.within ?? WITHIN)!,
    environment: Object.fromEntries(
      TAKEN_OVER.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
    ),
    label: `the database that ${base} exports`,
    notes: [],
  })
}

/**
 * What still holds when host, database and user come from elsewhere. PGHOSTADDR, PGPASSWORD and PGOPTIONS
 * are meant for another server.
 */
const TAKEN_OVER = [
  'PGSSLMODE',
  'PGSSLROOTCERT',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGCONNECT_TIMEOUT',
  'PGPASSFILE',
  'HOME',
] as const

function textOf(value: string | Env, path: string, environment: Environment): string {
  return typeof value === 'object' ? resolveEnv(value, path, environment) : value
}

function nameOf(value: string | Env, key: string): string {
  return typeof value === 'object' ? value.names.join(' or ') : `source.${key}`
}
