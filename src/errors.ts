/**
 * Every failure that a user can meet. A code never changes its meaning; `docs/reference/errors.md`
 * is generated from this table and says the same.
 *
 * Exit statuses: 2 usage or config, 3 source, 4 target, 5 refused before writing,
 * 6 another run holds the lock, 127 the application cannot be started, 130 interrupted, 70 a bug in Landfall.
 */
export const ERRORS = {
  LF001: { exit: 2, title: 'The command line cannot be understood' },
  LF002: { exit: 2, title: 'The configuration is not valid' },
  LF003: { exit: 2, title: 'A connection string cannot be understood' },
  LF004: { exit: 2, title: 'An environment variable that the configuration names is not set' },
  LF005: { exit: 2, title: 'A table, column or type named by the user does not exist' },
  LF006: { exit: 2, title: 'This Node.js is too old' },
  LF007: { exit: 127, title: 'The application cannot be started' },
  LF008: { exit: 2, title: 'The exporter cannot listen on that address' },
  LF101: { exit: 3, title: 'The source cannot be opened' },
  LF102: { exit: 3, title: 'The source is damaged, encrypted or no database' },
  LF103: { exit: 3, title: 'The source is locked by another program' },
  LF104: { exit: 3, title: 'Reading the source failed' },
  LF105: { exit: 3, title: 'The schema of the source could not be dumped' },
  LF106: { exit: 3, title: 'The exporter of the source’s settings cannot be reached, or is too slow' },
  LF107: { exit: 3, title: 'The exporter refused the token' },
  LF108: { exit: 3, title: 'What answers for the exporter hands over no database’s settings' },
  LF201: { exit: 5, title: 'The source changed since the run began' },
  LF202: { exit: 5, title: 'The plan changed since the run began' },
  LF203: { exit: 5, title: 'A target table holds rows that this migration did not write' },
  LF204: { exit: 5, title: 'Rows cannot be stored as the plan says' },
  LF205: { exit: 5, title: 'The plan has blockers' },
  LF206: { exit: 5, title: 'The question was declined, or nobody was there to answer it' },
  LF207: { exit: 5, title: 'There is not enough disk space' },
  LF208: { exit: 5, title: 'The migration has not come to its end' },
  LF209: { exit: 5, title: 'Rows refer to parents that are unknown' },
  LF210: { exit: 5, title: 'An identity is ambiguous' },
  LF211: { exit: 5, title: 'What was moved is not what the source holds' },
  LF212: { exit: 5, title: 'What a declaration made is not as it was made, or others have built upon it' },
  LF213: { exit: 5, title: 'The schema has something else than what is declared' },
  LF301: { exit: 4, title: 'The target cannot be reached' },
  LF302: { exit: 4, title: 'The target refused the user or password' },
  LF303: { exit: 4, title: 'The target is not a PostgreSQL that Landfall supports' },
  LF304: { exit: 4, title: 'The target refused a statement' },
  LF305: { exit: 4, title: 'The connection to the target was lost' },
  LF306: { exit: 4, title: 'The embedded PostgreSQL is not installed' },
  LF307: { exit: 4, title: 'The embedded PostgreSQL could not be started' },
  LF308: { exit: 4, title: 'The target is read-only' },
  LF309: { exit: 4, title: 'A pooler lends the connections to the target for a transaction at a time' },
  LF310: { exit: 5, title: 'No pg_dump of the right version was found' },
  LF311: { exit: 5, title: 'The backup could not be made' },
  LF312: { exit: 4, title: 'A lock on a table was not to be had in time' },
  LF313: { exit: 4, title: 'Rows that are there break what is declared' },
  LF401: { exit: 6, title: 'Another run holds the lock' },
  LF402: { exit: 4, title: 'The lock was lost, so the run stopped itself' },
  LF403: { exit: 130, title: 'Interrupted; the same command goes on' },
  LF404: { exit: 4, title: 'The journal in the target was written by another version of Landfall' },
  LF405: { exit: 5, title: 'The checkpoint file does not agree with the journal' },
  LF406: { exit: 6, title: 'Another instance did not come to its end in time' },
  LF900: { exit: 70, title: 'A bug in Landfall' },
} as const

export type ErrorCode = keyof typeof ERRORS

/** Where something happened, as far as it is known. `key` is printable, e.g. `id = 2`. */
export interface Place {
  readonly table?: string
  readonly key?: string
  readonly column?: string
}

/**
 * The one error class. `message` says what happened, `hint` what to do next (lines joined by `\n`).
 * Neither may hold a secret: errors of drivers are wrapped, and only their safe parts are taken over.
 */
export class LandfallError extends Error {
  override readonly name = 'LandfallError'
  readonly code: ErrorCode
  readonly exitCode: number
  readonly hint: string | undefined
  readonly place: Place | undefined
  /** Facts for machines; printed by `--json`. */
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      hint?: string | undefined
      place?: Place
      details?: Readonly<Record<string, unknown>>
      cause?: unknown
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.exitCode = ERRORS[code].exit
    this.hint = more.hint
    this.place = more.place
    this.details = more.details
  }
}

/** True for failures that a user may meet; anything else is a bug and keeps its stack trace. */
export function isExpected(error: unknown): error is LandfallError {
  return error instanceof LandfallError && error.code !== 'LF900'
}

/** LF403 for a person's Ctrl-C; a lost lock brings an error of its own. */
export function stopReason(signal: AbortSignal): LandfallError {
  if (signal.reason instanceof LandfallError) return signal.reason
  return new LandfallError('LF403', 'interrupted; nothing is lost', {
    hint: 'The same command goes on where this one stopped.',
  })
}
