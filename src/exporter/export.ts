import type { Server } from 'node:http'
import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { settingsLabel } from '../connection/settings.ts'
import { REPORT_VERSION } from '../contract/version.ts'
import { LandfallError } from '../errors.ts'
import { EXPORT_PORT } from './address.ts'
import { type Environment, isLoopback, readDatabase, readToken, TOKEN_NAMES } from './environment.ts'
import { type ExportEvent, exportService } from './service.ts'
import { tokenTest } from './token.ts'

export type { ExportEvent } from './service.ts'

export interface ExportOptions {
  /** Has DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD and the token. Default: that of the process. */
  readonly environment?: Environment
  /** Default: 127.0.0.1, so that nobody outside is answered who was not meant. */
  readonly host?: string
  /** Default: 8045. 0: one that is free. */
  readonly port?: number
  /** Variables that hold the token; the first that is set counts. */
  readonly tokenNames?: readonly string[]
  /** Ask for no token; only on a loopback address. */
  readonly noToken?: boolean
  /** The database asks for no password. */
  readonly noPassword?: boolean
  /** End after the first hand-over. */
  readonly once?: boolean
  readonly listener?: (event: ExportEvent) => void
}

/** What an exporter came to. */
export interface ExportReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'export-env'
  /** `once`: by itself, after the hand-over; `closed`: it was told to. */
  readonly ended: 'once' | 'closed'
  readonly address: string
  /** The database's label, without password. */
  readonly database: string
  readonly startedAt: string
  readonly seconds: number
  readonly handedOver: number
  /** Callers that were refused and logged; of one that keeps asking not every request is. */
  readonly refused: number
}

/** An exporter at work. */
export interface Exporter {
  /** `http://127.0.0.1:8045` */
  readonly address: string
  /** The database's label, without password. */
  readonly database: string
  /** The variable that the token came from; null: none is asked for. */
  readonly tokenFrom: string | null
  readonly notes: readonly string[]
  /** Resolves when it has ended, and never fails. */
  readonly ended: Promise<ExportReport>
  /** Ends it; connections that are open are cut off. */
  close(): Promise<ExportReport>
}

/**
 * The last segments may have to be sent again, and the network of a container ends with its process: so
 * many milliseconds pass between a hand-over and the end.
 */
const LINGER = 500

/**
 * Hands the connection settings of a database, which are in its environment, to callers with the token: to
 * a migration whose source is `exportedBy(…)`. Resolves when it listens.
 *
 * Errors: LF004 and LF002 for what is missing or wrong in the environment, LF001 for `noToken` elsewhere
 * than on loopback, LF008 where it cannot listen.
 */
export async function exportEnv(options: ExportOptions = {}): Promise<Exporter> {
  const { environment = process.env, host = '127.0.0.1', port = EXPORT_PORT, once = false } = options
  const { settings, notes } = readDatabase(environment, options.noPassword ?? false)
  if (options.noToken === true && !isLoopback(host)) throw openToAll()
  const token = options.noToken === true ? null : readToken(environment, options.tokenNames ?? TOKEN_NAMES)
  const startedAt = new Date()
  const counts = { handedOver: 0, refused: 0 }
  let first: () => void
  const handedOver = new Promise<void>((resolve) => {
    first = resolve
  })
  const server = exportService({
    settings,
    isRight: token === null ? null : tokenTest(token.token),
    once,
    tell(event) {
      if (event.kind === 'handed-over') counts.handedOver += 1
      if (event.kind === 'refused') counts.refused += 1
      options.listener?.(event)
      if (event.kind === 'handed-over') first()
    },
  })
  const bound = await listen(server, host, port)
  if (token === null && !isLoopback(bound.address)) {
    server.close()
    throw openToAll()
  }
  const address = `http://${isIPv6(bound.address) ? `[${bound.address}]` : bound.address}:${bound.port}`
  const database = settingsLabel({
    host: settings.DB_HOST,
    port: settings.DB_PORT,
    database: settings.DB_NAME,
    user: settings.DB_USER,
  })
  let how: ExportReport['ended'] = 'closed'
  const ended = new Promise<void>((resolve) => server.once('close', resolve)).then(
    (): ExportReport => ({
      version: REPORT_VERSION,
      command: 'export-env',
      ended: how,
      address,
      database,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      ...counts,
    }),
  )
  const close = (): Promise<ExportReport> => {
    server.close()
    server.closeAllConnections()
    return ended
  }
  if (once)
    void handedOver.then(async () => {
      how = 'once'
      // Nobody else is let in from now on.
      server.close()
      await sleep(LINGER)
      await close()
    })
  const tokenFrom = token?.from ?? null
  return { address, database, tokenFrom, notes: [...notes, ...(token?.notes ?? [])], ended, close }
}

function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly address: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    // One that comes later, for want of file handles, say, is no reason to end.
    server.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'no code'
      reject(
        new LandfallError(
          'LF008',
          `cannot listen on port ${port} of ${host}: ${WHY[code] ?? `it failed with ${code}`}`,
          {
            hint: '--port 8046        another port\n--host 127.0.0.1   this machine only; 0.0.0.0 all of its addresses',
            details: { code },
          },
        ),
      )
    })
    server.listen({ host, port, exclusive: true }, () => {
      const bound = server.address()
      if (typeof bound === 'object' && bound !== null) resolve(bound)
    })
  })
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it',
  EADDRNOTAVAIL: 'that is no address of this machine',
  EACCES: 'this user may not',
  ENOTFOUND: 'that name is not known',
  EAI_AGAIN: 'that name cannot be looked up now',
}

function openToAll(): LandfallError {
  return new LandfallError(
    'LF001',
    '--no-token would hand the database’s password to everybody who can reach this address',
    { hint: '--host 127.0.0.1   only this machine is answered\nor set PLUGIN_ENV_EXPORT_TOKEN' },
  )
}
