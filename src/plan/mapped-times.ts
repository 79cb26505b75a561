import { literal } from '../connection/quote.ts'
import type { StagedValue } from './mapped-stage.ts'
import { isArray, isMoment, isNaiveTime, isText } from './mapped-types.ts'

const MOMENT = 'timestamp with time zone'
const LOCAL = 'timestamp without time zone'

/** Words of a time that name no zone. */
const WORDS =
  `t|am|pm|ad|bc|now|today|tomorrow|yesterday|epoch|infinity|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?
  |july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?|mon(day)?|tue(s|sday)?|wed(nesday)?|thu(rs?|rsday)?
  |fri(day)?|sat(urday)?|sun(day)?`.replaceAll(/\s/g, '')

/**
 * A text of a time that says its zone: an offset behind the time of day, or a word that is no other part of a
 * time. The server would pass over it in silence, or over its absence. Written as both PostgreSQL and
 * JavaScript understand it.
 */
const WITH_ZONE = `(:[0-9][0-9]([.][0-9]*)? *([ap]m)? *|[t ][0-9]{4}([0-9][0-9]([.][0-9]*)?)?)[+-][0-9]|(^|[^a-z])(?!(?:${WORDS})(?![a-z]))[a-z]`

/** Moments that are the same everywhere. */
const ANYWHERE = '^ *([+-]?infinity|epoch|now) *$'

export function isTime(type: string): boolean {
  return !isArray(type) && (isMoment(type) || isNaiveTime(type))
}

/** A moment is made of a local time, or the other way round; also the text of a moment says a local time. */
export function isOtherTime(from: string, to: string): boolean {
  if (!isTime(from)) return false
  return isMoment(from) ? isNaiveTime(to) || isText(to) : isTime(to) && isMoment(to)
}

/** A local time of the zone becomes the moment, a moment the local time there. */
export function atZone({ sql, type }: StagedValue, zone: string): StagedValue {
  const time = type === 'date' ? `(${sql})::timestamp` : sql
  return {
    sql: `(${time} AT TIME ZONE ${literal(zone)})`,
    type: isMoment(type ?? '') ? LOCAL : MOMENT,
    asText: false,
  }
}

/** A text as the server reads it, and where it must not be read since nobody knows its zone. */
export interface ReadTime {
  readonly value: StagedValue
  readonly unclear: { readonly test: string; readonly reason: string } | null
}

/**
 * A moment or local time of a text: in the zone that it says, else in `zone`. Where there is none, a text
 * without zone is no moment, and one with a zone no local time.
 */
export function readTime({ sql }: StagedValue, to: string, zone: string | null): ReadTime {
  const text = `(${sql})::text`
  const hasZone = `${text} ~* ${literal(WITH_ZONE)}`
  const moment = `(${sql})::timestamptz`
  const local = `(${sql})::timestamp`
  const read = (made: string, test: string | null, reason = ''): ReadTime => ({
    value: { sql: made, type: isMoment(to) ? MOMENT : LOCAL, asText: false },
    unclear: test === null ? null : { test, reason },
  })
  const there = zone === null ? '' : ` AT TIME ZONE ${literal(zone)}`
  if (isMoment(to))
    return zone === null
      ? read(moment, `${text} !~* ${literal(`${WITH_ZONE}|${ANYWHERE}`)}`, 'has no time zone')
      : read(`CASE WHEN ${hasZone} THEN ${moment} ELSE ${local}${there} END`, null)
  return zone === null
    ? read(local, hasZone, 'has a time zone, and the target holds local times')
    : read(`CASE WHEN ${hasZone} THEN ${moment}${there} ELSE ${local} END`, null)
}

/** A constant of the config as a time; `zone`: it needs one, and none is known. */
export function constantTime(text: string, to: string, zone: string | null): string | 'zone' {
  const hasZone = new RegExp(WITH_ZONE, 'i').test(text)
  const isWhole = hasZone === isMoment(to) || new RegExp(ANYWHERE, 'i').test(text)
  if (isWhole) return `${literal(text)}::${to}`
  if (zone === null) return 'zone'
  return `(${literal(text)}::${hasZone ? 'timestamptz' : 'timestamp'} AT TIME ZONE ${literal(zone)})`
}
