import { type BinaryCarrier, width } from '../types/model.ts'
import {
  putBool,
  putBytes,
  putDate,
  putDecimal,
  putFloat4,
  putFloat8,
  putHalves,
  putInt2,
  putInt4,
  putInt8,
  putMoment,
  putText,
  putTime,
  putUuid,
} from './binary-fields.ts'
import type { Carriers, Row, RowEncoder } from './model.ts'
import { Output } from './output.ts'
import { rowEncoder } from './row-encoder.ts'

/** `PGCOPY\n\377\r\n\0`, then no flags and no header extension. */
export const HEADER = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
export const TRAILER = Buffer.from('ffff', 'hex')

/** The carriers as small integers, so that the switch in `encode` becomes a jump table. */
const CODES: Readonly<Record<BinaryCarrier, number>> = {
  int2: 0,
  int4: 1,
  int8: 2,
  int8Halves: 3,
  bool: 4,
  float4: 5,
  float8: 6,
  text: 7,
  json: 7,
  jsonb: 8,
  textBytes: 9,
  bytea: 9,
  uuid: 10,
  date: 11,
  time: 12,
  timestamp: 13,
  timestampHalves: 14,
  numeric: 15,
  numericTrimmed: 16,
}

/** COPY … WITH (FORMAT binary). `label` has no binary form and is refused. */
export function binaryEncoder(carriers: Carriers | readonly BinaryCarrier[]): RowEncoder {
  const count = carriers.length
  const codes = new Uint8Array(count)
  const slots = new Uint16Array(count)
  let slot = 0
  for (const [index, carrier] of carriers.entries()) {
    if (carrier === 'label') throw new TypeError('the carrier label has no binary form')
    codes[index] = CODES[carrier]
    slots[index] = slot
    slot += width(carrier)
  }
  // Enough for the field count and every column of fixed size; longer ones reserve for themselves.
  const rowRoom = 2 + count * 20
  const out = new Output()

  function encodeRow(row: Row): void {
    out.reserve(rowRoom)
    out.view.setInt16(out.length, count)
    out.length += 2
    for (let column = 0; column < count; column += 1) {
      const slot = slots[column]!
      const value = row[slot]!
      if (value === null) {
        out.reserve(4)
        out.view.setInt32(out.length, -1)
        out.length += 4
        continue
      }
      switch (codes[column]) {
        case 0:
          putInt2(out, column, value)
          break
        case 1:
          putInt4(out, column, value)
          break
        case 2:
          putInt8(out, column, value)
          break
        case 3:
          putHalves(out, column, value, row[slot + 1]!)
          break
        case 4:
          putBool(out, column, value)
          break
        case 5:
          putFloat4(out, column, value)
          break
        case 6:
          putFloat8(out, column, value)
          break
        case 7:
          putText(out, column, value, 0)
          break
        case 8:
          putText(out, column, value, 1)
          break
        case 9:
          putBytes(out, column, value)
          break
        case 10:
          putUuid(out, column, value)
          break
        case 11:
          putDate(out, column, value)
          break
        case 12:
          putTime(out, column, value)
          break
        case 13:
          putMoment(out, column, value, 0)
          break
        case 14:
          putMoment(out, column, value, row[slot + 1]!)
          break
        case 15:
          putDecimal(out, column, value, false)
          break
        default:
          putDecimal(out, column, value, true)
      }
    }
  }

  return rowEncoder(out, encodeRow, { header: HEADER, trailer: TRAILER })
}
