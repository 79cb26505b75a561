/** An entry of the table of contents that `pg_restore --list` prints, with the comments on it. */
interface Entry {
  /** `class/object`, the oids in the source's catalog; `0/0` where it has none of its own. */
  readonly id: string
  readonly kind: string
  readonly lines: readonly string[]
}

export interface Contents {
  /** The oids of schemas, which are made apart, with their comments: the target may have them. */
  readonly schemas: readonly number[]
  /** Types, functions, tables, views. */
  readonly preData: readonly string[]
  /** What needs keys first: views and functions that rely on them, rules, checks that are not valid. */
  readonly postponed: readonly string[]
  /** What would meddle with the work or has nothing to speak of before: see `LAST`. */
  readonly last: readonly string[]
  /** Indexes and keys, which are built otherwise. */
  readonly built: readonly string[]
}

/** Longer names first, since each is looked for at the beginning of an entry. */
const KINDS = [
  'MATERIALIZED VIEW',
  'PUBLICATION TABLES IN SCHEMA',
  'PUBLICATION TABLE',
  'PUBLICATION',
  'SUBSCRIPTION TABLE',
  'SUBSCRIPTION',
  'INDEX ATTACH',
  'INDEX',
  'FK CONSTRAINT',
  'CONSTRAINT',
  'STATISTICS DATA',
  'STATISTICS',
  'EVENT TRIGGER',
  'TRIGGER',
  'POLICY',
  'ROW SECURITY',
  'SCHEMA',
  'EXTENSION',
  'USER MAPPING',
  'SECURITY LABEL',
  'COMMENT',
] as const

/** Built from the source's catalog, several at a time. */
const OURS: ReadonlySet<string> = new Set(['INDEX ATTACH', 'INDEX', 'FK CONSTRAINT', 'CONSTRAINT'])
const LAST: ReadonlySet<string> = new Set([
  'PUBLICATION TABLES IN SCHEMA',
  'PUBLICATION TABLE',
  'PUBLICATION',
  'EVENT TRIGGER',
  'TRIGGER',
  'POLICY',
  'ROW SECURITY',
])
/** Never moved: they hold passwords, or go with the server. */
const NEVER: ReadonlySet<string> = new Set([
  'SUBSCRIPTION TABLE',
  'SUBSCRIPTION',
  'STATISTICS DATA',
  'USER MAPPING',
  'SECURITY LABEL',
])

/**
 * Sorts the lines of `pg_restore --list` by when their statements run.
 *
 * @param skipped ids (`class/object`) of what is left out.
 */
export function contentsOf(
  preData: readonly string[],
  postData: readonly string[],
  skipped: ReadonlySet<string>,
): Contents {
  const isWanted = ({ id, kind }: Entry): boolean => !skipped.has(id) && !NEVER.has(kind)
  const before = entriesOf(preData).filter(isWanted)
  const after = entriesOf(postData).filter(isWanted)
  const rest = after.filter(({ kind }) => !OURS.has(kind) && !LAST.has(kind))
  // Statistics are collected by ANALYZE, so they should be there early; they may be on a late view.
  const isLate = rest.some(({ kind }) => kind === 'MATERIALIZED VIEW')
  const isEarly = ({ kind }: Entry): boolean => kind === 'STATISTICS' && !isLate
  return {
    schemas: before.filter(({ kind }) => kind === 'SCHEMA').map(({ id }) => Number(id.split('/')[1])),
    preData: [...before.flatMap(preDataLines), ...rest.filter(isEarly).flatMap(({ lines }) => lines)],
    postponed: rest.filter((entry) => !isEarly(entry)).flatMap(({ lines }) => lines),
    last: after.flatMap(({ kind, lines }) => (OURS.has(kind) ? lines.slice(1) : LAST.has(kind) ? lines : [])),
    built: after.flatMap(({ kind, lines }) => (OURS.has(kind) ? lines.slice(0, 1) : [])),
  }
}

function preDataLines({ kind, lines }: Entry): readonly string[] {
  if (kind === 'SCHEMA') return lines.slice(1)
  // Its comment comes with it, and may be changed only by its owner.
  return kind === 'EXTENSION' ? lines.slice(0, 1) : lines
}

/** Comments follow what they are about and have no identity of their own. */
function entriesOf(lines: readonly string[]): Entry[] {
  const entries: { id: string; kind: string; lines: string[] }[] = []
  for (const line of lines) {
    const [, classId, objectId, text] = /^\d+; (\d+) (\d+) (.*)$/s.exec(line) ?? []
    if (text === undefined) throw new TypeError(`a line of an unknown form: ${line}`)
    const kind = KINDS.find((one) => text.startsWith(`${one} `)) ?? ''
    // A schema that is there may be somebody else's, whose comment only he may change.
    if (text.startsWith('COMMENT - SCHEMA ')) continue
    const last = entries.at(-1)
    if (last !== undefined && (kind === 'COMMENT' || kind === 'SECURITY LABEL')) {
      if (kind === 'COMMENT') last.lines.push(line)
    } else entries.push({ id: `${classId}/${objectId}`, kind, lines: [line] })
  }
  return entries
}
