import { ident } from '../connection/quote.ts'
import { converted } from '../types/label.ts'
import type { Way } from '../types/model.ts'
import { parseType, propose, proposeFor, type Wish } from '../types/propose.ts'
import { repairedText } from '../types/text.ts'
import { emptyAsNull } from '../types/way.ts'
import type { DraftColumn } from './draft.ts'

export interface Asked {
  readonly ways: readonly Way[]
  readonly why: string
}

/** The ways that a column may take: what the target or the user prescribes, else what is declared. */
export function waysOf(column: DraftColumn, encoding: string): Asked {
  const { choice, existing, source } = column
  const type = existing?.declared ?? choice?.type ?? null
  const why = existing ? "the target's column is of that type" : 'the config says so'
  if (choice?.convert)
    return { ways: [converted(type ?? 'text', choice.convert)], why: 'the config converts it' }
  const wish = wishOf(column)
  const asked: Asked =
    type !== null
      ? { ways: proposeFor(type, wish, encoding), why }
      : wish.zone !== undefined || wish.epoch !== undefined
        ? { ways: proposeFor('timestamptz', wish, encoding), why: 'the config says so' }
        : wish.nul !== undefined || wish.invalidUtf8 !== undefined
          ? { ways: repaired(source.declared, wish), why: `declared ${source.declared}` }
          : propose(source.declared, encoding)
  return choice?.empty === 'null' ? { ...asked, ways: asked.ways.map(emptyAsNull) } : asked
}

function wishOf({ choice }: DraftColumn): Wish {
  return {
    ...(choice?.zone == null ? {} : { zone: choice.zone }),
    ...(choice?.epoch == null ? {} : { epoch: choice.epoch }),
    ...(choice?.nul == null ? {} : { nul: choice.nul }),
    ...(choice?.invalidUtf8 == null ? {} : { invalidUtf8: choice.invalidUtf8 }),
  }
}

/** Text that the user wants repaired; a length in the declaration still counts where all values fit. */
function repaired(declared: string, wish: Wish): readonly Way[] {
  const [name, limit] = parseType(declared)
  const nul = wish.nul === 'strip'
  const utf8 = wish.invalidUtf8 === 'replace'
  const text = repairedText('text', null, nul, utf8)
  return name === 'varchar' && limit !== undefined
    ? [repairedText(`varchar(${limit})`, limit, nul, utf8), text]
    : [text]
}

/** The quoted source column, as expressions over the source table name it. */
export function columnExpression(column: DraftColumn): string {
  return ident(column.source.name)
}
