import { type Carrier, width } from '../types/model.ts'
import { type Carriers, MisfitError, type Row, type RowEncoder } from './model.ts'
import { LARGE_VALUE, Output } from './output.ts'
import { rowEncoder } from './row-encoder.ts'
import { BYTE_FIELDS, TEXT_FIELDS } from './text-fields.ts'

const NOTHING = new Uint8Array(0)
const TAB = 9
const NEWLINE = 10
const NULL_MARK = Buffer.from('\\N')
/** Bytes of a large value that are escaped or turned into hex at a time. */
const SLICE = 128 * 1024

/** COPY … WITH (FORMAT text): tab between fields, backslash escapes, `\N` for NULL. */
export function textEncoder(carriers: Carriers): RowEncoder {
  const out = new Output()
  const fields: ((row: Row) => void)[] = []
  let slot = 0
  for (const [column, carrier] of carriers.entries()) {
    fields.push(field(out, column, carrier, slot))
    slot += width(carrier)
  }

  function encodeRow(row: Row): void {
    for (let column = 0; column < fields.length; column += 1) {
      if (column > 0) putByte(out, TAB)
      fields[column]!(row)
    }
    putByte(out, NEWLINE)
  }

  return rowEncoder(out, encodeRow, { header: NOTHING, trailer: NOTHING })
}

/** The function that writes one column of a row. */
function field(out: Output, column: number, carrier: Carrier, slot: number): (row: Row) => void {
  const putValue = carrier === 'bytea' || carrier === 'textBytes' ? bytesField(carrier) : textField(carrier)
  return (row) => {
    const value = row[slot]!
    if (value === null) putBytes(out, NULL_MARK)
    else putValue(out, column, value, row[slot + 1])
  }
}

type PutValue = (
  out: Output,
  column: number,
  value: NonNullable<Row[number]>,
  next: Row[number] | undefined,
) => void

function textField(carrier: Exclude<Carrier, 'bytea' | 'textBytes'>): PutValue {
  const { text, escapes } = TEXT_FIELDS[carrier]
  return (out, column, value, next) => {
    const plain = text(column, value, next)
    putText(out, escapes ? escaped(plain) : plain)
  }
}

function bytesField(carrier: 'bytea' | 'textBytes'): PutValue {
  const { prefix, slice } = BYTE_FIELDS[carrier]
  return (out, column, value) => {
    if (!(value instanceof Uint8Array)) throw new MisfitError(column, 'is no blob')
    putText(out, prefix)
    for (let start = 0; start < value.length; start += SLICE) {
      putBytes(out, slice(value.subarray(start, start + SLICE)))
    }
  }
}

const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]!) : text
}

function putText(out: Output, text: string): void {
  if (text.length >= LARGE_VALUE) {
    out.appendText(text)
    return
  }
  out.reserve(text.length * 3)
  out.length += out.bytes.write(text, out.length, 'utf8')
}

function putBytes(out: Output, bytes: Uint8Array): void {
  if (bytes.length >= LARGE_VALUE) {
    out.append(bytes)
    return
  }
  out.reserve(bytes.length)
  out.bytes.set(bytes, out.length)
  out.length += bytes.length
}

function putByte(out: Output, byte: number): void {
  out.reserve(1)
  out.bytes[out.length] = byte
  out.length += 1
}
