import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll } from 'vitest'
import { EXPORT_PATH } from '../../src/connection/exported-answer.ts'
import { type ExportEvent, type Exporter, type ExportOptions, exportEnv } from '../../src/index.ts'

export const TOKEN = 'k4-token-of-32-characters-or-more'
export const DATABASE = {
  DB_HOST: 'db.internal',
  DB_PORT: '6432',
  DB_NAME: 'plugin',
  DB_USER: 'antigravity',
  DB_PASSWORD: 'Geheim/7 @:?#[]%41"\\\'ß$x',
} as const
export const ENVIRONMENT = { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: TOKEN }
/** What an exporter with that environment hands over. */
export const HANDED = { ...DATABASE, DB_PORT: 6432 }

/** The forms in which a secret could be seen. */
export const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  encodeURI(secret),
  new URLSearchParams({ p: secret }).toString().slice(2),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(secret).toString('hex'),
]

export interface Running {
  readonly exporter: Exporter
  readonly events: ExportEvent[]
}

/** Exporters of one file's tests; each is closed when they are over. */
export function exporters(): (options?: ExportOptions) => Promise<Running> {
  const running: Exporter[] = []
  afterAll(async () => {
    await Promise.all(running.map((one) => one.close()))
  })
  return async (options = {}) => {
    const events: ExportEvent[] = []
    const listener = (event: ExportEvent): void => void events.push(event)
    const exporter = await exportEnv({ environment: ENVIRONMENT, port: 0, listener, ...options })
    running.push(exporter)
    return { exporter, events }
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly milliseconds: number
}

export interface Call {
  readonly token?: string
  readonly method?: string
  readonly path?: string
  /** The address to call from; on Linux all of 127.0.0.0/8 is ours. */
  readonly from?: string
  readonly host?: string
  readonly signal?: AbortSignal
}

export function call(
  base: string,
  { token, method = 'GET', path = EXPORT_PATH, from, host, signal }: Call,
): Promise<Answer> {
  const began = performance.now()
  const headers = {
    ...(token === undefined ? {} : { 'X-Migration-Token': token }),
    ...(host === undefined ? {} : { host }),
  }
  const options = { method, headers, agent: false, ...(from === undefined ? {} : { localAddress: from }) }
  return new Promise((resolve, reject) => {
    const asked = request(`${base}${path}`, { ...options, ...(signal === undefined ? {} : { signal }) })
    asked.on('error', reject)
    asked.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        body += part
      })
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        resolve({ status: statusCode, headers, body, milliseconds: performance.now() - began })
      })
    })
    asked.end()
  })
}

/** A connection that says this much and then nothing; `ended` resolves with what came back. */
export function mute(
  base: string,
  says: string,
  from = '127.0.0.1',
): { readonly socket: Socket; readonly ended: Promise<string> } {
  const { hostname, port } = new URL(base)
  const socket = connect({ host: hostname, port: Number(port), localAddress: from })
  let heard = ''
  socket.on('data', (part) => {
    heard += part
  })
  socket.on('error', () => {})
  socket.on('connect', () => socket.write(says))
  return { socket, ended: new Promise((resolve) => socket.on('close', () => resolve(heard))) }
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
