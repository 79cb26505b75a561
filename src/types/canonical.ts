import type { BinaryCarrier, Carrier } from './model.ts'

/**
 * One form of a column's values in both databases: where the target holds what the source's value stands
 * for, the binary field that Landfall encodes from `read` and the one that the target sends for `select`
 * are the same bytes. NULL is a length of its own, so it differs from every text.
 */
export interface Canonical {
  /** As in COPY; `numericTrimmed` is `numeric` without zeros at the end of its fraction. */
  readonly carrier: Exclude<BinaryCarrier, 'jsonb'>
  /** Source SQL, as many values as the carrier takes. */
  readonly read: readonly string[]
  /** Target SQL of the quoted column. */
  readonly select: (column: string) => string
  /**
   * A target type whose own text form counts, because only the target knows it: what was read is first
   * sent there, read as this type and written as text again.
   */
  readonly judged: string | null
}

/** What is compared of a column that travels in `carrier`, from `read`, into `type`. */
export function canonical(column: {
  readonly carrier: Carrier
  readonly read: readonly string[]
  readonly type: string
}): Canonical {
  const { carrier, read, type } = column
  const plain = (select: (c: string) => string = (c) => c) => ({ read, select, judged: null })
  if (carrier === 'label' || carrier === 'jsonb')
    return { carrier: 'text', read, select: (c) => `${c}::text`, judged: type }
  // A column with a scale pads its fraction with zeros.
  if (carrier === 'numeric' && /\(/.test(type))
    return { ...plain((c) => `pg_catalog.trim_scale(${c})`), carrier: 'numericTrimmed' }
  // Blanks at the end of `char(n)` are padding, and its cast to text takes them off.
  if (carrier === 'text' && /^(character|char|bpchar)\b(?! varying)/.test(type))
    return { carrier, read: read.map((c) => `rtrim(${c}, ' ')`), select: (c) => `${c}::text`, judged: null }
  return { ...plain(), carrier }
}
