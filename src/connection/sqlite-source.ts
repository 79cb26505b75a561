import { basename } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { type Backup, backUp } from './sqlite-backup.ts'
import { readingInterrupted, readingSource, sourceError } from './sqlite-error.ts'
import { fileFingerprint, walBytes } from './sqlite-fingerprint.ts'
import type { Job } from './sqlite-messages.ts'
import { checkFile, encodingOf, openReadOnly } from './sqlite-open.ts'
import { Reader } from './sqlite-reader.ts'
import { enterSnapshot } from './sqlite-snapshot.ts'

export type { Job } from './sqlite-messages.ts'
export type { JobContext } from './sqlite-worker.ts'

/**
 * A SQLite database as it was at one moment. All of its connections are read-only and see that same
 * moment until `close`, whatever other programs write.
 */
export interface SqliteSource {
  /** Absolute. */
  readonly path: string
  /** `UTF-8`, `UTF-16le` or `UTF-16be`. */
  readonly encoding: string
  /** Equal to an earlier one only if the content is the same; it may differ without that. */
  readonly fingerprint: string
  /** Bytes of the write-ahead log when the source was opened. */
  readonly walBytes: number
  /** How the moment is kept: by read transactions, or in a private copy. */
  readonly snapshot: 'hold' | 'backup'
  /** What the user should know. */
  readonly notes: readonly string[]
  /** In the snapshot, on this thread: for the catalog and other short reading. */
  readonly database: DatabaseSync
  readonly readers: number
  /** Runs a job on a free reader thread; jobs wait for one in the order of their calls. */
  run<T>(job: Job, onMessage?: (value: unknown) => void): Promise<T>
  /** Runs a job once on each reader thread, after the jobs that were asked for before. */
  runOnEach<T>(job: Job): Promise<T[]>
  /** Whether the source may have been written since the moment that this shows. */
  isStale(): boolean
  /** Tells running jobs to stop; waiting and later ones fail with LF403. */
  abort(): void
  /** Ends the threads and removes the private copy. */
  close(): Promise<void>
}

export interface SourceOptions {
  /**
   * `auto`: read transactions in WAL mode, where they hinder nobody; else a private copy, since a
   * reader would keep the application from committing.
   */
  readonly snapshot?: 'auto' | 'hold' | 'backup'
  /** Reader threads. */
  readonly readers: number
  /** Where a private copy goes; the system's folder for temporary files when missing. */
  readonly tempFolder?: string
  /** Milliseconds that writers may be kept waiting for a quick private copy; one second when missing. */
  readonly holdWriters?: number
}

/** Errors: LF101 cannot be opened, LF102 damaged or no database, LF103 locked, LF207 no room for a copy. */
export async function openSource(path: string, options: SourceOptions): Promise<SqliteSource> {
  checkFile(path)
  const first = openReadOnly(path)
  let copy: Backup | null = null
  try {
    const journal = readingSource(path, () => {
      first.prepare('SELECT count(*) FROM sqlite_schema').get()
      return String(first.prepare('PRAGMA journal_mode').get()?.journal_mode)
    })
    const wanted = options.snapshot ?? 'auto'
    const snapshot = wanted === 'auto' ? (journal === 'wal' ? 'hold' : 'backup') : wanted
    const notes: string[] = []
    const log = walBytes(path)
    if (snapshot === 'backup') {
      copy = await backUp(first, path, options)
      notes.push(`read from a private copy, so that ${basename(path)} can be written meanwhile`)
      if (copy.held) notes.push(`writers of ${basename(path)} had to wait while the backup was made`)
    } else if (journal === 'wal') {
      notes.push(`the log ${basename(path)}-wal will grow while it is read, if programs write`)
    } else {
      notes.push(`programs cannot commit to ${basename(path)} while it is read`)
    }
    const source = new PooledSource(path, copy, options.readers, { snapshot, walBytes: log, notes })
    await source.open()
    return source
  } catch (error) {
    copy?.remove()
    throw error
  } finally {
    first.close()
  }
}

