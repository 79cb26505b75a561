import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type Connection, type PostgresConnection, parseConnection } from '../../src/connection/url.ts'
import { LandfallError } from '../../src/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-url-'))
afterAll(() => rmSync(folder, { recursive: true }))
const noEnv = { HOME: folder }

function postgres(text: string, env: Record<string, string> = noEnv): PostgresConnection {
  const result = parseConnection(text, env)
  if (result.engine !== 'postgres') throw new Error('not PostgreSQL')
  return result
}

function failure(text: string, env: Record<string, string> = noEnv): LandfallError {
  try {
    parseConnection(text, env)
  } catch (error) {
    if (error instanceof LandfallError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('SQLite', () => {
  const path = (text: string): string => {
    const result = parseConnection(text, noEnv)
    if (result.engine !== 'sqlite') throw new Error('not SQLite')
    return result.path
  }
  const file = (name: string): string => {
    writeFileSync(join(folder, name), '')
    return join(folder, name)
  }
  const here = process.cwd()

  test.each([
    ['sqlite:app.db', `${here}/app.db`],
    ['sqlite:data/my app.db', `${here}/data/my app.db`],
    ['sqlite:/abs/app.db', '/abs/app.db'],
    ['sqlite:///no/such.db', `${here}/no/such.db`],
    ['sqlite:////no/such.db', '/no/such.db'],
    ['sqlite://no/such.db', `${here}/no/such.db`],
    ['sqlite+aiosqlite:////no/such.db', '/no/such.db'],
    ['file:./dev.db?connection_limit=1', `${here}/dev.db`],
    ['sqlite:no%20such.db', `${here}/no such.db`],
    ['sqlite:100%.db', `${here}/100%.db`],
    ['sqlite:why?.db', `${here}/why?.db`],
  ])('%s', (text, expected) => expect(path(text)).toBe(expected))

  test('an existing file of the literal name wins over decoding and parameters', () => {
    for (const name of ['a%20b.db', 'a b.db', 'c?mode=ro', 'd%zz.sqlite', "e'f.sqlite3"]) {
      const made = file(name)
      expect(path(`sqlite:${made}`)).toBe(made)
    }
    expect(path(`sqlite:${file('plain.db')}?mode=ro&key=x`)).toBe(join(folder, 'plain.db'))
    expect(parseConnection(`sqlite:${folder}/plain.db?key=hunter2`, noEnv).label).toBe(
      `sqlite:${folder}/plain.db`,
    )
  })

  test('a bare path is taken when the file is there', () => {
    expect(path(file('bare.sqlite3'))).toBe(join(folder, 'bare.sqlite3'))
    expect(failure(join(folder, 'absent.db')).code).toBe('LF003')
  })

  test('an absolute path written with three slashes is found, and said', () => {
    const result = parseConnection(`sqlite://${file('three.db')}`, noEnv)
    expect(result).toMatchObject({ path: join(folder, 'three.db') })
    expect(result.notes).toHaveLength(1)
  })

  test.each([
    'sqlite:',
    'sqlite://',
    'sqlite::memory:',
    'sqlite:///:memory:',
    'sqlite://u:pw@h/x',
    '',
    '  ',
    'x\0y',
  ])('refuses %j', (text) => expect(failure(text)).toMatchObject({ code: 'LF003', hint: expect.any(String) }))
})

describe('PostgreSQL', () => {
  const base = { host: 'h', port: 5432, user: 'u', database: 'd', password: 'p', sslmode: 'prefer' }

  test.each<[string, object]>([
    ['postgres://u:p@h/d', base],
    ['postgresql://u:p@h:6543/d', { ...base, port: 6543 }],
    ['postgresql+psycopg://u:p@h/d', base],
    ['postgresql+asyncpg://u:p@h/d?ssl=require', { ...base, sslmode: 'require' }],
    ['postgres://u:p%40%2F%3A%25@h/d%20e', { ...base, password: 'p@/:%', database: 'd e' }],
    ['postgres://u:ab?c#d:e@h/d', { ...base, password: 'ab?c#d:e' }],
    ['postgres://u:p@h', { ...base, database: 'u' }],
    ['postgres://u:p@[::1]:77/d', { ...base, host: '::1', port: 77 }],
    ['postgres://u:p@%2Frun%2Fpg/d', { ...base, host: '/run/pg' }],
    ['postgres://u:p@/d?host=/run/pg&port=7', { ...base, host: '/run/pg', port: 7 }],
    ['postgres://h/d?user=u&password=p', base],
    ['host=h dbname=d user=u password=p', base],
    ["host = h dbname='d' user=u password='p q\\'r\\\\s'", { ...base, password: "p q'r\\s" }],
    ['host=h dbname=d user=u password=p sslmode=verify-full', { ...base, sslmode: 'verify-full' }],
    ['postgres://u:p@h/d?sslrootcert=system', { ...base, sslmode: 'verify-full' }],
  ])('%s', (text, expected) => expect(postgres(text).settings).toMatchObject(expected))

  test('the environment fills what is missing and gives way to what is written', () => {
    const env = {
      ...noEnv,
      PGHOST: 'eh',
      PGPORT: '1',
      PGUSER: 'eu',
      PGDATABASE: 'ed',
      PGPASSWORD: 'ep',
      PGSSLMODE: 'require',
      PGSSLROOTCERT: '/ca',
      PGSSLCERT: '/cert',
      PGSSLKEY: '/key',
      PGAPPNAME: 'app',
      PGCONNECT_TIMEOUT: '7',
      PGOPTIONS: '-c a.b=1',
    }
    const fromEnv = { host: 'eh', port: 1, user: 'eu', database: 'ed', password: 'ep', sslmode: 'require' }
    expect(postgres('postgres://', env).settings).toMatchObject({
      ...fromEnv,
      sslrootcert: '/ca',
      sslcert: '/cert',
      sslkey: '/key',
      applicationName: 'app',
      connectTimeout: 7,
      options: '-c a.b=1',
    })
    expect(postgres('postgres://u:p@h:5432/d?sslmode=disable', env).settings).toMatchObject({
      ...base,
      sslmode: 'disable',
    })
  })

  test('the password file has the rules of libpq', () => {
    const file = join(folder, 'passfile')
    writeFileSync(file, '# comment\nh:5432:d:other:no\nwith\\:colon:*:*:u:a\\:b\\\\c\n*:*:*:u:last:ignored\n')
    chmodSync(file, 0o600)
    const env = { ...noEnv, PGPASSFILE: file }
    expect(postgres('host=with:colon dbname=d user=u', env).settings.password).toBe('a:b\\c')
    expect(postgres('postgres://u@h/d', env).settings.password).toBe('last')
    expect(postgres('postgres://else@h/d', env).settings.password).toBeNull()
    chmodSync(file, 0o644)
    const open = postgres('postgres://u@h/d', env)
    expect(open.settings.password).toBeNull()
    expect(open.notes.join()).toContain('chmod 600')
  })

  test.each([
    'postgres://u:p@h1,h2/d',
    'host=h1,h2 dbname=d',
    'postgres://u:p@h:99999/d',
    'postgres://u:p@h/d?sslmode=maybe',
    'postgres://u:p@h/d?channel_binding=require',
    'postgres://u:p@h/d?service=x',
    'postgres://u:100%@h/d',
    'mysql://u:p@h/d',
    'something',
    'host=h pass word',
  ])('refuses %s', (text) => expect(failure(text).code).toBe('LF003'))

  test('the label is a URL that means the same', () => {
    for (const text of [
      'postgres://a%40b:p@[::1]:7/x%2Fy',
      'postgres://u:p@/d%20e?host=/run/pg',
      'host=h dbname=d user=u',
    ]) {
      const first = postgres(text)
      expect(postgres(first.label).settings).toEqual({ ...first.settings, password: null })
    }
  })

  test('settings survive the way to a worker', () => {
    expect(structuredClone(postgres('postgres://u:p@h/d').settings)).toMatchObject(base)
  })
})

/** Everything a secret could look like in output. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    encodeURI(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]
}

function shown(connection: Connection): string {
  return [
    connection.label,
    inspect(connection, { depth: 9, showHidden: true }),
    JSON.stringify(connection),
    ...connection.notes,
  ].join('\n')
}

// The marks make each piece of the password recognisable, whatever stands between them.
const password = fc
  .array(
    fc.oneof(
      fc.constantFrom('@', '/', ':', '?', '#', '%', '&', '=', ' ', "'", '\\', '"', ',', '[', ']', '+'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 2 }),
    ),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((parts) => `zQ${parts.map((part, index) => `${part}9x${index}W7`).join('')}`)
  .filter((text) => !text.includes('\0') && text.isWellFormed())

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
const templates: ((secret: string) => string)[] = [
  (secret) => `postgres://u:${encodeURIComponent(secret)}@h/d`,
  (secret) => `postgres://u:${secret}@h/d`,
  (secret) => `postgres://u:${secret}@h/d?sslmode=require&unknown=1`,
  (secret) => `postgres://h/d?user=u&password=${secret}`,
  (secret) => `postgres://h/d?sslpassword=${encodeURIComponent(secret)}`,
  (secret) => `host=h user=u password=${quoted(secret)} dbname=d`,
  (secret) => `host=h user=u password=${secret} dbname=d`,
  (secret) => `mysql://u:${secret}@h/d`,
  (secret) => `u:${secret}@h/d`,
  (secret) => `sqlite://u:${secret}@h/d`,
  (secret) => `sqlite:app.db?key=${encodeURIComponent(secret)}`,
]

test('no form of a password gets out, whether the text is understood or not', () => {
  fc.assert(
    fc.property(password, fc.nat({ max: templates.length - 1 }), (secret, which) => {
      let output: string
      try {
        output = shown(parseConnection(templates[which]!(secret), noEnv))
      } catch (error) {
        if (!(error instanceof LandfallError)) throw error
        output = `${inspect(error, { depth: 9, showHidden: true })}\n${JSON.stringify(error)}\n${error.hint}`
      }
      for (const form of forms(secret)) expect(output).not.toContain(form)
      for (const piece of secret.match(/9x\dW7/g) ?? []) expect(output).not.toContain(piece)
    }),
    { numRuns: 2000 },
  )
})

test('a password that is written as it should be is read as it was meant', () => {
  fc.assert(
    fc.property(password, (secret) => {
      expect(postgres(templates[0]!(secret)).settings.password).toBe(secret)
      expect(postgres(templates[5]!(secret)).settings.password).toBe(secret)
    }),
  )
})
