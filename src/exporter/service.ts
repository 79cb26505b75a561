import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  EXPORT_PATH,
  type ExportedSettings,
  HEALTH_PATH,
  TOKEN_HEADER,
} from '../connection/exported-answer.ts'
import { addressOf, callerOf } from './address.ts'
import { Doorkeeper } from './doorkeeper.ts'
import { isLoopback } from './environment.ts'
import { Seldom } from './seldom.ts'

/** What happened, and when. `address` is the caller's. */
export type ExportEvent = { readonly at: Date; readonly address: string } & (
  | { readonly kind: 'handed-over' }
  /** The connection ended before all was sent. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly why: string }
)

export interface Service {
  readonly settings: ExportedSettings
  /** Null: no token is asked for, on loopback only. */
  readonly isRight: ((token: string) => boolean) | null
  /** Only one hand-over; while one is on its way other callers are asked to come again. */
  readonly once: boolean
  readonly tell: (event: ExportEvent) => void
}

/** Connections of one caller, and of all: what is held open by some does not shut others out. */
const MOST_CONNECTIONS = { caller: 8, all: 128 }
/** Milliseconds in which a request has to be complete. */
const REQUEST = 5000

/** A request whose token was right or not asked for goes on; anybody else learns nothing from any other. */
export function exportService(service: Service): Server {
  const doorkeeper = new Doorkeeper()
  const seldom = new Seldom()
  const state = { handing: false }
  const refuse = (address: string, why: string): void =>
    service.tell({ kind: 'refused', at: new Date(), address, why })
  const refuseSeldom = (address: string, why: string): void => {
    if (seldom.allows(callerOf(address))) refuse(address, why)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const address = addressOf(request.socket)
    if (isHealth(request)) return send(response, 200, { status: 'ok' })
    if (service.isRight === null) {
      // A web page can make a browser call 127.0.0.1 under a name of its own.
      if (!isLoopback(hostOf(request))) {
        refuseSeldom(address, 'asks for another host')
        return send(response, 401, UNAUTHORIZED)
      }
    } else {
      const given = request.headers[TOKEN_HEADER]
      const isRight = (): boolean => typeof given === 'string' && service.isRight!(given)
      const judged = await doorkeeper.judge(callerOf(address), isRight, hangingUp(response))
      if (judged.kind === 'gone') return refuseSeldom(address, 'hung up while it had to wait')
      if (judged.kind === 'full') {
        refuseSeldom(address, 'was refused before, and asks again too soon')
        return send(response, 429, { error: 'too many requests' }, { 'retry-after': '1' })
      }
      if (judged.kind === 'refused') {
        refuse(address, `${given === undefined ? 'no token' : 'wrong token'}, ${judged.inARow} in a row`)
        return send(response, 401, UNAUTHORIZED)
      }
    }
    if (request.url?.split('?')[0] !== EXPORT_PATH) {
      refuseSeldom(address, 'right token, but no such path')
      return send(response, 404, { error: 'not found' })
    }
    if (request.method !== 'GET') {
      refuseSeldom(address, 'right token, but only GET is answered')
      return send(response, 405, { error: 'method not allowed' }, { allow: 'GET' })
    }
    if (service.once && state.handing) return send(response, 503, { error: 'busy' }, { 'retry-after': '1' })
    state.handing = true
    response.once('close', () => {
      state.handing = false
      const kind = response.writableFinished ? 'handed-over' : 'lost'
      service.tell({ kind, at: new Date(), address })
    })
    send(response, 200, service.settings)
  }

  const server = createServer(
    {
      headersTimeout: REQUEST,
      requestTimeout: REQUEST,
      connectionsCheckingInterval: 500,
      maxHeaderSize: 8 * 1024,
    },
    (request, response) => {
      response.on('error', () => {})
      void answer(request, response).catch(() => response.destroy())
    },
  )
  server.maxRequestsPerSocket = 1
  server.maxConnections = MOST_CONNECTIONS.all
  server.timeout = 20_000
  server.on('connection', countConnections(refuseSeldom))
  server.on('drop', (dropped) => {
    refuseSeldom(addressOf({ remoteAddress: dropped?.remoteAddress }), 'too many connections in all')
  })
  server.on('clientError', (_, socket) => {
    refuseSeldom(addressOf(socket as Socket), 'sent no complete request')
    // The other side need not close its own, and must not hold ours.
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy())
    else socket.destroy()
  })
  return server
}

const UNAUTHORIZED = { error: 'unauthorized' }

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...headers,
  })
  response.end(text)
}

function isHealth({ method, url }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && url === HEALTH_PATH
}

function hostOf(request: IncomingMessage): string {
  return URL.parse(`http://${request.headers.host ?? ''}`)?.hostname ?? ''
}

function hangingUp(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => controller.abort())
  return controller.signal
}

function countConnections(refuse: (address: string, why: string) => void): (socket: Socket) => void {
  const open = new Map<string, number>()
  return (socket) => {
    const address = addressOf(socket)
    const caller = callerOf(address)
    const count = (open.get(caller) ?? 0) + 1
    if (count > MOST_CONNECTIONS.caller) {
      refuse(address, 'has too many connections')
      socket.destroy()
      return
    }
    open.set(caller, count)
    socket.once('close', () => {
      const left = open.get(caller)! - 1
      if (left === 0) open.delete(caller)
      else open.set(caller, left)
    })
  }
}
