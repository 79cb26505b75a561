import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { sourceError } from './sqlite-error.ts'
import { type Job, packError, type ReaderData, type Reply, type Request } from './sqlite-messages.ts'
import { encodingOf, openReadOnly } from './sqlite-open.ts'

/** What a job finds on its reader thread. */
export interface JobContext {
  /** Read-only, inside the source's snapshot: its transaction must stay as it is. */
  readonly database: DatabaseSync
  /** `UTF-8`, `UTF-16le` or `UTF-16be`. */
  readonly encoding: string
  /** Tells the caller of `run` something on the way. */
  readonly send: (message: unknown) => void
  readonly signal: { readonly aborted: boolean }
  /** For what a job keeps for the next one on this thread, such as a connection. */
  readonly onClose: (close: () => Promise<void> | void) => void
}

const port = parentPort!
const { path, source, aborted } = workerData as ReaderData
const reply = (message: Reply) => port.postMessage(message)
const closers: (() => Promise<void> | void)[] = []
let database: DatabaseSync | null = null

async function runJob(open: DatabaseSync, job: Job): Promise<unknown> {
  const module = (await import(job.module)) as Record<string, unknown>
  const work = module[job.export]
  if (typeof work !== 'function') throw new TypeError(`${job.module} exports no function ${job.export}`)
  const context: JobContext = {
    database: open,
    encoding: encodingOf(open),
    send: (value) => reply({ kind: 'message', value }),
    signal: {
      get aborted() {
        return Atomics.load(aborted, 0) === 1
      },
    },
    onClose: (close) => closers.push(close),
  }
  return await work(context, job.args)
}

async function answer(request: Request): Promise<unknown> {
  database ??= openReadOnly(path, source)
  switch (request.kind) {
    case 'begin':
      database.exec('BEGIN')
      return database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n
    case 'rollback':
      if (database.isTransaction) database.exec('ROLLBACK')
      return null
    case 'run':
      return await runJob(database, request.job)
    case 'close':
      for (const close of closers.splice(0)) await close()
      database.close()
      port.close()
      return null
  }
}

async function handle(request: Request): Promise<void> {
  try {
    reply({ kind: 'done', value: await answer(request) })
  } catch (error) {
    reply({ kind: 'failed', error: packError(sourceError(error, source)) })
  }
}

// One after the other: a close waits until the running job has ended.
let last = Promise.resolve()
port.on('message', (request: Request) => {
  last = last.then(() => handle(request))
})
