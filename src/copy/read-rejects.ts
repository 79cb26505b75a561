import { isUtf8 } from 'node:buffer'
import type { DatabaseSync } from 'node:sqlite'
import type { Reject, TaggedValue } from '../journal/model.ts'
import type { Row } from './model.ts'
import type { RejectRead, SetAside } from './select.ts'

/** Reads the rows that are set aside, one at a time, with all their values unchanged. */
export function* readRejects(
  database: DatabaseSync,
  encoding: string,
  read: RejectRead,
  reasons: SetAside['reasons'],
): Generator<Reject> {
  const statement = database.prepare(read.sql)
  statement.setReturnArrays(true)
  for (const row of statement.iterate() as Iterable<unknown> as Iterable<Row>) {
    const reason = reasons[Number(row[1])]
    const content: Record<string, TaggedValue> = Object.create(null)
    for (const [i, column] of read.columns.entries()) {
      content[column] = tagged(String(row[2 + 2 * i]), row[3 + 2 * i]!, encoding)
    }
    yield {
      table: read.table,
      key: String(row[0]),
      column: reason?.column ?? null,
      reason: reason?.text ?? 'is not accepted',
      content,
    }
  }
}

function tagged(type: string, value: Row[number], encoding: string): TaggedValue {
  switch (type) {
    case 'null':
      return null
    case 'integer':
      return { integer: String(value) }
    case 'real':
      return { real: Object.is(value, -0) ? '-0' : String(value) }
    case 'text':
      return textOf(value as Uint8Array, encoding)
    default:
      return { blob: Buffer.from(value as Uint8Array).toString('hex') }
  }
}

function textOf(bytes: Uint8Array, encoding: string): TaggedValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const invalid = { textBytes: buffer.toString('hex') }
  if (encoding === 'UTF-8') return isUtf8(buffer) ? { text: buffer.toString('utf8') } : invalid
  if (buffer.length % 2 !== 0) return invalid
  const text = (encoding === 'UTF-16be' ? Buffer.from(buffer).swap16() : buffer).toString('utf16le')
  return text.isWellFormed() ? { text } : invalid
}
