import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EXPORTED_KEYS, readAnswer } from '../../src/connection/exported-answer.ts'
import { LandfallError } from '../../src/index.ts'

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => text.length < 256)
const settings = fc.record({
  DB_HOST: fc.stringMatching(/^[\w.:%-]{1,255}$/),
  DB_PORT: fc.integer({ min: 1, max: 65_535 }),
  DB_NAME: name,
  DB_USER: name,
  DB_PASSWORD: fc.string({ unit: 'binary', maxLength: 1000 }).filter((text) => !text.includes('\0')),
})

const read = (text: string): unknown => readAnswer(Buffer.from(text), 'http://x')

test('settings come back as they were handed over, whatever stands beside them', () => {
  fc.assert(
    fc.property(settings, fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (given, more, asText) => {
      const port = asText ? String(given.DB_PORT) : given.DB_PORT
      expect(read(JSON.stringify({ ...more, ...given, DB_PORT: port }))).toEqual(given)
    }),
    { numRuns: 300 },
  )
})

/** Anything under the right names as well, since arbitrary JSON hardly ever has them. */
const hostile = fc.oneof(
  fc.jsonValue(),
  fc.tuple(settings, fc.constantFrom(...EXPORTED_KEYS), fc.jsonValue()).map(([all, key, value]) => ({
    ...all,
    [key]: value,
  })),
)

test('any JSON is settings in full, or refused without a word of it', () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const marked = JSON.stringify(value)
      try {
        const found = read(marked)
        expect(Object.keys(found as object).sort()).toEqual([...EXPORTED_KEYS].sort())
        const { DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD } = found as Record<string, unknown>
        expect(DB_PORT).toSatisfy((port: number) => Number.isInteger(port) && port > 0 && port < 65_536)
        for (const text of [DB_HOST, DB_NAME, DB_USER]) {
          expect(text).not.toMatch(/\p{Cc}/u)
        }
        expect(DB_PASSWORD).toSatisfy((text: unknown) => typeof text === 'string' && !text.includes('\0'))
        expect(DB_HOST).not.toMatch(/[/,\s]/)
      } catch (error) {
        if (!(error instanceof LandfallError)) throw error
        expect(error.code).toBe('LF108')
        for (const long of texts(value).filter((text) => text.length > 12))
          expect(`${error.message}${error.hint}${error.stack}`).not.toContain(long)
      }
    }),
    { numRuns: 500 },
  )
})

test('any bytes are refused, too', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readAnswer(bytes, 'http://x')
      } catch (error) {
        expect(error).toMatchObject({ code: 'LF108' })
      }
    }),
  )
})

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}
