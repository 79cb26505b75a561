import type { ColumnChoice } from '../config/model.ts'
import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import { LandfallError } from '../errors.ts'
import { renderConstant } from './mapped-constants.ts'
import { type Aim, asSaid, converted } from './mapped-converted.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import type { Stage, StagedValue } from './mapped-stage.ts'
import { columnOf, type MappedTable } from './mapped-tables.ts'
import { constantTime, isTime } from './mapped-times.ts'
import type { Fitted } from './mapped-typed.ts'
import { fitting, isCitext, isComparable, isText, maxLength } from './mapped-types.ts'
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
  const aim: Aim = { mapping, stage: filling.stage, into, column, base, path }
  const made = madeOf(filling, aim, said)
  if (made === null) return null
  const orElse = fallback(aim, said)
  refuseZone(aim, said, made)
  if (said.unique && !isText(base) && !isCitext(base))
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
    value: made.value.sql,
    identity: said.identity,
    orElse,
    ...(said.orElse !== null && 'inTarget' in said.orElse ? { givenOnce: true } : {}),
    unique: said.unique,
    ...(made.misfits.length > 0 ? { misfits: made.misfits } : {}),
  }
}

function madeOf(filling: Filling, aim: Aim, said: ColumnChoice): Fitted | null {
  if (said.value !== null) {
    const sql = constant(aim, said, said.value.constant, 'value')
    return { value: { sql, type: aim.base, asText: false }, misfits: [], inZone: false }
  }
  const found = staged(filling, said, aim.path)
  return said.identity === null ? converted(aim, said, found) : lookedUp(aim, said, found, said.identity)
}

/** A zone that nothing is done with was meant for something. Errors: LF002. */
function refuseZone(
  { column, base, path }: Aim,
  { zone, orElse }: ColumnChoice,
  { inZone, value }: Fitted,
): void {
  if (zone === null || inZone || (orElse !== null && 'constant' in orElse && isTime(base))) return
  throw new LandfallError(
    'LF002',
    `${printPath([...path, 'zone'])}: no time of a zone becomes ${column.declared} here`,
    {
      hint:
        value.type !== null && isTime(value.type)
          ? 'The values are carried as they are: leave it out.'
          : 'A zone goes with timestamps and dates, and with texts that become such.',
    },
  )
}

/** Errors: LF005. */
function staged({ stage, own }: Filling, said: ColumnChoice, path: Path): StagedValue {
  if (said.convert !== null) return stage.expression(said.convert, said.name)
  if (said.convertInTarget !== null) return stage.inTarget(said.convertInTarget)
  const isOwn = own !== undefined && said.identity === own.identity
  return stage.column(said.from ?? (isOwn ? own.key : said.name), path)
}

/** The old key. What becomes of it is the identity's, and has to fit the column. */
function lookedUp(aim: Aim, said: ColumnChoice, found: StagedValue, name: string): Fitted | null {
  const { mapping, into, column, base, path } = aim
  const made = asSaid(aim, said, found)
  const identity = mapping.identities.get(name)
  if (identity === undefined)
    throw new LandfallError(
      'LF005',
      `${printPath([...path, 'identity'])}: there is no identity ${name}${didYouMean(name, mapping.identities.keys())}`,
      { hint: 'identities in the config names them.' },
    )
  if (identity === null || made === null) return null
  const { value } = made
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
  else return made
  return null
}

function fallback(aim: Aim, said: ColumnChoice): string | null {
  const { orElse } = said
  if (orElse === null) return null
  return 'inTarget' in orElse
    ? aim.stage.inTarget(orElse.inTarget).sql
    : constant(aim, said, orElse.constant, 'orElse')
}

/** Errors: LF002. */
function constant(
  { mapping, column, base, path }: Aim,
  said: ColumnChoice,
  value: NonNullable<ColumnChoice['value']>['constant'],
  key: 'value' | 'orElse',
): string {
  if (typeof value === 'string' && isTime(base)) {
    const time = constantTime(value, base, said.zone ?? mapping.settings.zone)
    if (time !== 'zone') return time
    throw new LandfallError(
      'LF002',
      `${printPath([...path, key])}: ${column.name} is ${column.declared}, and nothing says in which time zone ${value} is meant`,
      { hint: "Write the time as it is meant there, with its zone for a moment (…+00), or say zone: 'UTC'." },
    )
  }
  const sql = renderConstant(value, base, column.declared)
  if (sql !== null) return sql
  throw new LandfallError(
    'LF002',
    `${printPath([...path, key])}: a ${Array.isArray(value) ? 'list' : 'value of this kind'} is no ${column.declared}`,
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
