import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { RowDifference } from '../contract/verify.ts'
import { LandfallError } from '../errors.ts'
import { compareIdentity } from '../identity/resolve.ts'
import { compareMerge } from '../merge/compare.ts'
import type { KnownMap } from '../merge/model.ts'
import { stageFilled, stageFromSelect, stageStatements } from '../merge/stage.ts'
import type { Move, Plan } from '../plan/model.ts'

const NAMED = 20

/**
 * Moves within one database read what they have written themselves when they are run again. Here they are
 * read once more, all of them as the whole plan has left the rows, in the transaction that has applied them:
 * where another run would write anything, none of it is committed. Only so can a run be repeated, and be
 * verified at all.
 *
 * Errors: LF204 with the rows and columns.
 */
export async function requireRepeatable(
  session: Session,
  plan: Plan,
  maps: ReadonlyMap<string, KnownMap>,
): Promise<void> {
  for (const [at, move] of plan.moves.entries()) {
    const stage = ident(`landfall_again_${at + 1}`)
    for (const sql of stageStatements(stage, move, 'temp')) await session.query(sql)
    await session.query(stageFromSelect(stage, move))
    await session.query(stageFilled(stage))
    const staged = { session, move, stage, maps }
    const { missing, changed, differences } =
      move.mapping?.kind === 'identity'
        ? await compareIdentity(staged, NAMED)
        : await compareMerge(staged, NAMED)
    if (missing + changed > 0) throw notRepeatable(move, { missing, changed }, differences)
    await session.query(`DROP TABLE ${stage}`)
  }
}

function notRepeatable(
  move: Move,
  { missing, changed }: { readonly missing: number; readonly changed: number },
  differences: readonly RowDifference[],
): LandfallError {
  const count = missing + changed
  const rows = differences.map(({ key, columns }) => ({ key, columns: columns.map(({ column }) => column) }))
  const does = missing === 0 ? 'changed' : changed === 0 ? 'added' : 'added or changed'
  const isIdentity = move.mapping?.kind === 'identity'
  const where = isIdentity ? `identities.${move.mapping.name}` : `moves.${move.target.name}`
  const choices = isIdentity
    ? [`${where}.from: sql\`SELECT … WHERE …\`   leave out what is done`]
    : [
        `${where}.columns: make the value of columns that no move writes, so that it stays the same`,
        `${where}.filter: sql\`…\`   leave out the rows that are done`,
        ...(changed > 0 ? [`${where}.ifThere: 'keep'   only add rows`] : []),
      ]
  return new LandfallError(
    'LF204',
    `${move.source}: ${count === 1 ? '1 row' : `${count} rows`} would be ${does} again by another run, which reads what this one writes`,
    {
      hint: [
        ...rows.map(({ key, columns }) => (columns.length === 0 ? key : `${key}: ${columns.join(', ')}`)),
        ...(count > rows.length ? [`and ${count - rows.length} more`] : []),
        'The tables are as they were.',
        ...choices,
      ].join('\n'),
      place: { table: move.source },
      details: { rows, count, missing, changed },
    },
  )
}
