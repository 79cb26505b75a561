import { isUtf8 } from 'node:buffer'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'

/**
 * SQL functions that look at a text's bytes. SQLite and `node:sqlite` replace invalid bytes in silence,
 * so that text can only be trusted after this. They take `CAST(x AS BLOB)`, which yields the bytes in
 * the database's encoding; NULL gives NULL.
 *
 * - `landfall_text_ok(blob)`: 1 when PostgreSQL can hold the text: valid, and without NUL. Also for
 *   many values joined by `group_concat`.
 * - `landfall_text_repair(blob, nul, encoding)`: the text without NUL characters where `nul` is 1, with
 *   U+FFFD for what is invalid where `encoding` is 1; NULL when it is still nothing PostgreSQL can hold.
 */
export function registerTextFunctions(database: DatabaseSync, encoding: string): void {
  const text = encoding === 'UTF-8' ? utf8 : utf16(encoding)
  database.function('landfall_text_ok', { deterministic: true }, (value) => {
    const bytes = blob(value)
    if (bytes === null) return null
    const ok = text.isStorable(bytes) ? 1 : 0
    release(bytes)
    return ok
  })
  database.function('landfall_text_repair', { deterministic: true }, (value, nul, invalid) => {
    const bytes = blob(value)
    if (bytes === null || (invalid !== 1 && !text.isValid(bytes))) return null
    const decoded = text.decode(bytes)
    if (nul === 1) return decoded.replaceAll('\0', '')
    return decoded.includes('\0') ? null : decoded
  })
}

/**
 * SQLite made this copy for the one call. Its memory is given back now: the garbage collector would let
 * tens of megabytes of such copies pile up, since to it each is only a small object.
 */
function release(bytes: Buffer): void {
  if (bytes.buffer instanceof ArrayBuffer && bytes.length >= 4096) bytes.buffer.transfer(0)
}

interface TextBytes {
  /** No copies are made: the bytes may be a whole batch of values. */
  readonly isStorable: (bytes: Buffer) => boolean
  readonly isValid: (bytes: Buffer) => boolean
  /** With U+FFFD for what is invalid. */
  readonly decode: (bytes: Buffer) => string
}

function blob(value: SQLOutputValue): Buffer | null {
  if (value === null) return null
  if (!(value instanceof Uint8Array)) throw new TypeError('the text functions take a blob')
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

const utf8: TextBytes = {
  isStorable: (bytes) => bytes.indexOf(0) === -1 && isUtf8(bytes),
  isValid: (bytes) => isUtf8(bytes),
  decode: (bytes) => bytes.toString('utf8'),
}

function utf16(encoding: string): TextBytes {
  const decode = (bytes: Buffer) =>
    (encoding === 'UTF-16be' ? Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16() : bytes).toString(
      'utf16le',
    )
  const isValid = (bytes: Buffer) => bytes.length % 2 === 0 && decode(bytes).isWellFormed()
  return {
    isStorable: (bytes) => isValid(bytes) && !decode(bytes).includes('\0'),
    isValid,
    decode: (bytes) => decode(bytes).toWellFormed(),
  }
}
