import type { Session } from '../connection/postgres.ts'

/** Every table that a dump of the whole database holds, each with what its list of contents says of it. */
export interface ExpectedTable {
  /** For people. */
  readonly name: string
  /** Bytes, one for each character: the list is in the encoding of the database. */
  readonly entries: readonly string[]
}

const TABLES = `
SELECT c.oid::text AS oid, c.relkind::text AS kind, pg_catalog.format('%I.%I', n.nspname, c.relname) AS shown,
       pg_catalog.convert_to(n.nspname::text, e.name) AS schema, pg_catalog.convert_to(c.relname::text, e.name) AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
CROSS JOIN (SELECT pg_catalog.current_setting('server_encoding') AS name) e
WHERE c.relkind IN ('r', 'p', 'f', 'm')
  AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.deptype OPERATOR(pg_catalog.=) 'e'
      AND (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.objid OPERATOR(pg_catalog.=) c.oid
        OR d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
           AND d.objid OPERATOR(pg_catalog.=) n.oid)
  )
ORDER BY c.oid`

const KINDS: Readonly<Record<string, string>> = {
  r: 'TABLE',
  p: 'TABLE',
  f: 'FOREIGN TABLE',
  m: 'MATERIALIZED VIEW',
}
const PG_CLASS = 1259

/** What extensions bring belongs to them, and is made again by CREATE EXTENSION. */
export async function expectedTables(session: Session): Promise<readonly ExpectedTable[]> {
  const { rows } = await session.query<{
    oid: string
    kind: string
    shown: string
    schema: Buffer
    name: Buffer
  }>(TABLES)
  return rows.map(({ oid, kind, shown, schema, name }) => {
    const named = `${oneLine(schema)} ${oneLine(name)}`
    const entries = [`${PG_CLASS} ${oid} ${KINDS[kind]} ${named}`]
    if (kind === 'r') entries.push(`0 ${oid} TABLE DATA ${named}`)
    return { name: shown, entries }
  })
}

/**
 * The tables, or their rows, that `list` (what `pg_restore --list` printed) lacks. A line is
 * `4; 1259 16385 TABLE public users owner`: the object identifiers make names with spaces certain.
 */
export function missingFrom(list: Buffer, expected: readonly ExpectedTable[]): readonly string[] {
  const lines = list.toString('latin1').split('\n')
  const byObject = new Map<string, string[]>()
  for (const line of lines) {
    const [, entry, object] = /^\d+; ((\d+ \d+) .*)$/.exec(line) ?? []
    if (entry !== undefined) byObject.set(object!, [...(byObject.get(object!) ?? []), entry])
  }
  const has = (entry: string): boolean => {
    const object = entry.split(' ', 2).join(' ')
    return byObject.get(object)?.some((line) => line.startsWith(`${entry} `)) ?? false
  }
  return expected.filter(({ entries }) => !entries.every(has)).map(({ name }) => name)
}

/** The list replaces line ends in names. */
function oneLine(name: Buffer): string {
  return name.toString('latin1').replaceAll(/[\n\r]/g, ' ')
}
