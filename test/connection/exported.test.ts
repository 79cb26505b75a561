import { inspect } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { askExporter } from '../../src/connection/exported.ts'
import { LandfallError } from '../../src/index.ts'
import { DATABASE, exporters, formsOf, HANDED, pause, TOKEN } from '../exporter/calling.ts'
import { failure } from '../migrate/migrating.ts'
import { type Answering, answering, sourceAt, speaking } from './exporting.ts'

const run = exporters()
const opened: Answering[] = []
afterAll(async () => {
  await Promise.all(opened.map((one) => one.stop()))
})
const keep = (one: Answering): Answering => {
  opened.push(one)
  return one
}
/** Answers every request with this. */
const fixed = async (status: number, body: string | Buffer, headers: Record<string, string> = {}) =>
  keep(await answering((_, response) => response.writeHead(status, headers).end(body)))
const JSON_OF = (changes: object): string => JSON.stringify({ ...HANDED, ...changes })

async function nobody(): Promise<Answering> {
  const gone = await answering(() => {})
  await gone.stop()
  return gone
}

/** All that could be printed of an error. */
function everything(error: LandfallError): string {
  const parts: string[] = []
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    parts.push(String(one.stack), JSON.stringify(one), inspect(one, { depth: 9, showHidden: true }))
  return parts.join('\n')
}
function expectSecretsKept(said: string): void {
  for (const secret of [TOKEN, DATABASE.DB_PASSWORD])
    expect(formsOf(secret).filter((form) => said.includes(form))).toEqual([])
}

test('what the exporter hands over becomes a connection', async () => {
  const { exporter } = await run()
  const connection = await askExporter(sourceAt(exporter.address))
  expect(connection.label).toBe('postgres://antigravity@db.internal:6432/plugin')
  expect(connection.settings.password).toBe(DATABASE.DB_PASSWORD)
  expectSecretsKept(JSON.stringify(connection) + inspect(connection, { depth: 9 }))
})

test('it is asked over IPv6, too', async () => {
  const { exporter } = await run({ host: '::1' })
  expect((await askExporter(sourceAt(exporter.address))).settings.user).toBe(HANDED.DB_USER)
})

test('the environment says how to connect, but not where or as whom', async () => {
  const { base } = await fixed(200, JSON_OF({ DB_PORT: '5433', DB_PASSWORD: '', extra: [1] }))
  const environment = {
    PGSSLMODE: 'require',
    PGHOSTADDR: '192.0.2.1',
    PGPASSWORD: 'of another',
    PGUSER: 'another',
    PGOPTIONS: '-c role=x',
    HOME: '/nowhere',
  }
  const { settings } = await askExporter(sourceAt(base, '2s', environment))
  expect({ ...settings }).toMatchObject({
    host: HANDED.DB_HOST,
    hostaddr: null,
    port: 5433,
    user: HANDED.DB_USER,
    password: null,
    options: null,
    sslmode: 'require',
  })
})

