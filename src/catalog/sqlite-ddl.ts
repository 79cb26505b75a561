import type { CheckConstraint, ForeignKey } from './model.ts'
import {
  closing,
  foldName,
  isSign,
  keyword,
  nameOf,
  splitAtCommas,
  type Token,
  textOf,
  tokenize,
} from './sqlite-tokens.ts'

/** What only the text of CREATE TABLE tells. Names of columns are folded, see `foldName`. */
export interface TableDefinition {
  readonly columns: ReadonlyMap<string, ColumnDefinition>
  readonly checks: readonly CheckConstraint[]
  /** In the order of the text. */
  readonly foreignKeys: readonly ForeignKeyDefinition[]
  readonly uniques: readonly { readonly name: string | null; readonly columns: readonly string[] }[]
  readonly primaryKeyName: string | null
  readonly autoincrement: boolean
}

export interface ColumnDefinition {
  collation: string | null
  /** The expression of a generated column. */
  generated: string | null
}

export interface ForeignKeyDefinition {
  readonly name: string | null
  /** Folded. */
  readonly refTable: string
  deferrable: ForeignKey['deferrable']
}

const TABLE_CONSTRAINTS = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'])

/**
 * Reads a CREATE TABLE statement that SQLite has accepted (it is not a validator: what it does not
 * know it passes over, as SQLite's own grammar would have refused it).
 */
export function parseCreateTable(sql: string): TableDefinition {
  const tokens = tokenize(sql)
  const open = tokens.findIndex((token) => isSign(token, '('))
  const items = open < 0 ? [] : splitAtCommas(tokens, open + 1, closing(tokens, open))
  const reader = new ConstraintReader(sql)
  for (const item of items) {
    if (TABLE_CONSTRAINTS.has(keyword(item[0]) ?? '')) reader.read(item, 0, null)
    else reader.read(item, 1, foldName(nameOf(item[0])))
  }
  return reader
}

class ConstraintReader implements TableDefinition {
  readonly columns = new Map<string, ColumnDefinition>()
  readonly checks: CheckConstraint[] = []
  readonly foreignKeys: ForeignKeyDefinition[] = []
  readonly uniques: { name: string | null; columns: string[] }[] = []
  primaryKeyName: string | null = null
  autoincrement = false
  readonly #sql: string

  constructor(sql: string) {
    this.#sql = sql
  }

  /** One column with its type and constraints, or (`column` null) table constraints, commas optional. */
  read(tokens: readonly Token[], from: number, column: string | null): void {
    const definition: ColumnDefinition = { collation: null, generated: null }
    if (column !== null) this.columns.set(column, definition)
    let name: string | null = null
    const taken = (): string | null => {
      const result = name
      name = null
      return result
    }
    const group = (at: number): Token[] => tokens.slice(at, closing(tokens, at) + 1)
    const afterGroup = (at: number): number => (isSign(tokens[at], '(') ? closing(tokens, at) + 1 : at)

    for (let i = from; i < tokens.length; ) {
      const next = tokens[i + 1]
      switch (keyword(tokens[i])) {
        case 'CONSTRAINT':
          name = nameOf(next)
          i += 2
          break
        case 'CHECK':
          this.checks.push({ name: taken(), expression: textOf(this.#sql, group(i + 1)) })
          i = afterGroup(i + 1)
          break
        case 'AS':
          if (isSign(next, '(')) definition.generated = textOf(this.#sql, group(i + 1))
          i = afterGroup(i + 1)
          name = null
          break
        case 'COLLATE':
          definition.collation = nameOf(next)
          i += 2
          name = null
          break
        case 'PRIMARY':
          this.primaryKeyName = taken()
          // The group of a table constraint may hold AUTOINCREMENT: it is walked through.
          i += 2
          break
        case 'AUTOINCREMENT':
          this.autoincrement = true
          i++
          break
        case 'UNIQUE': {
          const listed = isSign(next, '(') ? this.#names(group(i + 1)) : []
          this.uniques.push({ name: taken(), columns: column === null ? listed : [column] })
          i = afterGroup(i + 1)
          break
        }
        case 'FOREIGN':
          // FOREIGN KEY (…): the name belongs to the REFERENCES that follows.
          i = afterGroup(i + 2)
          break
        case 'REFERENCES':
          this.foreignKeys.push({ name: taken(), refTable: foldName(nameOf(next)), deferrable: 'no' })
          i = afterGroup(i + 2)
          break
        case 'ON':
          // ON DELETE SET DEFAULT, ON CONFLICT IGNORE: the words are no constraints of their own.
          i += ['SET', 'NO'].includes(keyword(tokens[i + 2]) ?? '') ? 4 : 3
          break
        case 'DEFERRABLE':
          this.#deferrable(tokens, i)
          i++
          break
        case 'DEFAULT':
          // One token or a group; what else there may be after a sign is passed over like a type's words.
          i = Math.max(afterGroup(i + 1), i + 2)
          name = null
          break
        case 'NULL':
          name = null
          i++
          break
        default:
          i++
      }
    }
  }

  #names(group: readonly Token[]): string[] {
    return splitAtCommas(group, 1, group.length - 1).map((item) => foldName(nameOf(item[0])))
  }

  #deferrable(tokens: readonly Token[], at: number): void {
    const key = this.foreignKeys.at(-1)
    if (key === undefined) return
    const initially = keyword(tokens[at + 1]) === 'INITIALLY' ? keyword(tokens[at + 2]) : null
    if (keyword(tokens[at - 1]) === 'NOT') key.deferrable = 'no'
    else key.deferrable = initially === 'DEFERRED' ? 'deferred' : 'immediate'
  }
}

/** What only the text of CREATE INDEX tells: the parts as written, without collation and direction. */
export interface IndexDefinition {
  readonly parts: readonly string[]
  readonly where: string | null
}

/** Reads a CREATE INDEX statement that SQLite has accepted. */
export function parseCreateIndex(sql: string): IndexDefinition {
  const tokens = tokenize(sql)
  const on = tokens.findIndex((token) => keyword(token) === 'ON')
  const open = tokens.findIndex((token, i) => i > on && isSign(token, '('))
  if (on < 0 || open < 0) return { parts: [], where: null }
  const close = closing(tokens, open)
  const parts = splitAtCommas(tokens, open + 1, close).map((item) => textOf(sql, withoutSuffixes(item)))
  const rest = tokens.slice(close + 1).filter((token) => !isSign(token, ';'))
  return { parts, where: keyword(rest[0]) === 'WHERE' ? textOf(sql, rest.slice(1)) : null }
}

/** Takes ASC, DESC and the part's COLLATE off. */
function withoutSuffixes(item: readonly Token[]): readonly Token[] {
  const direction = keyword(item.at(-1))
  const tokens = item.length > 1 && (direction === 'ASC' || direction === 'DESC') ? item.slice(0, -1) : item
  const operand = tokens.slice(0, -2)
  const collated = operand.length > 0 && keyword(tokens.at(-2)) === 'COLLATE'
  return collated && standsAlone(operand) ? operand : tokens
}

/** A name, a literal, parentheses or a call. After anything longer, COLLATE belongs to the last operand. */
function standsAlone(tokens: readonly Token[]): boolean {
  const open = tokens.findIndex((token) => isSign(token, '('))
  if (open < 0) return tokens.length === 1
  return open <= 1 && closing(tokens, open) === tokens.length - 1
}

/** A default as the pragma gives it, without comments and parentheses around it. */
export function unwrapExpression(sql: string): string {
  return textOf(sql, tokenize(sql))
}
