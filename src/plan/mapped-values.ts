import type { Column } from '../catalog/model.ts'
import type { ColumnChoice } from '../config/model.ts'
import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import { LandfallError } from '../errors.ts'
import { renderConstant } from './mapped-constants.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import type { Stage, StagedValue } from './mapped-stage.ts'
import { columnOf, type MappedTable } from './mapped-tables.ts'
import { atZone, localTime, typed } from './mapped-typed.ts'
import { castType, fitting, isComparable, isMoment, isText, maxLength } from './mapped-types.ts'
import type { MappedColumn } from './mapping.ts'

/** Whose columns are filled from what. */
export interface Filling {
  readonly mapping: Mapping
  readonly stage: Stage
  readonly into: MappedTable
  /** Of the columns in the config. */
  readonly path: Path
  /** What an identity creates names its new key by the identity's own name; `key`: the old one's column. */
  readonly own?: { readonly identity: string; readonly key: string }
}

/** A column that the config says nothing of goes by name. */
export function byName(name: string): ColumnChoice {
  return {
    name,
    leaveOut: false,
    from: null,
    type: null,
    convert: null,
    convertInTarget: null,
    value: null,
    orElse: null,
    identity: null,
    unique: false,
    zone: null,
    epoch: null,
    nul: null,
    invalidUtf8: null,
    empty: null,
  }
}

/**
 * How a column of the target gets its values. Null: a person has to decide first, and is told.
 * Errors: LF002 and LF005 naming the place in the config.
 */
export function mapColumn(filling: Filling, said: ColumnChoice): MappedColumn | null {
  const { mapping, into } = filling
  const path = [...filling.path, said.name]
  const column = columnOf(into, said.name, path)
  if (column.generated !== null) {
    block(mapping, into.table, column.name, `${into.table.name}.${column.name} is computed by the target`, [
      choice(path, 'false', 'leave it out'),
    ])
    return null
  }
  const base = into.base.get(column.name) ?? column.declared
  refuseSqliteOnly(said, path)
  const found = said.value === null ? staged(filling, said, path) : null
  const value =
    found === null
      ? constant(said.value!.constant, base, column, [...path, 'value'])
      : said.identity !== null
        ? lookedUp(filling, said, found, said.identity, path)
        : converted(filling, said, found, column, base, path)
  if (value === null) return null
  if (said.unique && !isText(base))
    throw new LandfallError(
      'LF002',
      `${printPath([...path, 'unique'])}: ${column.name} is ${column.declared}`,
      {
        hint: 'Only a text can be made unique by a number behind it.',
      },
    )
  return {
    name: column.name,
    type: column.declared,
    notNull: column.notNull,
    maxLength: maxLength(base),
    value,
    identity: said.identity,
    orElse: fallback(filling, said, base, column, [...path, 'orElse']),
    ...(said.orElse !== null && 'inTarget' in said.orElse ? { givenOnce: true } : {}),
    unique: said.unique,
  }
}

/** Errors: LF005. */
function staged({ stage, own }: Filling, said: ColumnChoice, path: Path): StagedValue {
  if (said.convert !== null) return stage.expression(said.convert, said.name)
  if (said.convertInTarget !== null) return stage.inTarget(said.convertInTarget)
  const isOwn = own !== undefined && said.identity === own.identity
  return stage.column(said.from ?? (isOwn ? own.key : said.name), path)
}

