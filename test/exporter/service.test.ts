import { describe, expect, test } from 'vitest'
import { HEALTH_PATH } from '../../src/connection/exported-answer.ts'
import { call, exporters, formsOf, HANDED, mute, pause, TOKEN } from './calling.ts'

const run = exporters()

describe('a caller with the right token', () => {
  test('gets the settings, and nothing keeps them on the way', async () => {
    const { exporter, events } = await run()
    const { status, headers, body } = await call(exporter.address, { token: TOKEN })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual(HANDED)
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['content-type']).toMatch(/^application\/json/)
    await expect.poll(() => events).toMatchObject([{ kind: 'handed-over', address: '127.0.0.1' }])
  })

  test('learns that other paths and methods lead nowhere', async () => {
    const { exporter } = await run()
    expect(await call(exporter.address, { token: TOKEN, path: '/api/migration' })).toMatchObject({
      status: 404,
    })
    for (const method of ['HEAD', 'POST', 'DELETE', 'OPTIONS'])
      expect(await call(exporter.address, { token: TOKEN, method })).toMatchObject({
        status: 405,
        headers: { allow: 'GET' },
      })
  })

  test('over IPv6, too', async () => {
    const { exporter, events } = await run({ host: '::1' })
    expect(exporter.address).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect(await call(exporter.address, { token: TOKEN })).toMatchObject({ status: 200 })
    await expect.poll(() => events).toMatchObject([{ kind: 'handed-over', address: '::1' }])
  })

  test('is served beside others', async () => {
    const { exporter } = await run()
    const all = await Promise.all(Array.from({ length: 8 }, () => call(exporter.address, { token: TOKEN })))
    expect(all.map(({ status }) => status)).toEqual(Array(8).fill(200))
  })
})

describe('a caller without it', () => {
  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['a beginning', TOKEN.slice(0, -1)],
    ['more than it', `${TOKEN}x`],
    ['another case', TOKEN.toUpperCase()],
    ['a long one', 'x'.repeat(5000)],
  ])('%s: is refused and logged, without what it sent', async (_, token) => {
    const { exporter, events } = await run()
    const answer = await call(exporter.address, token === undefined ? {} : { token })
    expect(answer.status).toBe(401)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(events).toMatchObject([{ kind: 'refused', address: '127.0.0.1' }])
    const said = JSON.stringify([events, answer])
    for (const secret of [TOKEN, HANDED.DB_PASSWORD, HANDED.DB_HOST])
      expect(formsOf(secret).filter((form) => said.includes(form))).toEqual([])
    if (token) expect(JSON.stringify(events)).not.toContain(token)
  })

  test('cannot tell paths and methods from each other', async () => {
    const { exporter } = await run()
    const answers = []
    // Each from an address of its own, so that none of them has to wait.
    for (const [at, [method, path]] of [
      ['GET', '/api/migration/db-env'],
      ['GET', '/nothing'],
      ['POST', '/api/migration/db-env'],
      ['DELETE', HEALTH_PATH],
    ].entries())
      answers.push(
        await call(exporter.address, {
          method: method!,
          path: path!,
          token: 'wrong',
          from: `127.0.0.${at + 10}`,
        }),
      )
    const plain = answers.map(({ status, body, headers: { date: _, ...headers } }) => ({
      status,
      body,
      headers,
    }))
    expect(new Set(plain.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(plain[0]!.status).toBe(401)
  })

  test('waits longer each time, and holds nobody else up', async () => {
    const { exporter } = await run()
    const began = performance.now()
    // After so many milliseconds in all: 100, 200, 400 and 800 more each time; timers may be a little early.
    for (const least of [0, 98, 296, 694, 1492]) {
      await call(exporter.address, { token: 'wrong' })
      expect(performance.now() - began).toBeGreaterThan(least)
    }
    const order: string[] = []
    const waiting = call(exporter.address, { token: 'wrong' }).then(() => order.push('waited'))
    const other = await call(exporter.address, { token: TOKEN, from: '127.0.0.2' })
    order.push('other')
    await waiting
    expect([other.status, order]).toEqual([200, ['other', 'waited']])
    expect(performance.now() - began).toBeGreaterThan(3090)
  })

  test('gains nothing by hanging up, nor by asking several times at once', async () => {
    const { exporter, events } = await run()
    for (let i = 0; i < 5; i += 1) await call(exporter.address, { token: 'wrong' })
    // The next token of the address is looked at in 1600 ms.
    const began = performance.now()
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        call(exporter.address, { token: i === 19 ? TOKEN : `guess-${i}`, signal: AbortSignal.timeout(150) }),
      ),
    )
    const statuses = asked.map((one) => (one.status === 'fulfilled' ? one.value.status : 'hung up'))
    expect(new Set(statuses)).toEqual(new Set([429, 'hung up']))
    expect(performance.now() - began).toBeLessThan(1400)
    const guessed = events.filter((event) => event.kind === 'refused' && event.why.startsWith('wrong'))
    expect(guessed).toHaveLength(5)
    // Of those that were sent away the log has one line.
    expect(events.length).toBeLessThan(9)
  })

  test('is forgiven when it has the right token in the end', async () => {
    const { exporter } = await run()
    const began = performance.now()
    for (let i = 0; i < 3; i += 1) await call(exporter.address, { token: 'wrong' })
    expect(await call(exporter.address, { token: TOKEN })).toMatchObject({ status: 200 })
    expect(performance.now() - began).toBeGreaterThan(690)
    // Otherwise the first of two at once would wait, and the second be turned away.
    const both = [call(exporter.address, { token: TOKEN }), call(exporter.address, { token: TOKEN })]
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
  })
})