describe('what will not pass is told at once', () => {
  test.each<[string, number, string | Buffer, string, RegExp]>([
    ['another token', 401, '', 'LF107', /refused the token \(status 401\)/],
    ['forbidden', 403, DATABASE.DB_PASSWORD, 'LF107', /refused the token \(status 403\)/],
    ['another service', 404, DATABASE.DB_PASSWORD, 'LF108', /answers with status 404/],
    ['another method', 405, '', 'LF108', /answers with status 405/],
    ['nothing', 204, '', 'LF108', /answers with status 204/],
    ['an empty answer', 200, '', 'LF108', /is no JSON object/],
    ['a page', 200, `<html>${DATABASE.DB_PASSWORD}`, 'LF108', /is no JSON object/],
    ['broken JSON', 200, JSON_OF({}).slice(0, -1), 'LF108', /is no JSON object/],
    ['a list', 200, `[${JSON_OF({})}]`, 'LF108', /is no JSON object/],
    ['null', 200, 'null', 'LF108', /is no JSON object/],
    ['no UTF-8', 200, Buffer.from(JSON_OF({}), 'latin1'), 'LF108', /is no JSON object/],
    ['a missing field', 200, JSON_OF({ DB_USER: undefined }), 'LF108', /DB_USER is missing$/],
    [
      'two mistakes',
      200,
      JSON_OF({ DB_USER: undefined, DB_PORT: 0 }),
      'LF108',
      /DB_PORT must .*; DB_USER is missing/,
    ],
    ['a password that is null', 200, JSON_OF({ DB_PASSWORD: null }), 'LF108', /DB_PASSWORD must be a text/],
    ['a password that is a number', 200, JSON_OF({ DB_PASSWORD: 7 }), 'LF108', /DB_PASSWORD must be a text/],
    ['a port like 5432.5', 200, JSON_OF({ DB_PORT: 5432.5 }), 'LF108', /DB_PORT must be a port/],
    ['a port in words', 200, JSON_OF({ DB_PORT: '5432 ' }), 'LF108', /DB_PORT must be a port/],
    ['a socket', 200, JSON_OF({ DB_HOST: '/tmp' }), 'LF108', /DB_HOST must be one host/],
    ['several hosts', 200, JSON_OF({ DB_HOST: 'a,b' }), 'LF108', /DB_HOST must be one host/],
    ['a user with more after it', 200, JSON_OF({ DB_USER: 'a\0options\0-c x' }), 'LF108', /DB_USER must be/],
    ['a name without end', 200, JSON_OF({ DB_NAME: 'x'.repeat(256) }), 'LF108', /DB_NAME must be/],
    ['too much', 200, JSON_OF({ more: 'x'.repeat(70_000) }), 'LF108', /longer than settings are/],
  ])('%s', async (_, status, body, code, message) => {
    const { base, asked } = await fixed(status, body)
    const error = await failure(askExporter(sourceAt(base)))
    expect(error).toMatchObject({ code, exitCode: 3 })
    expect(error.message).toMatch(message)
    expect(error.message).toContain(base)
    expect(error.hint).toBeTruthy()
    expectSecretsKept(everything(error))
    expect(asked()).toBe(1)
  })

  test('an answer that never ends is cut off', async () => {
    const { base } = keep(
      await answering((_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(10_000)));
        }
        response.on('drain', more)
        more()
      }),
    )
    expect(await failure(askExporter(sourceAt(base, '20s')))).toMatchObject({ code: 'LF108' })
  })

  test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
    const elsewhere = await fixed(200, JSON_OF({}))
    const { base, asked } = await fixed(status, '', { location: elsewhere.base })
    const error = await failure(askExporter(sourceAt(base)))
    expect(error).toMatchObject({
      code: 'LF108',
      message: expect.stringContaining('sends the caller elsewhere'),
    })
    expect([asked(), elsewhere.asked()]).toEqual([1, 0])
  })

  test('what speaks something else', async () => {
    const { base } = keep(await speaking((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')))
    expect(await failure(askExporter(sourceAt(base)))).toMatchObject({
      code: 'LF108',
      message: expect.stringContaining('is no HTTP'),
    })
  })

  test('https to a plain port', async () => {
    const { base } = await fixed(200, JSON_OF({}))
    const error = await failure(askExporter(sourceAt(base.replace('http:', 'https:'))))
    expect(error).toMatchObject({ code: 'LF106', message: expect.stringContaining('cannot be asked') })
    expectSecretsKept(everything(error))
  })
})

describe('what may pass is tried again', () => {
  test('down, then up', async () => {
    const gone = await nobody()
    const asking = askExporter(sourceAt(gone.base, '10s'), { note: (text) => notes.push(text) })
    const notes: string[] = []
    await pause(400)
    const { exporter } = await run({ port: Number(new URL(gone.base).port) })
    expect((await asking).settings.host).toBe(HANDED.DB_HOST)
    expect(exporter.address).toBe(gone.base)
    // However often it was asked.
    expect(notes).toEqual([`${gone.base}: nothing listens there; asking again`])
  })

  test.each([500, 502, 503, 504, 429, 408])('%i, then good', async (status) => {
    const { base, asked } = keep(
      await answering((_, response) => {
        if (asked() < 3) response.writeHead(status).end(DATABASE.DB_PASSWORD)
        else response.end(JSON_OF({}))
      }),
    )
    expect((await askExporter(sourceAt(base))).settings.user).toBe(HANDED.DB_USER)
    expect(asked()).toBe(3)
  })

  test('an answer that is cut off, then good', async () => {
    const { base, asked } = keep(
      await answering((_, response) => {
        if (asked() > 1) response.end(JSON_OF({}))
        else response.writeHead(200, { 'content-length': '500' }).write('{"DB_', () => response.destroy())
      }),
    )
    expect((await askExporter(sourceAt(base))).settings.user).toBe(HANDED.DB_USER)
  })

  test('a name that is not known yet', async () => {
    const error = await failure(askExporter(sourceAt('http://no-such-host.invalid:8045', '1s')))
    expect(error).toMatchObject({
      code: 'LF106',
      message: expect.stringMatching(/within 1 s: the host name/),
    })
  })

  test.each<[string, () => Promise<Answering>, RegExp]>([
    ['nobody', nobody, /nothing listens there/],
    ['somebody who says nothing', () => speaking(() => {}), /no answer in time/],
    ['somebody who hangs up', () => speaking((socket) => socket.destroy()), /closed the connection/],
    ['somebody slow', () => answering((_, response) => void response.write('{')), /no answer in time/],
    ['somebody busy', () => answering((_, response) => response.writeHead(503).end()), /status 503/],
  ])('until the time is over: %s', async (_, make, why) => {
    const one = await make()
    if (make !== nobody) keep(one)
    const began = performance.now()
    const error = await failure(askExporter(sourceAt(one.base, '1s')))
    const took = performance.now() - began
    expect(error).toMatchObject({ code: 'LF106', exitCode: 3, message: expect.stringMatching(why) })
    expectSecretsKept(everything(error))
    expect(took).toBeGreaterThan(800)
    expect(took).toBeLessThan(3000)
  })
})

describe('an interruption is heeded', () => {
  test.each([0, 150])('after %i ms', async (after) => {
    const { base } = keep(await speaking(() => {}))
    const reason = new LandfallError('LF403', 'interrupted by Ctrl-C')
    const controller = new AbortController()
    if (after === 0) controller.abort(reason)
    else setTimeout(() => controller.abort(reason), after)
    const began = performance.now()
    expect(await failure(askExporter(sourceAt(base, '20s'), { signal: controller.signal }))).toBe(reason)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('also between two attempts', async () => {
    const { base } = await fixed(503, '')
    const signal = AbortSignal.timeout(700)
    const began = performance.now()
    expect(await failure(askExporter(sourceAt(base, '20s'), { signal }))).toMatchObject({ code: 'LF403' })
    expect(performance.now() - began).toBeLessThan(5000)
  })
})
