import type { ColumnChoice } from '../config/model.ts'
import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { bracketed, type MapInput, type Path } from './mapped-model.ts'
import { asked, type Origin } from './mapped-origin.ts'
import { noColumn } from './mapped-tables.ts'
import { travelsAsItIs } from './mapped-types.ts'
import type { MoveColumn } from './model.ts'

/** SQL of the config, and where it stands there. */
export interface Expression {
  readonly sql: string
  readonly path: Path
}

/** A value of a staged row. */
export interface StagedValue {
  /** SQL of the target over the stage's columns. */
  readonly sql: string
  /** The type that it has in the source, of a domain the one beneath; null where nobody knows. */
  readonly type: string | null
  /** It came as its text, since the type is not the same everywhere. */
  readonly asText: boolean
}

/** The columns that a move needs of its source: whatever is asked for is staged. */
export class Stage {
  readonly origin: Origin
  readonly #types: ReadonlyMap<Expression['sql'], string>
  readonly #inTarget: ReadonlyMap<Expression['sql'], string>
  readonly #used = new Set<string>()
  readonly #computed = new Map<string, MoveColumn>()

  private constructor(
    origin: Origin,
    types: ReadonlyMap<string, string>,
    inTarget: ReadonlyMap<string, string>,
  ) {
    this.origin = origin
    this.#types = types
    this.#inTarget = inTarget
  }

  /** Both databases are asked about the config's SQL. Errors: LF002 and LF005 naming its place. */
  static async of(input: MapInput, origin: Origin, said: Expressions): Promise<Stage> {
    const { relation, columns } = origin
    const all = columns.map(({ name, type }) => ({ target: name, type: stagedType(type) }))
    return new Stage(
      origin,
      await typesOf(input.columnsOf, relation, said.source),
      input.columnsOfTarget === undefined
        ? new Map()
        : await typesOf(input.columnsOfTarget, emptyRows(all), [...said.target, ...said.types]),
    )
  }

  /** A column of the source. Errors: LF005. */
  column(name: string, path: Path): StagedValue {
    const found = this.origin.columns.find((column) => column.name === name)
    if (found === undefined) throw noColumn(this.origin.label, name, this.origin.columns, path)
    this.#used.add(name)
    return { sql: ident(name), type: found.type, asText: !travelsAsItIs(found.type) }
  }

  /** An expression of the source becomes a column of its own. */
  expression(sql: string, target: string): StagedValue {
    const type = this.#types.get(sql)!
    const known = this.#computed.get(sql)
    const name = known?.target ?? this.#freeName()
    if (known === undefined)
      this.#computed.set(sql, staged(name, bracketed(sql), type, { source: target, conversion: sql }))
    return { sql: ident(name), type, asText: !travelsAsItIs(type) }
  }

  /** An expression of the target may name every column of the source. */
  inTarget(sql: string): StagedValue {
    for (const { name } of this.origin.columns) this.#used.add(name)
    return { sql: bracketed(sql), type: this.#inTarget.get(sql) ?? null, asText: false }
  }

  /** A type that the config names, as `format_type` prints it; of a domain the one beneath. */
  typeSaid(type: string): string {
    return this.#inTarget.get(nullOf(type)) ?? TIMES[type.toLowerCase()] ?? type
  }

  has(name: string): boolean {
    return this.origin.columns.some((column) => column.name === name)
  }

  /** The move's columns: those of the source in its order, then what was computed. */
  get columns(): MoveColumn[] {
    const own = this.origin.columns
      .filter(({ name }) => this.#used.has(name))
      .map(({ name, type }) => staged(name, ident(name), type, { source: name, conversion: null }))
    return [...own, ...this.#computed.values()]
  }

  /** Source columns that go nowhere, but for those that an expression may name. */
  unused(expressions: readonly string[]): string[] {
    const text = expressions.join(' ').toLowerCase()
    return this.origin.columns
      .map(({ name }) => name)
      .filter((name) => !this.#used.has(name) && !text.includes(name.toLowerCase()))
  }

  #freeName(): string {
    const taken = new Set(this.origin.columns.map(({ name }) => name))
    let n = this.#computed.size + 1
    while (taken.has(`converted_${n}`)) n += 1
    return `converted_${n}`
  }
}

/** SQL of the config, by the side that carries it out; `types`: those that it names, of the target. */
export interface Expressions {
  readonly source: readonly Expression[]
  readonly target: readonly Expression[]
  readonly types: readonly Expression[]
}

const nullOf = (type: string): string => `NULL::${type}`

/** Those by which a zone is asked for, where no target says what they are. */
const TIMES: Readonly<Record<string, string>> = {
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
}

/** What the config says of a move's columns. */
export function expressionsOf(columns: readonly ColumnChoice[], path: Path): Expressions {
  const source: Expression[] = []
  const target: Expression[] = []
  const types: Expression[] = []
  for (const { name, convert, convertInTarget, orElse, unique, type } of columns) {
    const at = [...path, name, unique ? 'unique' : 'convert']
    if (convert !== null) source.push({ sql: convert, path: at })
    if (convertInTarget !== null) target.push({ sql: convertInTarget, path: at })
    if (orElse !== null && 'inTarget' in orElse)
      target.push({ sql: orElse.inTarget, path: [...path, name, 'orElse'] })
    if (type !== null) types.push({ sql: nullOf(type), path: [...path, name, 'type'] })
  }
  return { source, target, types }
}

/** A relation that has a stage's columns, to ask what an expression over them yields. */
export function emptyRows(columns: readonly Pick<MoveColumn, 'target' | 'type'>[]): string {
  return `(SELECT ${columns.map(({ target, type }) => `NULL::${type} AS ${ident(target)}`).join(', ')})`
}

const stagedType = (type: string): string => (travelsAsItIs(type) ? type : 'text')

function staged(
  name: string,
  sql: string,
  type: string,
  { source, conversion }: { source: string; conversion: string | null },
): MoveColumn {
  const asText = !travelsAsItIs(type)
  return {
    source,
    target: name,
    declared: type,
    type: stagedType(type),
    why: asText ? 'its text, since the type is not the same everywhere' : 'the same type',
    conversion,
    carrier: 'label',
    way: 'as it is',
    read: [asText ? `${sql}::text` : sql],
    misfit: null,
    misfitReason: null,
  }
}

async function typesOf(
  columnsOf: MapInput['columnsOf'],
  relation: string,
  expressions: readonly Expression[],
): Promise<Map<string, string>> {
  if (expressions.length === 0) return new Map()
  const select = (some: readonly Expression[]): string =>
    `SELECT ${some.map(({ sql }, at) => `${bracketed(sql)} AS e${at}`).join(', ')} FROM ${relation} AS t`
  try {
    const found = await columnsOf(select(expressions))
    return new Map(expressions.map(({ sql }, at) => [sql, found[at]!.type]))
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error
    for (const one of expressions) await asked(columnsOf, select([one]), one.path)
    throw error
  }
}
