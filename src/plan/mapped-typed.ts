import type { ColumnChoice } from '../config/model.ts'
import { lossTest } from './mapped-loss.ts'
import type { StagedValue } from './mapped-stage.ts'
import { atZone, isOtherTime, isTime, readTime } from './mapped-times.ts'
import { fitting, isText } from './mapped-types.ts'
import type { Misfit } from './mapping.ts'

/** What the config says of the value itself, before it gets its type. */
export function prepared(found: StagedValue, { empty, epoch }: ColumnChoice): StagedValue {
  const value = empty === 'null' ? { ...found, sql: `nullif(${found.sql}, '')` } : found
  if (epoch === null) return value
  return {
    sql: `('epoch'::timestamptz + (${value.sql})::float8 * ${UNITS[epoch]})`,
    type: 'timestamp with time zone',
    asText: false,
  }
}

const UNITS = {
  s: "'1 second'::interval",
  ms: "'1 millisecond'::interval",
  us: "'1 microsecond'::interval",
} as const

export interface Fit {
  /** The type that the value is to have, of a domain the one beneath, and how a cast names it. */
  readonly to: string
  readonly cast: string
  /** Written as a cast also where the server would assign the value by itself. */
  readonly always: boolean
  readonly zone: string | null
  /** The config asks for a conversion, though not every value may fit. */
  readonly isAsked: boolean
  /** An expression of the config decides what is kept: nothing that the cast loses is looked for. */
  readonly isFree: boolean
}

export interface Fitted {
  readonly value: StagedValue
  readonly misfits: readonly Misfit[]
  /** The zone had a part in it. */
  readonly inZone: boolean
}

/**
 * A value as it is stored in a type. `asked`: not every value fits, and the config does not say that it is
 * meant; `zone`: a moment is made of a local time or the other way round, and no zone is known.
 */
export function fitted(found: StagedValue, fit: Fit): Fitted | 'asked' | 'zone' {
  const { to, cast, zone } = fit
  if ((found.type === null ? 'asked' : fitting(found.type, to)) === 'asked' && !fit.isAsked) return 'asked'
  let value = found
  let inZone = false
  const misfits: Misfit[] = []
  if (isTime(to) && isRead(value)) {
    const { value: read, unclear } = readTime(value, to, zone)
    value = read
    inZone = zone !== null
    if (unclear !== null) misfits.push(unclear)
  } else if (isOtherTime(value.type ?? '', to)) {
    if (zone === null) return 'zone'
    value = atZone(value, zone)
    inZone = true
  }
  const kind = value.type === null ? 'asked' : fitting(value.type, to)
  const made = `(${value.sql})::${cast}`
  // What came as a text becomes what it was.
  const isKept = kind === 'same' ? !value.asText : kind === 'assigned' && !fit.always
  const lost =
    kind === 'asked' && !fit.isFree ? lossTest(value.sql, isRead(value) ? null : value.type, made, to) : null
  if (lost !== null) misfits.push({ test: lost, reason: `does not stay what it is as ${to}` })
  const type = kind === 'assigned' && !fit.always ? value.type : to
  return { value: { sql: isKept ? value.sql : made, type, asText: false }, misfits, inZone }
}

/** The server reads it from a text. */
const isRead = ({ type, asText }: StagedValue): boolean => type === null || asText || isText(type)
