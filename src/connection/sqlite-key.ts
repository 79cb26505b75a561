/**
 * Rows of a SQLite table are found and cut into ranges by their physical key: the rowid, or the primary
 * key of a WITHOUT ROWID table. Bounds are SQL literals, exact for every kind of value, so that they can
 * stand in a journal and be read by a person.
 */
export interface KeyRange {
  /** Exclusive; one literal for each key expression; null is open. */
  readonly after: readonly string[] | null
  /** Inclusive; null is open. */
  readonly upTo: readonly string[] | null
}

/** SQL that yields the value of `expression` as a literal which reads back as exactly that value. */
export function literalOf(expression: string): string {
  return `CASE typeof(${expression}) WHEN 'text' THEN 'CAST(x''' || hex(${expression}) || ''' AS TEXT)' ELSE quote(${expression}) END`
}

/** The predicate of a range, `1` when both ends are open. */
export function inRange(expressions: readonly string[], range: KeyRange): string {
  const key = expressions.length === 1 ? expressions[0]! : `(${expressions.join(', ')})`
  const bound = (values: readonly string[]) => (values.length === 1 ? values[0]! : `(${values.join(', ')})`)
  const parts = [
    ...(range.after ? [`${key} > ${bound(range.after)}`] : []),
    ...(range.upTo ? [`${key} <= ${bound(range.upTo)}`] : []),
  ]
  return parts.length === 0 ? '1' : parts.join(' AND ')
}

/** SQL text that shows a value to a person: short, and never broken by what it holds. */
export function previewOf(expression: string): string {
  const bytes = `CAST(${expression} AS BLOB)`
  return `CASE WHEN ${expression} IS NULL THEN 'NULL' WHEN typeof(${expression}) = 'text' AND landfall_text_ok(${bytes}) THEN '"' || substr(${expression}, 1, 40) || CASE WHEN length(${expression}) > 40 THEN '…' ELSE '' END || '"' WHEN typeof(${expression}) IN ('text', 'blob') THEN typeof(${expression}) || ' x''' || lower(hex(substr(${bytes}, 1, 24))) || CASE WHEN length(${bytes}) > 24 THEN '…' ELSE '' END || '''' ELSE quote(${expression}) END`
}

/** SQL text such as `id = 2` or `a = 1, b = "x"`. */
export function keyPreview(names: readonly string[], expressions: readonly string[]): string {
  return expressions
    .map((expression, i) => `'${names[i]!.replaceAll("'", "''")} = ' || ${previewOf(expression)}`)
    .join(" || ', ' || ")
}
