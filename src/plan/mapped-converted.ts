import type { Column } from '../catalog/model.ts'
import type { ColumnChoice } from '../config/model.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import type { Stage, StagedValue } from './mapped-stage.ts'
import type { MappedTable } from './mapped-tables.ts'
import { type Fit, type Fitted, fitted, prepared } from './mapped-typed.ts'
import { castType, isMoment } from './mapped-types.ts'

/** A column of the target, with its type beneath any domain. */
export interface Aim {
  readonly mapping: Mapping
  readonly stage: Stage
  readonly into: MappedTable
  readonly column: Column
  readonly base: string
  readonly path: Path
}

/** The value with what the config says of it and the type that it names; null: a person has to decide. */
export function asSaid(aim: Aim, said: ColumnChoice, found: StagedValue): Fitted | null {
  const value = prepared(found, said)
  if (said.type === null) return { value, misfits: [], inZone: false }
  const named = aim.stage.typeSaid(said.type)
  const cast = castType(named, said.type)
  return step(aim, said, value, { to: cast === said.type ? named : cast, cast, always: true })
}

/** The value as its column takes it; null: a person has to decide. */
export function converted(aim: Aim, said: ColumnChoice, found: StagedValue): Fitted | null {
  const { base, column } = aim
  const first = asSaid(aim, said, found)
  if (first === null) return null
  const second = step(aim, said, first.value, {
    to: base,
    cast: castType(base, column.declared),
    always: false,
  })
  return second === null
    ? null
    : {
        value: second.value,
        misfits: [...first.misfits, ...second.misfits],
        inZone: first.inZone || second.inZone,
      }
}

function step(
  { mapping, into, column, path }: Aim,
  said: ColumnChoice,
  value: StagedValue,
  to: Pick<Fit, 'to' | 'cast' | 'always'>,
): Fitted | null {
  const isFree = said.convert !== null || said.convertInTarget !== null
  const found = fitted(value, {
    ...to,
    zone: said.zone ?? mapping.settings.zone,
    isAsked: isFree || said.type !== null || said.epoch !== null,
    isFree,
  })
  if (typeof found === 'object') return found
  const source = said.from ?? said.name
  const name = `${into.table.name}.${column.name}`
  if (found === 'zone')
    block(
      mapping,
      into.table,
      column.name,
      isMoment(to.to)
        ? `${source} of the source has no time zone, and ${name} needs one`
        : `${source} of the source is a moment, and ${name} is ${column.declared}: a local time of some zone`,
      [
        choice(path, "{ zone: 'UTC' }", 'of this column'),
        "zone: 'UTC'   of all columns that say nothing else",
      ],
    )
  else {
    const from = said.from === null ? '' : `from: '${said.from}', `
    block(
      mapping,
      into.table,
      column.name,
      `${source} of the source is ${value.type}, and ${name} is ${column.declared}: not every value fits, or stays what it is`,
      [
        choice(
          path,
          `{ ${from}type: '${column.declared}' }`,
          'convert it, and refuse a value that does not fit or would not stay what it is',
        ),
        choice(path, '{ convert: sql`…` }', 'say how'),
        choice(path, 'false', 'leave it out'),
      ],
    )
  }
  return null
}
