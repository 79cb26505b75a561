import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { excused, excusedOld } from './excused.ts'
import { lookups } from './facts.ts'
import { lowestFirst, type MergeMove, mergeOf, named, overStage, sameKey, stagedKey } from './key.ts'
import { type KnownMap, type RejectsOf, STAGE_ROW, type Staged, THERE, WRONG } from './model.ts'
import { reasonsAs } from './set-aside.ts'
import type { Split } from './split.ts'
import { refuseUnstorable } from './unstorable.ts'

/** So many are named in a message, so many are given to machines. */
const NAMED = 20
/** Each of them is somebody’s to mend. */
const ORPHANS_NAMED = 1000
const LISTED = 10_000

/**
 * LF209 with every row whose parent is unknown, where the config calls that a failure. Rows whose parent was
 * set aside go with it.
 */
export async function refuseOrphans(staged: Staged, shaped: Split, rejects: RejectsOf): Promise<void> {
  const { session, stage } = staged
  const { move, relation, reasons } = shaped
  const all = move.mapping.ifParentMissing === 'fail'
  const failing = reasons.flatMap(({ parent, fails }, at) => (parent && (all || fails) ? [at] : []))
  if (failing.length === 0) return
  const pardons = failing.flatMap((at) => {
    const { lacks } = reasons[at]!
    const test = lacks === undefined ? null : excused(shaped, lacks, rejects)
    return test === null ? [] : [`WHEN ${at} THEN ${test}`]
  })
  const others = pardons.length === 0 ? '' : ` AND CASE w.${WRONG} ${pardons.join(' ')} END IS NOT TRUE`
  const from = `FROM ${relation} AS w JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW} WHERE w.${WRONG} IN (${failing.join(', ')})${others}`
  const { rows } = await session.query<{ key: string; wrong: number; value: string | null; all: string }>(
    `SELECT ${stagedKey(move)} AS key, w.${WRONG} AS wrong, ${parentValue(shaped, failing)} AS value, pg_catalog.count(*) OVER () AS all
      ${from} ORDER BY w.${STAGE_ROW} LIMIT ${LISTED}`,
  )
  const orphans = rows.map(({ key, wrong, value }): Orphan => {
    const { column, text } = reasons[wrong]!
    return { key, column, value, reason: text }
  })
  refuseAll([{ staged, move, count: Number(rows[0]?.all ?? 0), orphans }])
}

/** Rows of a move whose parents are unknown. */
interface Orphans {
  readonly staged: Staged
  readonly move: MergeMove
  readonly count: number
  readonly orphans: readonly Orphan[]
}

interface Orphan {
  readonly key: string
  readonly column: string | null
  readonly value: string | null
  readonly reason: string
}

/**
 * LF209 with every row of all moves that refers to an old key which its identity does not know, where the
 * config calls that a failure: somebody who mends them wants to see all of them at once.
 */
export async function refuseUnknown(moves: readonly Staged[], rejects: RejectsOf): Promise<void> {
  const found: Orphans[] = []
  for (const staged of moves) {
    const { session, stage, maps } = staged
    const move = mergeOf(staged)
    const failing = move.mapping.columns.filter(
      ({ identity }) =>
        identity !== null &&
        (move.mapping.ifParentMissing === 'fail' || maps.get(identity)?.unknownFails === true),
    )
    for (const { name, value, identity } of failing) {
      const map = maps.get(identity!)!
      const { relation, oldKey } = map
      const [same] = await lookups(session, stage, [{ value, map }])
      const pardon = excusedOld({ identity: identity!, value }, rejects)
      const others = pardon === null ? '' : ` AND (${pardon}) IS NOT TRUE`
      // Named bare, as values are: nothing else here has a name like those of the stage's columns.
      const { rows } = await session.query<{ key: string; value: string; all: string }>(
        `SELECT ${stagedKey(move)} AS key, pg_catalog.left((${value})::pg_catalog.text, 60) AS value, pg_catalog.count(*) OVER () AS all
          FROM ${stage} AS s LEFT JOIN (SELECT ${oldKey} AS landfall_old FROM ${relation}) AS m ON ${same!('m.landfall_old', value)}
          WHERE (${value}) IS NOT NULL AND m.landfall_old IS NULL${others} ORDER BY ${lowestFirst(move)} LIMIT ${LISTED}`,
      )
      const reason = `is not known by the identity ${identity}`
      const orphans = rows.map((row) => ({ key: row.key, column: name, value: row.value, reason }))
      if (rows.length > 0) found.push({ staged, move, count: Number(rows[0]!.all), orphans })
    }
  }
  refuseAll(found)
}

function refuseAll(found: readonly Orphans[]): void {
  const count = found.reduce((sum, one) => sum + one.count, 0)
  const [first] = found
  if (first === undefined || count === 0) return
  const moves = [...new Set(found.map(({ move }) => move.source))]
  const where = (move: MergeMove): string => (moves.length > 1 ? `${move.source} ` : '')
  const lines = found.flatMap(({ move, orphans }) =>
    orphans.map(
      ({ key, column, value, reason }) =>
        `${where(move)}${key}: ${column === null ? '' : `${column} `}${value === null ? '' : `${value} `}${reason}`,
    ),
  )
  throw new LandfallError(
    'LF209',
    `${moves.join(', ')}: ${count === 1 ? '1 row refers' : `${count} rows refer`} to parents that are unknown.`,
    {
      hint: [
        ...lines.slice(0, ORPHANS_NAMED),
        ...(count > ORPHANS_NAMED
          ? [`and ${count - ORPHANS_NAMED} more (${listed(lines.length, count)})`]
          : []),
        'The target’s tables are as they were.',
        ...remedies(found),
      ].join('\n'),
      ...(moves.length === 1 ? { place: { table: first.move.source } } : {}),
      details: {
        rows: found.flatMap(({ move, orphans }) => orphans.map((one) => ({ move: move.source, ...one }))),
        count,
      },
    },
  )
}

