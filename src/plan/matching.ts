import type { Column, Table } from '../catalog/model.ts'
import type { Blocker } from './model.ts'
import { snakeCase } from './names.ts'

/** The ways to read a name, the exact ones first. */
const FORMS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toLowerCase(),
  (name) => snakeCase(name).replaceAll(/^_+|_+$/g, ''),
]

/**
 * Finds for each wanted thing the one of `there` that has one of its names: spelled like that, else in
 * another case, else as snake_case (`userId` and `user_id`). Nothing is found twice, and where two are
 * equally near neither is taken: a person has to say which one is meant.
 */
export function matchNames<T extends { readonly name: string }>(
  wanted: readonly (readonly string[])[],
  there: readonly T[],
): (T | null)[] {
  const found: (T | null)[] = wanted.map(() => null)
  const free = new Set(there)
  for (const form of FORMS) {
    const groups = Map.groupBy(free, (one) => form(one.name))
    const asked = wanted.map((names, i) =>
      found[i] === null
        ? (names.map((name) => groups.get(form(name))).find((group) => group !== undefined) ?? [])
        : [],
    )
    asked.forEach((group, i) => {
      const [one] = group
      if (group.length !== 1 || asked.some((other, j) => j !== i && other[0] === one)) return
      found[i] = one!
      free.delete(one!)
    })
  }
  return found
}

/** Columns of an existing table that must have a value, and that nothing fills. */
export function unfilled(
  table: Table,
  existing: Table | null,
  columns: readonly { readonly target: string }[],
): Blocker[] {
  if (existing === null) return []
  return unmatched(existing, columns)
    .filter((column) => column.notNull && column.default === null && column.identity === null)
    .map((column) => ({
      code: 'LF205' as const,
      table: table.name,
      column: column.name,
      message: `the target's column ${existing.name}.${column.name} must have a value, and nothing of the source goes there`,
      examples: [],
      choices: [
        `moves.${existing.name}.columns.${column.name}: { from: '…' }        name the source's column`,
        `give the target's column a default`,
      ],
    }))
}

export function unmatchedNotes(
  existing: Table | null,
  columns: readonly { readonly target: string }[],
): string[] {
  const rest = existing === null ? [] : unmatched(existing, columns)
  return rest.length === 0
    ? []
    : [`columns of the target that nothing fills: ${rest.map((column) => column.name).join(', ')}`]
}

function unmatched(existing: Table, columns: readonly { readonly target: string }[]): Column[] {
  return existing.columns.filter(
    (column) => column.generated === null && !columns.some((one) => one.target === column.name),
  )
}