/** SQL of a value that the column takes. */
function converted(
  { mapping, into }: Filling,
  said: ColumnChoice,
  found: StagedValue,
  column: Column,
  base: string,
  path: Path,
): string | null {
  const value = typed(found, said)
  const isAsked = said.type !== null || said.convert !== null || said.convertInTarget !== null
  const kind = value.type === null ? 'asked' : fitting(value.type, base)
  const local = said.zone !== null && kind === 'asked' && isAsked ? localTime(value, base, said.zone) : null
  if (local !== null) return local
  if (kind === 'zone') {
    const zone = said.zone ?? mapping.settings.zone
    if (zone !== null) return atZone(value, zone)
    const source = said.from ?? said.name
    block(
      mapping,
      into.table,
      column.name,
      isMoment(base)
        ? `${source} of the source has no time zone, and ${into.table.name}.${column.name} needs one`
        : `${source} of the source is a moment, and ${into.table.name}.${column.name} is ${column.declared}: a local time of some zone`,
      [
        choice(path, "{ zone: 'UTC' }", 'of this column'),
        "zone: 'UTC'   of all columns that say nothing else",
      ],
    )
    return null
  }
  const cast = castType(base, column.declared)
  // What came as a text becomes what it was.
  if (kind === 'same') return value.asText ? `(${value.sql})::${cast}` : value.sql
  if (kind === 'assigned') return value.sql
  if (isAsked || said.epoch !== null) return `(${value.sql})::${cast}`
  const from = said.from === null ? '' : `from: '${said.from}', `
  block(
    mapping,
    into.table,
    column.name,
    `${said.from ?? said.name} of the source is ${value.type}, and ${into.table.name}.${column.name} is ${column.declared}: not every value fits, or stays what it is`,
    [
      choice(
        path,
        `{ ${from}type: '${column.declared}' }`,
        'convert it, and fail where a value does not fit',
      ),
      choice(path, '{ convert: sql`…` }', 'say how'),
      choice(path, 'false', 'leave it out'),
    ],
  )
  return null
}

/** The old key. What becomes of it is the identity's, and has to fit the column. */
function lookedUp(
  { mapping, into }: Filling,
  said: ColumnChoice,
  found: StagedValue,
  name: string,
  path: Path,
): string | null {
  const value = typed(found, said)
  const identity = mapping.identities.get(name)
  if (identity === undefined)
    throw new LandfallError(
      'LF005',
      `${printPath([...path, 'identity'])}: there is no identity ${name}${didYouMean(name, mapping.identities.keys())}`,
      { hint: 'identities in the config names them.' },
    )
  if (identity === null) return null
  const column = columnOf(into, said.name, path)
  const base = into.base.get(column.name) ?? column.declared
  const source = said.from ?? said.name
  if (value.type !== null && !isComparable(value.type, identity.oldType))
    block(
      mapping,
      into.table,
      column.name,
      `${source} of the source is ${value.type}, and the old keys of the identity ${name} are ${identity.oldType}`,
      [choice(path, `{ identity: '${name}', convert: sql\`…\` }`, 'make it such a key')],
    )
  else if (fitting(identity.newType, base) === 'asked')
    block(
      mapping,
      into.table,
      column.name,
      `${into.table.name}.${column.name} is ${column.declared}, and the new keys of the identity ${name} are ${identity.newType}`,
      [choice(path, 'false', 'leave it out')],
    )
  else return value.sql
  return null
}

function fallback(
  { stage }: Filling,
  { orElse }: ColumnChoice,
  base: string,
  column: Column,
  path: Path,
): string | null {
  if (orElse === null) return null
  return 'inTarget' in orElse
    ? stage.inTarget(orElse.inTarget).sql
    : constant(orElse.constant, base, column, path)
}

function constant(
  value: NonNullable<ColumnChoice['value']>['constant'],
  base: string,
  column: Column,
  path: Path,
): string {
  const sql = renderConstant(value, base, column.declared)
  if (sql !== null) return sql
  throw new LandfallError(
    'LF002',
    `${printPath(path)}: a ${Array.isArray(value) ? 'list' : 'value of this kind'} is no ${column.declared}`,
    { hint: 'Lists become arrays or JSON, objects become JSON, as the column asks.' },
  )
}

function refuseSqliteOnly(said: ColumnChoice, path: Path): void {
  for (const key of ['nul', 'invalidUtf8'] as const) {
    if (said[key] === null) continue
    throw new LandfallError('LF002', `${printPath([...path, key])}: no text of PostgreSQL holds such bytes`, {
      hint: 'It is for SQLite sources; leave it out.',
    })
  }
}
