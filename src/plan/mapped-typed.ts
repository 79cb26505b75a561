import type { ColumnChoice } from '../config/model.ts'
import { literal } from '../connection/quote.ts'
import type { StagedValue } from './mapped-stage.ts'
import { isMoment, isNaiveTime } from './mapped-types.ts'

/** What the config says of the value itself, before it is fitted into its column. */
export function typed(found: StagedValue, { empty, epoch, type }: ColumnChoice): StagedValue {
  let value = found
  if (empty === 'null') value = { ...value, sql: `nullif(${value.sql}, '')` }
  if (epoch !== null)
    value = {
      sql: `('epoch'::timestamptz + (${value.sql})::float8 * ${UNITS[epoch]})`,
      type: 'timestamp with time zone',
      asText: false,
    }
  if (type === null) return value
  const isCut = /^\s*(varchar|char|character|bpchar|text)\b/i.test(type)
  return {
    sql: `(${value.sql})::${isCut ? 'text' : type}`,
    type: isCut ? 'text' : (TIMES[type.toLowerCase()] ?? type),
    asText: false,
  }
}

const UNITS = {
  s: "'1 second'::interval",
  ms: "'1 millisecond'::interval",
  us: "'1 microsecond'::interval",
} as const

/** Types by which a zone is asked for, as `format_type` prints them. */
const TIMES: Readonly<Record<string, string>> = {
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
}

/** A local time that the config makes of a text or number. */
export function localTime(value: StagedValue, base: string, zone: string): string | null {
  if (isMoment(base)) return `((${value.sql})::timestamp AT TIME ZONE ${literal(zone)})`
  return isNaiveTime(base) ? `((${value.sql})::timestamptz AT TIME ZONE ${literal(zone)})` : null
}

export function atZone(value: StagedValue, zone: string): string {
  const time = value.type === 'date' ? `(${value.sql})::timestamp` : value.sql
  return `(${time} AT TIME ZONE ${literal(zone)})`
}
