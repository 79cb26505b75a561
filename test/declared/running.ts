import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validateConfig } from '../../src/config/validate.ts'
import {
  type MigrationConfig,
  makeSchemaSettings,
  makeSchemaSqlSettings,
  schemaSql,
} from '../../src/index.ts'

export interface Ran {
  readonly status: number
  /** Lines that begin with NOTICE, WARNING, ERROR, as psql prints them. */
  readonly said: string
}

/** What psql is called with: a person's way, and a script's. */
export const STRICT = ['-v', 'ON_ERROR_STOP=1']

/** Runs statements with psql, from a file as a person does. The password goes by the environment. */
export function psql(url: string, sql: string, options: readonly string[] = STRICT): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-psql-'))
  const file = join(folder, 'file.sql')
  writeFileSync(file, sql)
  const { hostname, port, username, password, pathname } = new URL(url)
  const env = {
    PATH: process.env.PATH,
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  }
  return new Promise((resolve) => {
    execFile('psql', ['-X', ...options, '-f', file], { env }, (error, stdout, stderr) => {
      rmSync(folder, { recursive: true, force: true })
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ status, said: `${stdout}${stderr}`.replaceAll(/^psql:[^ ]* /gm, '') })
    })
  })
}

/** The config as the verbs take it, after the validation that a file goes through. */
export function declared(config: MigrationConfig, to: string) {
  const where = { cwd: tmpdir(), environment: {} }
  validateConfig(config, 'landfall.config.ts')
  return {
    settings: makeSchemaSettings(config, { to }, where),
    file: async () => (await schemaSql(makeSchemaSqlSettings(config, {}, where))).sql,
  }
}
