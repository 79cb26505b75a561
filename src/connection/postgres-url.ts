import { LandfallError } from '../errors.ts'
import { type Parameters, settingsFrom } from './postgres-parameters.ts'
import { type PostgresConnection, settingsLabel } from './settings.ts'

const ENCODE = [
  'In a PostgreSQL URL write special characters of the user name, password and database in percent form:',
  '  @ is %40   / is %2F   : is %3A   ? is %3F   # is %23   % is %25',
  'or leave the password out and put it into PGPASSWORD or ~/.pgpass.',
].join('\n')

/** Reads a `postgres://` URL or libpq's `key=value` text. Errors: LF003, never with the text itself. */
export function parsePostgres(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): PostgresConnection {
  const isUrl = /^[a-z+0-9_]+:\/\//i.test(text)
  const parameters = isUrl ? fromUrl(text.slice(text.indexOf('://') + 3)) : fromKeywords(text)
  const notes: string[] = []
  const settings = settingsFrom(parameters, env, notes)
  return { engine: 'postgres', label: settingsLabel(settings), settings, notes }
}

/**
 * `rest` follows `://`. Where an unencoded `@`, `/` or `?` in the password would make the parts
 * ambiguous the URL is refused: a wrong guess would put a piece of the password into a label.
 */
function fromUrl(rest: string): Parameters {
  const slash = rest.indexOf('/')
  const head = slash < 0 ? rest : rest.slice(0, slash)
  const question = head.indexOf('?')
  const beforeQuery = question < 0 ? head : head.slice(0, question)
  const at = beforeQuery.includes('@') ? beforeQuery.lastIndexOf('@') : head.indexOf('@')
  const userinfo = at < 0 ? '' : rest.slice(0, at)
  const remainder = rest.slice(at + 1)
  if (remainder.includes('@')) throw unreadable('It holds an @ outside of user and password.')
  const queryAt = remainder.indexOf('?')
  const location = queryAt < 0 ? remainder : remainder.slice(0, queryAt)
  const query = queryAt < 0 ? '' : remainder.slice(queryAt + 1)
  const pathAt = location.indexOf('/')
  const hosts = pathAt < 0 ? location : location.slice(0, pathAt)
  const database = pathAt < 0 ? '' : location.slice(pathAt + 1)

  const result: [string, string][] = []
  const add = (key: string, value: string): void => {
    if (value !== '') result.push([key, percent(value)])
  }
  const colon = userinfo.indexOf(':')
  add('user', colon < 0 ? userinfo : userinfo.slice(0, colon))
  if (colon >= 0) add('password', userinfo.slice(colon + 1))
  if (hosts.includes(','))
    throw new LandfallError('LF003', 'The connection string names several hosts.', {
      hint: 'A migration needs one certain server: name the primary alone.',
    })
  const host = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(hosts)
  if (!host) throw unreadable('Host and port cannot be told apart.')
  add('host', (host[1] ?? '').replace(/^\[(.*)\]$/, '$1'))
  add('port', host[2] ?? '')
  add('dbname', database)
  for (const part of query === '' ? [] : query.split('&')) {
    const equals = part.indexOf('=')
    if (equals < 1) throw unreadable('A parameter after ? has no value.')
    result.push([percent(part.slice(0, equals)), percent(part.slice(equals + 1))])
  }
  return result
}

function percent(text: string): string {
  try {
    const result = decodeURIComponent(text)
    if (!result.includes('\0')) return result
  } catch {
    // Reported below without the text.
  }
  throw unreadable('A % in it is not followed by two hexadecimal digits of UTF-8 text.')
}

/** libpq's form: `key = value` pairs; values in single quotes may hold spaces, `\` escapes. */
function fromKeywords(text: string): Parameters {
  const result: [string, string][] = []
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'(?=\s|$)|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*)?)\s*/isy
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text)
    if (!match) {
      throw new LandfallError('LF003', 'The text of key=value pairs cannot be understood.', {
        hint: "Write host=… dbname=… user=…; values with spaces in single quotes, ' and \\ after a backslash.",
      })
    }
    const value = (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1')
    if (value !== '') result.push([match[1]!.toLowerCase(), value])
  }
  return result
}

function unreadable(why: string): LandfallError {
  return new LandfallError('LF003', `The PostgreSQL URL cannot be understood. ${why}`, { hint: ENCODE })
}
