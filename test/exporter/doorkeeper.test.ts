import { expect, test } from 'vitest'
import { Doorkeeper } from '../../src/exporter/doorkeeper.ts'
import { tokenTest } from '../../src/exporter/token.ts'

const { signal } = new AbortController()
const wrong = (): boolean => false
const right = (): boolean => true

test('so many addresses are remembered, and the oldest are forgotten first', async () => {
  const doorkeeper = new Doorkeeper()
  for (let i = 0; i < 3; i += 1) await doorkeeper.judge('a', wrong, signal)
  for (let i = 0; i < 998; i += 1) await doorkeeper.judge(`other ${i}`, wrong, signal)
  expect(await doorkeeper.judge('a', wrong, signal)).toEqual({ kind: 'refused', inARow: 4 })
  for (let i = 0; i < 5000; i += 1) await doorkeeper.judge(`another ${i}`, wrong, signal)
  const began = performance.now()
  expect(await doorkeeper.judge('a', wrong, signal)).toEqual({ kind: 'refused', inARow: 1 })
  expect(performance.now() - began).toBeLessThan(100)
})

test('one of an address waits; who hangs up makes room and was not looked at', async () => {
  const doorkeeper = new Doorkeeper()
  for (let i = 0; i < 4; i += 1) await doorkeeper.judge('a', wrong, signal)
  const hungUp = new AbortController()
  let looks = 0
  const count = (): boolean => {
    looks += 1
    return true
  }
  const waiting = doorkeeper.judge('a', count, hungUp.signal)
  expect(await doorkeeper.judge('a', count, signal)).toEqual({ kind: 'full' })
  hungUp.abort()
  expect(await waiting).toEqual({ kind: 'gone' })
  expect(looks).toBe(0)
  expect(await doorkeeper.judge('a', right, signal)).toEqual({ kind: 'admitted' })
  // Forgiven: the next one of the address waits for nothing.
  expect(await doorkeeper.judge('a', wrong, signal)).toEqual({ kind: 'refused', inARow: 1 })
})

test('only the token is the token', () => {
  const isRight = tokenTest('k4-token-of-32-characters')
  expect(isRight('k4-token-of-32-characters')).toBe(true)
  for (const other of ['', 'k4', 'k4-token-of-32-characterS', 'k4-token-of-32-characters ', 'ü'.repeat(25)])
    expect(isRight(other)).toBe(false)
})
