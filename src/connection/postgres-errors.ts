import { DatabaseError } from 'pg'
import { type ErrorCode, LandfallError } from '../errors.ts'

export type Role = 'source' | 'target'

/** The SQLSTATEs with which a server ends a session: shut down, crashed, timed out, protocol broken. */
const SESSION_ENDED = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])
const READ_ONLY = '25006'
const NO_SUCH_DATABASE = '3D000'
/** Disk full, out of memory, input/output errors: nothing is wrong with the statement. */
const SERVERS_TROUBLE = /^(53|58|XX)/
const GOES_ON = 'When the server is well again, the same command goes on where it stopped.'

const codes: Readonly<
  Record<Role, Record<'unreachable' | 'login' | 'statement' | 'lost' | 'readOnly', ErrorCode>>
> = {
  source: { unreachable: 'LF101', login: 'LF101', statement: 'LF104', lost: 'LF104', readOnly: 'LF104' },
  target: { unreachable: 'LF301', login: 'LF302', statement: 'LF304', lost: 'LF305', readOnly: 'LF308' },
}

/**
 * Failures of the driver as LandfallErrors. Only the server's own fields are taken over and no cause is
 * kept, for the driver's objects lead to the connection's settings. What kind of failure it is decides
 * the SQLSTATE or the system's error code, never the text, which may be in any language.
 */
export function connectFailure(
  error: unknown,
  label: string,
  role: Role,
  passwordAsked: boolean,
): LandfallError {
  if (error instanceof LandfallError) return error
  if (error instanceof DatabaseError) {
    const details = fieldsOf(error)
    if (error.code?.startsWith('28') || error.code === '42501')
      return new LandfallError(codes[role].login, `${label}: ${error.message}`, {
        hint: 'Look at user and password (also PGPASSWORD and ~/.pgpass), and at the server’s pg_hba.conf.',
        details,
      })
    return new LandfallError(codes[role].unreachable, `${label}: ${error.message}`, {
      hint:
        error.code === NO_SUCH_DATABASE
          ? 'Create the database first, or correct its name.'
          : (error.hint ?? undefined),
      details,
    })
  }
  const code = systemCode(error)
  if (code === null && passwordAsked)
    return new LandfallError(codes[role].login, `${label}: logging in failed.`, {
      hint: 'The server asked for a password in a way that did not work out. Look at user and password.',
    })
  const how = code === null ? 'the server did not answer as PostgreSQL does, or not in time' : explain(code)
  return new LandfallError(codes[role].unreachable, `${label}: ${how}.`, {
    hint: 'Look at host and port, and whether the server runs and accepts connections from here.',
    ...(code === null ? {} : { details: { code } }),
  })
}

/** A statement failed in an open session. `details` holds the server's fields, see `ServerFields`. */
export function statementFailure(error: unknown, label: string, role: Role, lost: boolean): LandfallError {
  if (error instanceof LandfallError) return error
  if (error instanceof DatabaseError && !endsSession(error)) {
    if (error.code === READ_ONLY)
      return new LandfallError(codes[role].readOnly, `${label}: ${error.message}`, {
        hint: 'Connect to the primary, or lift default_transaction_read_only for this database and user.',
        details: fieldsOf(error),
      })
    return new LandfallError(codes[role].statement, `${label}: ${error.message}`, {
      hint: SERVERS_TROUBLE.test(error.code ?? '')
        ? [...(error.hint ? [error.hint] : []), GOES_ON].join('\n')
        : (error.hint ?? undefined),
      details: fieldsOf(error),
    })
  }
  if (lost || error instanceof DatabaseError) return lostFailure(error, label, role)
  const message = error instanceof Error ? error.message : String(error)
  return new LandfallError('LF900', `A statement could not be sent: ${message}`)
}

export function lostFailure(error: unknown, label: string, role: Role): LandfallError {
  const code = systemCode(error)
  const why =
    error instanceof DatabaseError ? error.message : code === null ? 'the connection ended' : explain(code)
  return new LandfallError(codes[role].lost, `${label}: ${why}.`, {
    hint: GOES_ON,
    ...(error instanceof DatabaseError
      ? { details: fieldsOf(error) }
      : code === null
        ? {}
        : { details: { code } }),
  })
}

export function endsSession(error: DatabaseError): boolean {
  return error.code !== undefined && (SESSION_ENDED.has(error.code) || error.code.startsWith('08'))
}

/** What `details` of a refused statement holds; fields that the server left out are missing. */
export interface ServerFields {
  readonly sqlstate?: string
  readonly detail?: string
  /** E.g. `COPY orders, line 5, column total: "x"`. */
  readonly where?: string
  /** One-based place in the statement, in characters. */
  readonly position?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
  readonly dataType?: string
}

function fieldsOf(error: DatabaseError): Readonly<Record<string, string>> {
  const { code: sqlstate, detail, where, position, schema, table, column, constraint, dataType } = error
  const fields = { sqlstate, detail, where, position, schema, table, column, constraint, dataType }
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  )
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'EACCES',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** No server was met at all, so that asking it in another way is of no use. */
export function isUnreachable(error: unknown): boolean {
  return UNREACHABLE.has(systemCode(error) ?? '')
}

/** The code of the system (ECONNREFUSED), of TLS or of the name look-up. */
function systemCode(error: unknown): string | null {
  if (error instanceof AggregateError) return systemCode(error.errors[0])
  if (error instanceof DatabaseError || !(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

function explain(code: string): string {
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'the host name is not known',
    EAI_AGAIN: 'the host name cannot be looked up now',
    ENOENT: 'there is no such socket',
    EACCES: 'the socket may not be used by this user',
    ETIMEDOUT: 'no answer in time',
    EHOSTUNREACH: 'there is no way to that host',
    ENETUNREACH: 'there is no way to that network',
    ECONNRESET: 'the other side closed the connection',
    EPIPE: 'the other side closed the connection',
    ERR_TLS_CERT_ALTNAME_INVALID: 'the server’s certificate belongs to another name',
    SELF_SIGNED_CERT_IN_CHAIN:
      'the server’s certificate is signed by an authority that is not trusted (sslrootcert)',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'the server’s certificate is signed by itself (sslrootcert)',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the server’s certificate cannot be verified (sslrootcert)',
    CERT_HAS_EXPIRED: 'the server’s certificate has expired',
  }
  return known[code] ?? `it failed with ${code}`
}
