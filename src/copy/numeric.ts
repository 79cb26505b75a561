import type { Output } from './output.ts'

/**
 * What `numeric`'s digits look like on the wire: groups of four decimal digits, aligned at the
 * point. `weight` is the position of the first group: 0 is the one left of the point.
 */
const SIGN_NEGATIVE = 0x4000
const NAN = 0xc000
const SPECIAL: Readonly<Record<string, number>> = {
  nan: NAN,
  infinity: 0xd000,
  inf: 0xd000,
  '+infinity': 0xd000,
  '-infinity': 0xf000,
  '-inf': 0xf000,
}
/** The scale that the server sends with an infinity: bits of what it stores in its place. */
const INFINITE_SCALE = 32
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/
/** PostgreSQL's limits for digits left and right of the point. */
const MOST_LEFT = 131_072
const MOST_RIGHT = 16_383

interface Decimal {
  readonly negative: boolean
  /** Digits left of the point, without leading zeros. */
  readonly left: string
  readonly right: string
}

/** Splits decimal text with the exponent applied; null when it is no number that numeric holds. */
function parse(text: string): Decimal | null {
  const match = DECIMAL.exec(text)
  if (match === null) return null
  let left = match[2] ?? ''
  let right = match[3] ?? ''
  if (left.length + right.length === 0) return null
  const exponent = match[4] === undefined ? 0 : Number(match[4])
  if (exponent > 0) {
    left += right.slice(0, exponent).padEnd(exponent, '0')
    right = right.slice(exponent)
  } else if (exponent < 0) {
    const padded = left.padStart(-exponent, '0')
    right = padded.slice(exponent) + right
    left = padded.slice(0, exponent)
  }
  left = left.replace(/^0+/, '')
  if (left.length > MOST_LEFT || right.length > MOST_RIGHT) return null
  return { negative: match[1] === '-', left, right }
}

/**
 * Appends the field, length included. False, and nothing appended, when `text` is no numeric. `trim`
 * leaves zeros at the end of the fraction out of its scale.
 */
export function putNumeric(out: Output, text: string, trim = false): boolean {
  const special = SPECIAL[text.toLowerCase()]
  if (special !== undefined) {
    out.reserve(12)
    putHeader(out, 0, 0, special, special === NAN ? 0 : INFINITE_SCALE)
    return true
  }
  const decimal = parse(text)
  if (decimal === null) return false
  const { left } = decimal
  const right = trim ? decimal.right.replace(/0+$/, '') : decimal.right
  const groupsLeft = Math.ceil(left.length / 4)
  const digits = left.padStart(groupsLeft * 4, '0') + right.padEnd(Math.ceil(right.length / 4) * 4, '0')
  let first = 0
  let end = digits.length
  while (first < end && digits.startsWith('0000', first)) first += 4
  while (end > first && digits.startsWith('0000', end - 4)) end -= 4
  const groups = (end - first) / 4
  out.reserve(12 + groups * 2)
  const negative = decimal.negative && groups > 0
  putHeader(
    out,
    groups,
    groups === 0 ? 0 : groupsLeft - 1 - first / 4,
    negative ? SIGN_NEGATIVE : 0,
    right.length,
  )
  for (let i = first; i < end; i += 4) {
    out.view.setInt16(out.length, Number(digits.slice(i, i + 4)))
    out.length += 2
  }
  return true
}

function putHeader(out: Output, groups: number, weight: number, sign: number, scale: number): void {
  const at = out.length
  out.view.setInt32(at, 8 + groups * 2)
  out.view.setInt16(at + 4, groups)
  out.view.setInt16(at + 6, weight)
  out.view.setUint16(at + 8, sign)
  out.view.setInt16(at + 10, scale)
  out.length = at + 12
}

/** True when the text format may give `text` to a numeric as it is. */
export function isNumeric(text: string): boolean {
  return SPECIAL[text.toLowerCase()] !== undefined || parse(text) !== null
}
