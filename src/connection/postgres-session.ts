import { types } from 'pg'
import { literal } from './quote.ts'

/**
 * Fixed on every connection, so that neither the server's configuration nor that of the database or the
 * user changes how values look or how long a statement may take. Settings that this server does not
 * have, or that this user may not change, are left alone.
 */
const FIXED: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  xmloption: 'content',
  extra_float_digits: '3',
  lc_monetary: 'C',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  // Rows that a policy hides must be an error, not a smaller table.
  row_security: 'off',
  lc_messages: 'C',
  default_transaction_isolation: 'read committed',
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // Locks and half-written transactions of a client that died must go soon.
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
}

/** The first statements of a session; the last one answers with the server's version number. */
export function sessionStart(searchPath: 'pg_catalog' | 'server'): string {
  const rows = Object.entries(FIXED).map(([name, value]) => `(${literal(name)}, ${literal(value)})`)
  const fix = `SELECT pg_catalog.set_config(wanted.name, wanted.value, false)
    FROM (VALUES ${rows.join(', ')}) AS wanted (name, value)
    JOIN pg_catalog.pg_settings AS present ON pg_catalog.lower(present.name) OPERATOR(pg_catalog.=) wanted.name
    WHERE present.context OPERATOR(pg_catalog.=) 'user'
       OR present.context OPERATOR(pg_catalog.=) 'superuser'
          AND pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on'`
  const path = searchPath === 'pg_catalog' ? 'SET search_path = pg_catalog;' : ''
  return `${path} ${fix}; SELECT pg_catalog.current_setting('server_version_num') AS version`
}

/** Refused where the operating system cannot tell that a client is gone, hence on its own. */
export const CHECK_CLIENT = "SET client_connection_check_interval = '10s'"

const { builtins } = types
const number = (text: string): number => Number(text)
// The declared type of the parameter leaves arrays out.
const parserOf = types.getTypeParser as (oid: number) => (text: string) => unknown
const parsers = new Map<number, (text: string) => unknown>([
  [builtins.BOOL, (text) => text === 't'],
  [builtins.INT2, number],
  [builtins.INT4, number],
  [builtins.OID, number],
  [builtins.FLOAT4, number],
  [builtins.FLOAT8, number],
  [builtins.BYTEA, types.getTypeParser(builtins.BYTEA)],
  // Arrays of text and name; of int2, int4 and oid.
  ...[1009, 1003].map((oid) => [oid, parserOf(1009)] as const),
  ...[1005, 1007, 1028].map((oid) => [oid, parserOf(1007)] as const),
])

/**
 * Only types whose every value a JavaScript value holds exactly are turned into one. All others stay
 * the server's text: bigint, numeric, dates and times, JSON.
 */
export const exactTypes = {
  getTypeParser(oid: number): (text: string) => unknown {
    return parsers.get(oid) ?? ((text) => text)
  },
} as unknown as { getTypeParser: typeof types.getTypeParser }
