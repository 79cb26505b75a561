import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUCKETS, BucketSums, chooser, digestOf, LANES, lane } from '../../src/compare/digest.ts'
import { differingFields, fieldsOf } from '../../src/compare/row.ts'
import { abridged } from '../../src/compare/unordered-abridge.ts'
import { DigestTable } from '../../src/compare/unordered-table.ts'

/** More for a long search: LANDFALL_RUNS=100000. */
const RUNS = Number(process.env.LANDFALL_RUNS ?? 2_000)

type Values = readonly (string | null)[]

/** A row in COPY's binary form. */
function rowOf(values: Values): Buffer {
  const parts = [Buffer.from([0, values.length])]
  for (const value of values) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value))
    parts.push(length, Buffer.from(value ?? ''))
  }
  return Buffer.concat(parts)
}

/** Few texts, so that rows are equal, nearly equal, or the same when their fields are put together. */
const value = fc.constantFrom(null, '', 'NULL', 'a', 'b', 'ab', 'a ', 'b\0', 'é', 'e\u0301', '0', '-0')
const rows = fc.array(fc.tuple(value, value, value), { maxLength: 12 })
const keys = fc.constantFrom<readonly number[]>([], [0], [2], [2, 0], [0, 1, 2])

function sums(table: readonly Values[], key: readonly number[]): BucketSums {
  const found = new BucketSums()
  const add = chooser({ key, below: null, buckets: null }, (_, digest, bucket) => found.add(digest, bucket))
  for (const row of table) add(rowOf(row))
  return found
}

/** The table as text that is the same for the same rows in any order. */
const told = (table: readonly Values[]): string =>
  JSON.stringify(table.map((row) => JSON.stringify(row)).sort())

test('sums are equal exactly when the rows are the same, in whatever order and parts they come', () => {
  fc.assert(
    fc.property(rows, rows, keys, fc.nat(), (one, other, key, cut) => {
      const ours = sums(one, key)
      expect(ours.differing(sums(other, key)).length > 0).toBe(told(one) !== told(other))
      const parts = new BucketSums()
      const at = cut % (one.length + 1)
      for (const part of [one.slice(at).reverse(), one.slice(0, at)]) parts.addAll(sums(part, key))
      expect(ours.differing(parts)).toEqual([])
      expect(parts.rows).toBe(one.length)
    }),
    { numRuns: RUNS },
  )
})

test('one change in a table is always seen', () => {
  const change = fc.record({ row: fc.nat(), field: fc.nat(2), value, same: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(rows, keys, change, (table, key, { row, field, value, same }) => {
      // The same change in several rows, an even number of them too.
      const changed = table.map((values, at) =>
        (at - (row % (table.length + 1)) + table.length) % (table.length + 1) < same
          ? values.with(field, value)
          : values,
      )
      expect(sums(table, key).differing(sums(changed, key)).length > 0).toBe(told(table) !== told(changed))
    }),
    { numRuns: RUNS },
  )
})

test('digests are added modulo 2^128', () => {
  const number = (digest: string): bigint =>
    [3, 2, 1, 0].reduce((sum, at) => (sum << 32n) | BigInt(lane(digest, at)), 0n)
  const high = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((bytes) => bytes.map((b) => (b > 99 ? 255 : b)))
  fc.assert(
    fc.property(fc.array(high, { maxLength: 9 }), (all) => {
      const found = new BucketSums()
      const digests = all.map((bytes) => Buffer.from(bytes).toString('latin1'))
      for (const digest of digests) found.add(digest, BUCKETS - 1)
      const sum = digests.reduce((total, digest) => (total + number(digest)) % 2n ** 128n, 0n)
      const lanes = found.lanes.slice(-LANES)
      expect(lanes.reduceRight((total, word) => (total << 32n) | BigInt(word), 0n)).toBe(sum)
    }),
    { numRuns: RUNS },
  )
})

test('a table of digests counts as a map does, however it grows, and pairs by key', () => {
  const row = fc.record({
    key: fc.nat(40),
    value: fc.nat(60),
    by: fc.constantFrom<1 | -1>(1, -1),
    part: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.nat(3000), fc.boolean(), (all, more, sent) => {
      const table = new DigestTable(0)
      const counts = new Map<string, { count: number; key: number }>()
      // Others in the way, so that slots collide and the table grows.
      for (let i = 0; i < more; i += 1) {
        const digest = digestOf(Buffer.from(`other ${i}`))
        table.add(digest, digest, 1, 0)
        table.add(digest, digest, -1, 0)
      }
      for (const { key, value, by, part } of all) {
        const name = digestOf(Buffer.from(`${key} ${value}`))
        const keyName = digestOf(Buffer.from(`${key}`))
        if (sent) {
          const local = new DigestTable(0)
          local.add(name, keyName, 1, 0)
          table.addAll(local.take(), by, part)
        } else table.add(name, keyName, by, part)
        const short = name.slice(0, LANES * 4)
        counts.set(short, { key, count: (counts.get(short)?.count ?? 0) + by })
      }
      let differing = 0
      for (let slot = 0; slot < table.slots; slot += 1) {
        const count = table.count(slot)
        if (count === 0) continue
        differing += 1
        expect(counts.get(table.digest(slot))?.count).toBe(count)
        const { by } = all.findLast(
          ({ key, value, part, by }) =>
            part === table.part(slot) &&
            by === Math.sign(count) &&
            digestOf(Buffer.from(`${key} ${value}`)).startsWith(table.digest(slot)),
        )!
        expect(by).toBe(Math.sign(count))
        expect(table.find(table.digest(slot))).toBe(slot)
      }
      expect(differing).toBe([...counts.values()].filter(({ count }) => count !== 0).length)
      let times = 0
      const paired = table.pairByKey((source, target, n) => {
        times += n
        const ours = counts.get(table.digest(source))!
        const theirs = counts.get(table.digest(target))!
        expect([Math.sign(ours.count), Math.sign(theirs.count)]).toEqual([1, -1])
        expect(ours.key).toBe(theirs.key)
      })
      expect(paired.reduce((sum, n) => sum + n, 0)).toBe(times * 2)
      for (const [slot, n] of paired.entries()) expect(n).toBeLessThanOrEqual(Math.abs(table.count(slot)))
    }),
    { numRuns: Math.ceil(RUNS / 10) },
  )
})

test('a full table says so, and still counts what it holds', () => {
  const table = new DigestTable(5000, 2000)
  for (let i = 0; i < 3000; i += 1) table.add(digestOf(Buffer.from(String(i))), null, 1, 0)
  table.add(digestOf(Buffer.from('7')), null, -1, 0)
  expect([table.full, table.size]).toEqual([true, 2000])
  expect(table.count(table.find(digestOf(Buffer.from('7'))))).toBe(0)
  expect(table.find(digestOf(Buffer.from('2500')))).toBe(-1)
})

test('rows differ in the same columns when they are abridged', () => {
  const long = fc.constantFrom(...['x', 'y', 'é'].map((end) => 'x'.repeat(600) + end), 'x', 'y', null)
  fc.assert(
    fc.property(fc.tuple(long, long), fc.tuple(long, long), (one, other) => {
      const columns = [{ carrier: 'text' }, { carrier: 'bytea' }] as const
      const fields = [one, other].map((values) => fieldsOf(rowOf(values)))
      const short = [one, other].map((values) => fieldsOf(abridged(rowOf(values), columns)))
      expect(differingFields(short[0]!, short[1]!)).toEqual(differingFields(fields[0]!, fields[1]!))
    }),
    { numRuns: 200 },
  )
})
