/**
 * The one place that turns names and values into SQL. Both engines take the same forms: standard
 * double-quoted identifiers and single-quoted strings (PostgreSQL's sessions here always have
 * `standard_conforming_strings = on`).
 */
export function ident(name: string): string {
  if (name.includes('\0')) throw new TypeError('a name cannot hold NUL')
  return `"${name.replaceAll('"', '""')}"`
}

/** `"schema"."name"`. */
export function qualified(schema: string, name: string): string {
  return `${ident(schema)}.${ident(name)}`
}

export function literal(value: string | number | bigint | boolean | null): string {
  if (value === null) return 'NULL'
  if (typeof value !== 'string') return String(value)
  if (value.includes('\0')) throw new TypeError('a literal cannot hold NUL')
  return `'${value.replaceAll("'", "''")}'`
}

/**
 * A text that is itself SQL, as a PostgreSQL literal that reads as it is written: `$sql$…$sql$`. The text
 * may hold anything: the tag is one that it has not got.
 */
export function dollarQuoted(text: string, tag = 'sql'): string {
  if (text.includes('\0')) throw new TypeError('a literal cannot hold NUL')
  for (let n = 0; ; n++) {
    const mark = `$${tag}${n === 0 ? '' : n}$`
    // A text that ends with $ would run into the mark.
    if (!`${text}$`.includes(mark)) return `${mark}${text}${mark}`
  }
}

/** The parts of a name as PostgreSQL prints it: `public."a.b"` is `public` and `a.b`. */
export function nameParts(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!,
  )
}
