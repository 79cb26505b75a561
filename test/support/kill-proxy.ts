import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of PostgreSQL that stops the world at a chosen message, for crash tests. */
export interface KillProxy {
  /** Listens here, on 127.0.0.1. */
  readonly port: number
  /**
   * Frontend messages so far, over all connections in one sequence: those after the start-up and
   * authentication, CopyData and Terminate included.
   */
  count(): number
  /**
   * Calls `callback` once: just before the n-th message (from 1) is forwarded, or once it has been
   * forwarded whole and before any reply is passed on. Nothing passes the proxy from then on; the server
   * sees its clients go, after what was forwarded, as it would when their process is killed.
   */
  onMessage(n: number, action: 'before' | 'after', callback: () => void): void
  close(): Promise<void>
}

interface Trigger {
  readonly n: number
  readonly action: 'before' | 'after'
  readonly callback: () => void
}

/** Request codes that stand where the version stands in a start-up packet. */
const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const PASSWORD = 'p'.charCodeAt(0)

export async function startProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<KillProxy> {
  let count = 0
  let trigger: Trigger | undefined
  /** From the trigger on: nothing is forwarded either way. */
  let stopped = false
  const sockets = new Map<Socket, Socket>()

  const stop = (callback: () => void): void => {
    callback()
    for (const [client, server] of sockets) {
      client.destroy()
      server.end()
    }
  }

  const proxy = createServer({ noDelay: true }, (client) => {
    if (stopped) return client.destroy()
    const server = connect({ ...target, noDelay: true })
    sockets.set(client, server)
    client.on('error', () => client.destroy())
    server.on('error', () => server.destroy())
    client.on('close', () => server.end())
    server.on('close', () => {
      client.destroy()
      sockets.delete(client)
    })
    client.on('drain', () => server.resume())
    server.on('drain', () => client.resume())
    server.on('data', (data) => {
      // Read on and throw away, so that the server never waits for us and is not sent a reset.
      if (!stopped && !client.destroyed && !client.write(data)) server.pause()
    })

    let started = false
    let rest: Buffer = Buffer.alloc(0)
    client.on('data', (data) => {
      if (stopped || typeof data === 'string') return
      rest = rest.length === 0 ? data : Buffer.concat([rest, data])
      let end = 0
      for (;;) {
        const length = messageLength(rest, end, started)
        if (length === undefined || end + length > rest.length) break
        const type = rest[end]
        if (!started) started = isStartup(rest, end)
        else if (type !== PASSWORD) {
          count++
          if (trigger?.n === count) {
            const { action, callback } = trigger
            stopped = true
            const whole = rest.subarray(0, action === 'before' ? end : end + length)
            server.write(whole, () => stop(callback))
            return
          }
        }
        end += length
      }
      if (end === 0) return
      const forwarded = server.write(rest.subarray(0, end))
      rest = rest.subarray(end)
      if (!forwarded) client.pause()
    })
  })

  await new Promise<void>((resolve, reject) => {
    proxy.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    count: () => count,
    onMessage(n, action, callback) {
      if (n <= count) throw new Error(`message ${n} has passed already`)
      trigger = { n, action, callback }
    },
    async close() {
      stopped = true
      for (const [client, server] of sockets) {
        client.destroy()
        server.destroy()
      }
      await new Promise<void>((resolve) => proxy.close(() => resolve()))
    },
  }
}

/** The message's length with its head, or undefined when the head is not all there. */
function messageLength(data: Buffer, at: number, started: boolean): number | undefined {
  const head = started ? 1 : 0
  return data.length < at + head + 4 ? undefined : head + data.readInt32BE(at + head)
}

/** A start-up packet proper; requests for encryption (which are refused here) come before it. */
function isStartup(data: Buffer, at: number): boolean {
  const code = data.readInt32BE(at + 4)
  return code !== SSL_REQUEST && code !== GSSENC_REQUEST && code !== CANCEL_REQUEST
}