interface Waiting {
  readonly start: (reader: Reader) => void
  readonly reject: (error: Error) => void
  /** For one certain reader only. */
  readonly only: Reader | undefined
}

class PooledSource implements SqliteSource {
  readonly path: string
  readonly snapshot: 'hold' | 'backup'
  readonly walBytes: number
  readonly notes: readonly string[]
  readonly encoding: string
  readonly database: DatabaseSync
  fingerprint = ''
  readonly #copy: Backup | null
  readonly #readers: Reader[]
  readonly #free = new Set<Reader>()
  readonly #queue: Waiting[] = []
  readonly #aborted = new Int32Array(new SharedArrayBuffer(4))
  #closed: Promise<void> | null = null

  constructor(
    path: string,
    copy: Backup | null,
    readers: number,
    facts: Pick<SqliteSource, 'snapshot' | 'walBytes' | 'notes'>,
  ) {
    this.path = path
    this.#copy = copy
    this.snapshot = facts.snapshot
    this.walBytes = facts.walBytes
    this.notes = facts.notes
    const file = copy?.path ?? path
    this.database = openReadOnly(file, path)
    this.encoding = encodingOf(this.database)
    this.#readers = Array.from(
      { length: readers },
      () => new Reader({ path: file, source: path, aborted: this.#aborted }),
    )
  }

  get readers(): number {
    return this.#readers.length
  }

  async open(): Promise<void> {
    const file = this.#copy?.path ?? this.path
    try {
      const fingerprint = await enterSnapshot(file, this.path, this.database, this.#readers)
      this.fingerprint = this.#copy?.fingerprint ?? fingerprint
      for (const reader of this.#readers) this.#free.add(reader)
    } catch (error) {
      await this.close()
      throw sourceError(error, this.path)
    }
  }

  run<T>(job: Job, onMessage?: (value: unknown) => void): Promise<T> {
    return this.#schedule<T>(job, onMessage, undefined)
  }

  runOnEach<T>(job: Job): Promise<T[]> {
    return Promise.all(this.#readers.map((reader) => this.#schedule<T>(job, undefined, reader)))
  }

  async #schedule<T>(
    job: Job,
    onMessage: ((value: unknown) => void) | undefined,
    only: Reader | undefined,
  ): Promise<T> {
    const reader = await new Promise<Reader>((resolve, reject) => {
      this.#queue.push({ start: resolve, reject, only })
      this.#dispatch()
    })
    try {
      return (await reader.request({ kind: 'run', job }, onMessage)) as T
    } finally {
      this.#free.add(reader)
      this.#dispatch()
    }
  }

  #dispatch(): void {
    const failure = this.#failure()
    if (failure !== null) {
      for (const waiting of this.#queue.splice(0)) waiting.reject(failure)
      return
    }
    for (let i = 0; i < this.#queue.length && this.#free.size > 0; ) {
      const { only, start } = this.#queue[i]!
      const reader = only ?? this.#free.values().next().value!
      if (this.#free.delete(reader)) {
        this.#queue.splice(i, 1)
        start(reader)
      } else {
        i += 1
      }
    }
  }

  #failure(): Error | null {
    if (this.#closed !== null) return new TypeError('the source is closed')
    for (const reader of this.#readers) if (reader.death !== null) return reader.death
    if (Atomics.load(this.#aborted, 0) === 0) return null
    return readingInterrupted()
  }

  isStale(): boolean {
    return fileFingerprint(this.path) !== this.fingerprint
  }

  abort(): void {
    Atomics.store(this.#aborted, 0, 1)
    this.#dispatch()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    Atomics.store(this.#aborted, 0, 1)
    await Promise.resolve()
    this.#dispatch()
    await Promise.all(this.#readers.map((reader) => reader.close()))
    this.database.close()
    this.#copy?.remove()
  }
}
