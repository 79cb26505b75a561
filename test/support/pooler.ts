import { createServer, type Socket } from 'node:net'
import { Client } from 'pg'

/** A small pooler as PgBouncer is one: clients log in here without a password. */
export interface Pooler {
  /** On 127.0.0.1. */
  readonly port: number
  close(): Promise<void>
}

interface Upstream {
  readonly login: Client
  readonly stream: Socket
  client: Socket | null
}

/**
 * Lends `size` connections to the database at `url`, the most recently used first: for a transaction, or
 * until the client goes.
 */
export async function startPooler(
  url: string,
  mode: 'transaction' | 'session',
  size: number,
): Promise<Pooler> {
  const idle: Upstream[] = []
  const all: Upstream[] = []
  const waiting: (() => void)[] = []
  const release = (upstream: Upstream): void => {
    upstream.client = null
    idle.push(upstream)
    waiting.shift()?.()
  }
  for (let made = 0; made < size; made++) {
    const login = new Client({ connectionString: url })
    login.on('error', () => {})
    await login.connect()
    // The driver has logged in; from here on the bytes are the clients'.
    const { stream } = (login as unknown as { connection: { stream: Socket } }).connection
    stream.removeAllListeners('data')
    const upstream: Upstream = { login, stream, client: null }
    let rest: Buffer = Buffer.alloc(0)
    stream.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data])
      const { end, idle: free } = wholeMessages(rest)
      upstream.client?.write(rest.subarray(0, end))
      rest = rest.subarray(end)
      if (free && rest.length === 0 && upstream.client !== null && mode === 'transaction') release(upstream)
    })
    all.push(upstream)
    idle.push(upstream)
  }

  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client)
    let started = false
    const send = (data: Buffer): void => {
      const lent = all.find((one) => one.client === client) ?? idle.pop()
      if (lent === undefined) return void waiting.push(() => send(data))
      lent.client = client
      lent.stream.write(data)
    }
    client.on('data', (data: Buffer | string) => {
      if (typeof data === 'string') return
      if (started) {
        // Terminate is for the pooler.
        if (data[0] !== 0x58) send(data)
      } else if (data.readInt32BE(4) === 80877103) client.write('N')
      else {
        started = true
        client.write(WELCOME)
      }
    })
    client.on('error', () => {})
    client.on('close', () => {
      clients.delete(client)
      const lent = all.find((one) => one.client === client)
      if (lent !== undefined) release(lent)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the pooler has no port')
  return {
    port: address.port,
    async close() {
      for (const client of clients) client.destroy()
      for (const upstream of all) upstream.stream.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** AuthenticationOk, BackendKeyData with numbers of the pooler's own, ReadyForQuery. */
const WELCOME = Buffer.concat([
  message('R', [0]),
  message('K', [2_000_000_001, 7]),
  Buffer.from([0x5a, 0, 0, 0, 5, 0x49]),
])

function message(type: string, numbers: readonly number[]): Buffer {
  const data = Buffer.alloc(5 + 4 * numbers.length)
  data.write(type)
  data.writeInt32BE(4 + 4 * numbers.length, 1)
  for (const [index, number] of numbers.entries()) data.writeInt32BE(number, 5 + 4 * index)
  return data
}

/** Where the whole messages end, and whether the last one says that no transaction is open. */
function wholeMessages(data: Buffer): { end: number; idle: boolean } {
  let end = 0
  let idle = false
  while (data.length >= end + 5) {
    const next = end + 1 + data.readInt32BE(end + 1)
    if (next > data.length) break
    idle = data[end] === 0x5a && data[end + 5] === 0x49
    end = next
  }
  return { end, idle }
}