const listed = (lines: number, count: number): string =>
  lines === count ? '--json lists them' : `--json lists ${lines} in all`

/** What can be done about the columns whose values find no parent. */
function remedies(found: readonly Orphans[]): string[] {
  const identities = new Map<string, KnownMap | undefined>()
  let others = false
  for (const { staged, move, orphans } of found)
    for (const name of new Set(orphans.map(({ column }) => column))) {
      const identity = move.mapping.columns.find((one) => one.name === name)?.identity
      if (identity == null) others = true
      else identities.set(identity, staged.maps.get(identity))
    }
  const out = [
    ...[...identities].flatMap(([name, map]) =>
      map?.unknownFails ? [`identities.${name}.unmatched: 'skip'`] : [],
    ),
    ...new Set(found.map(({ move }) => `moves.${move.target.name}.ifParentMissing: 'set-aside'`)),
  ]
  return [
    ...[...identities.values()].flatMap((map) => map?.remedies ?? []),
    ...(others ? ['Add the parents that are missing to the target,'] : []),
    `or leave such rows out: ${out.join(' and ')}.`,
  ]
}

/** SQL of the value that finds no parent, where it is one. */
function parentValue({ move, reasons }: Split, failing: readonly number[]): string {
  const cases = failing.flatMap((at) => {
    const column = move.mapping.columns.find(({ name }) => name === reasons[at]!.column)
    return column === undefined
      ? []
      : [`WHEN ${at} THEN pg_catalog.left(${overStage(column.value)}::pg_catalog.text, 60)`]
  })
  return cases.length === 0 ? 'NULL' : `CASE w.${WRONG} ${cases.join(' ')} END`
}

/** LF204 with the rows that do not fit, unless the config tells to set them aside; of orphans it does so apart. */
export async function refuseMisfits(staged: Staged, shaped: Split): Promise<void> {
  const { move, relation, reasons } = shaped
  const own = reasons.flatMap(({ parent }, at) => (parent ? [] : [at]))
  if (own.length === 0) return
  await refuseUnstorable(staged, {
    into: move.target,
    rows: `SELECT ${stagedKey(move)} AS key, r."column", r.reason, w.${STAGE_ROW} AS ord
      FROM ${relation} AS w JOIN ${staged.stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW} ${reasonsAs('r', reasons)} ON r.at = w.${WRONG}
      WHERE w.${WRONG} IN (${own.join(', ')})`,
  })
}

/** LF203 with the keys that are there, where the config calls that a failure. */
export async function refuseThere({ session, stage }: Staged, shaped: Split): Promise<void> {
  const { move, relation } = shaped
  if (move.mapping.ifThere !== 'fail') return
  const { rows } = await session.query<{ key: string; all: string }>(
    `SELECT ${stagedKey(move)} AS key, pg_catalog.count(*) OVER () AS all
      FROM ${relation} AS w JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW}
      WHERE w.${THERE} ORDER BY w.${STAGE_ROW} LIMIT ${LISTED}`,
  )
  if (rows.length === 0) return
  const count = Number(rows[0]!.all)
  throw new LandfallError(
    'LF203',
    `${move.source}: ${count === 1 ? 'the key of 1 row is' : `the keys of ${count} rows are`} in ${shaped.target} already.`,
    {
      hint: [
        ...rows.slice(0, NAMED).map(({ key }) => key),
        ...(count > NAMED ? [`and ${count - NAMED} more (--json lists them)`] : []),
        `Nothing was written. moves.${move.target.name}.ifThere: 'update' makes them equal, 'keep' leaves them as they are.`,
      ].join('\n'),
      place: { table: move.source },
      details: { rows: rows.map(({ key }) => ({ key })), count },
    },
  )
}

/**
 * LF204 where several rows of the target have the key of a staged one: nobody can tell which is meant. Where
 * rows that are there stay as they are, nobody needs to.
 */
export async function refuseAmbiguous(session: Session, shaped: Split): Promise<void> {
  const { move, target, key, typed } = shaped
  if (move.mapping.ifThere === 'keep') return
  const names = key.map(({ name }) => `t.${ident(name)}`)
  const { rows } = await session.query<{ key: string; rows: string; all: string }>(
    `SELECT ${named(key.map(({ name }) => [name, `t.${ident(name)}`]))} AS key, pg_catalog.count(*) AS rows, pg_catalog.count(*) OVER () AS all
      FROM ${target} AS t WHERE EXISTS (SELECT FROM (${typed}) AS w WHERE ${sameKey(key, 'w', 't')}) GROUP BY ${names.join(', ')} HAVING pg_catalog.count(*) > 1 ORDER BY 1 LIMIT ${LISTED}`,
  )
  if (rows.length === 0) return
  throw new LandfallError(
    'LF204',
    `${move.source}: in ${target} ${rows[0]!.all} keys (${key.map(({ name }) => ident(name)).join(', ')}) have several rows each, so that nobody can tell which row is meant.`,
    {
      hint: [
        ...rows.slice(0, NAMED).map((row) => `${row.key}: ${row.rows} rows`),
        `Nothing was written. Remove the duplicates, or choose a key that is unique: moves.${move.target.name}.key.`,
      ].join('\n'),
      place: { table: move.source },
      details: {
        rows: rows.map((row) => ({ key: row.key, rows: Number(row.rows) })),
        count: Number(rows[0]!.all),
      },
    },
  )
}
