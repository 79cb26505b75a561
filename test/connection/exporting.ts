import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createPlainServer, type Socket } from 'node:net'
import { exportedBy, readExportedBy } from '../../src/config/exported-by.ts'
import type { ExportedSource } from '../../src/connection/settings.ts'
import { TOKEN } from '../exporter/calling.ts'

/** An exporter's source as a config gives it. */
export const sourceAt = (
  base: string,
  within = '2s',
  environment: Readonly<Record<string, string>> = {},
): ExportedSource => readExportedBy(exportedBy(base, { token: TOKEN, within }), environment)

export interface Answering {
  readonly base: string
  /** Requests so far. */
  readonly asked: () => number
  stop(): Promise<void>
}

/** A web server on loopback that answers as it is told. */
export async function answering(listener: RequestListener, port = 0): Promise<Answering> {
  let count = 0
  const server = createServer((request, response) => {
    count += 1
    response.on('error', () => {})
    listener(request, response)
  })
  return { base: await at(server, port), asked: () => count, stop: () => stopped(server) }
}

/** The same for what is no web server. */
export async function speaking(speak: (socket: Socket) => void): Promise<Answering> {
  let count = 0
  const sockets = new Set<Socket>()
  const server = createPlainServer((socket) => {
    count += 1
    sockets.add(socket)
    socket.on('error', () => {})
    speak(socket)
  })
  const base = await at(server as Server, 0)
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { base, asked: () => count, stop }
}

async function at(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function stopped(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