test('health needs no token, and tells nothing', async () => {
  const { exporter, events } = await run()
  const { status, body } = await call(exporter.address, { path: HEALTH_PATH })
  expect([status, body]).toEqual([200, '{"status":"ok"}'])
  expect(events).toEqual([])
})

describe('connections that say little', () => {
  test('do not keep others out, and are ended', async () => {
    const { exporter, events } = await run()
    const began = performance.now()
    const slow = Array.from({ length: 12 }, (_, i) =>
      mute(
        exporter.address,
        i % 2 === 0 ? '' : 'GET /api/migration/db-env HTTP/1.1\r\nhost: x\r\nx-',
        '127.0.0.9',
      ),
    )
    // More than so many of one address are cut off at once.
    await expect
      .poll(() => slow.filter(({ socket }) => socket.destroyed || socket.readableEnded).length, {
        timeout: 3000,
      })
      .toBe(4)
    expect(await call(exporter.address, { token: TOKEN })).toMatchObject({ status: 200 })
    await Promise.all(slow.map(({ ended }) => ended))
    expect(performance.now() - began).toBeLessThan(8000)
    expect(await call(exporter.address, { token: TOKEN, from: '127.0.0.9' })).toMatchObject({ status: 200 })
    // One line for all of them.
    expect(events.filter(({ address }) => address === '127.0.0.9')).toHaveLength(2)
  })

  test('from many addresses at once: the rest is turned away, and it is logged', async () => {
    const { exporter, events } = await run()
    const slow = Array.from({ length: 130 }, (_, i) => mute(exporter.address, '', `127.0.1.${1 + (i % 20)}`))
    await expect
      .poll(() => slow.filter(({ socket }) => socket.destroyed || socket.readableEnded).length, {
        timeout: 3000,
      })
      .toBe(2)
    expect(events.every((event) => event.kind === 'refused' && event.why.endsWith('in all'))).toBe(true)
    expect(events.length).toBeGreaterThan(0)
    for (const { socket } of slow) socket.destroy()
    await pause(100)
    expect(await call(exporter.address, { token: TOKEN })).toMatchObject({ status: 200 })
  })

  test.each([
    ['is no HTTP', '\x16\x03\x01 hello\r\n\r\n'],
    ['has headers without end', `GET / HTTP/1.1\r\n${'a: bbbbbbbbbbbbbbbb\r\n'.repeat(1000)}`],
  ])('what %s is ended at once', async (_, says) => {
    const { exporter } = await run()
    const { ended } = mute(exporter.address, says)
    expect(await ended).toMatch(/^HTTP\/1.1 4/)
    expect(await call(exporter.address, { token: TOKEN })).toMatchObject({ status: 200 })
  })
})

describe('once', () => {
  test('it ends after the first hand-over, and not before', async () => {
    const { exporter } = await run({ once: true })
    await call(exporter.address, { token: 'wrong' })
    await call(exporter.address, { path: HEALTH_PATH })
    await call(exporter.address, { token: TOKEN, method: 'HEAD' })
    const { body } = await call(exporter.address, { token: TOKEN })
    expect(JSON.parse(body)).toEqual(HANDED)
    expect(await exporter.ended).toMatchObject({ command: 'export-env', ended: 'once', handedOver: 1 })
    await expect(call(exporter.address, { token: TOKEN })).rejects.toThrow('ECONNREFUSED')
  })

  test('of callers that ask together one is served', async () => {
    const { exporter } = await run({ once: true })
    const asked = await Promise.allSettled(
      Array.from({ length: 8 }, () => call(exporter.address, { token: TOKEN })),
    )
    const served = asked.filter((one) => one.status === 'fulfilled' && one.value.status === 200)
    expect(served).toHaveLength(1)
    expect(await exporter.ended).toMatchObject({ handedOver: 1 })
  })
})

test('without a token: this machine only, and under its own names', async () => {
  const { exporter, events } = await run({ noToken: true, host: 'localhost' })
  expect(exporter.tokenFrom).toBe(null)
  expect(await call(exporter.address, {})).toMatchObject({ status: 200 })
  expect(await call(exporter.address, { host: 'localhost' })).toMatchObject({ status: 200 })
  // A page of a browser on this machine, whose name was made to mean 127.0.0.1.
  expect(await call(exporter.address, { host: 'attacker.example' })).toMatchObject({ status: 401 })
  expect(events.at(-1)).toMatchObject({ kind: 'refused' })
})

test('closing cuts off who waits, and frees the port', async () => {
  const { exporter } = await run()
  for (let i = 0; i < 5; i += 1) await call(exporter.address, { token: 'wrong' })
  const waiting = call(exporter.address, { token: 'wrong' })
  waiting.catch(() => {})
  await pause(50)
  const report = await exporter.close()
  expect(report).toMatchObject({ ended: 'closed', handedOver: 0, refused: 5 })
  await expect(waiting).rejects.toThrow()
  const again = await run({ port: Number(new URL(exporter.address).port) })
  expect(again.exporter.address).toBe(exporter.address)
})
