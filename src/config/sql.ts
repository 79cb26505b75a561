import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'

/** A piece of SQL that the user wrote, and the database in which it runs. */
export interface Sql<Side extends 'source' | 'target' = 'source' | 'target'> {
  readonly kind: 'sql'
  readonly side: Side
  readonly text: string
}

export type SqlValue = string | number | bigint | boolean | null

type Template<Side extends 'source' | 'target'> = (
  strings: TemplateStringsArray,
  ...values: readonly (SqlValue | Sql<Side>)[]
) => Sql<Side>

function template<Side extends 'source' | 'target'>(side: Side): Template<Side> {
  return (strings, ...values) => {
    let text = strings.raw[0]!
    values.forEach((value, index) => {
      text += render(value, side) + strings.raw[index + 1]!
    })
    return { kind: 'sql', side, text }
  }
}

/** A value becomes a literal, never text of the statement; a nested sql`…` is put in as it is. */
function render(value: SqlValue | Sql, side: 'source' | 'target'): string {
  if (typeof value === 'object' && value !== null) {
    if (value.side === side) return value.text
    throw new LandfallError(
      'LF002',
      `sql: an expression of the ${value.side} stands inside one of the ${side}`,
    )
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new LandfallError('LF002', `sql: ${value} cannot be written as a number in SQL`)
  }
  return literal(value)
}

/** sql`…` runs in the source, sql.target`…` in the target. Values put in by ${} become quoted literals. */
export const sql: Template<'source'> & { readonly target: Template<'target'> } = Object.assign(
  template('source'),
  { target: template('target') },
)

/** A constant may be an object, too; that it has these very keys is what makes it SQL. */
export function isSql(value: unknown): value is Sql {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'sql' &&
    'side' in value &&
    'text' in value &&
    typeof value.text === 'string'
  )
}
