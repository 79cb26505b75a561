import type { Session } from '../connection/postgres.ts'
import { literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { sequenceStatement } from '../schema/sequences.ts'
import { type Counts, countShaped } from './count.ts'
import { MEMORY } from './facts.ts'
import { keyIsUnique, mergeOf } from './key.ts'
import { lockTables } from './lock.ts'
import type { AppliedMove, RejectsOf, Staged } from './model.ts'
import { refuseAmbiguous, refuseMisfits, refuseOrphans, refuseThere } from './refuse.ts'
import { findRefused, isRefusal, markRefused, refusal } from './refused.ts'
import { applyRules } from './rules.ts'
import { setAside } from './set-aside.ts'
import { type Split, split } from './split.ts'
import { refuseTriggered } from './triggers.ts'
import { type Written, writeRows } from './write.ts'

/**
 * Makes staged rows rows of the target's table: those that are new are inserted, those that have other values
 * updated, and no other row is touched; rows that the target would refuse are found beforehand and set
 * aside. The table is locked against other writers until the transaction ends, so that nothing comes between
 * looking and writing; who merges into several tables locks all of them beforehand.
 *
 * The transaction must be READ COMMITTED: what others wrote before the lock was ours must be seen.
 * Errors: LF203 keys are there that must not be, LF204 the key is not unique in the target, or rows
 * do not fit and are not to be set aside, LF209 parents are
 * unknown, LF304 the target refused something that was not foreseen, a trigger changed what was written, or
 * others would not let go of the table.
 */
export async function applyMerge(staged: Staged, rejects: RejectsOf): Promise<AppliedMove> {
  const { session } = staged
  const move = mergeOf(staged)
  await session.query(`${MEMORY}; ANALYZE ${staged.stage}`)
  await lockTables(session, [qualified(move.target.schema, move.target.name)])
  const shaped = await split(staged, move, 'landfall_shaped')
  if (!keyIsUnique(move)) await refuseAmbiguous(session, shaped)
  await refuseThere(staged, shaped)
  const { counts, created, updated } = await writeFitting(staged, shaped, rejects)
  const aside = counts.wrong === 0 ? 0 : await setAside(staged, shaped, rejects)
  if (updated !== counts.changed || created !== counts.added || aside !== counts.wrong)
    throw new LandfallError(
      'LF304',
      `${move.source}: ${shaped.target} took ${created} new and ${updated} changed rows instead of ${counts.added} and ${counts.changed}.`,
      { hint: 'A trigger or rule of the table keeps rows from being written. Nothing was written.' },
    )
  const notes = created + updated === 0 ? [] : await refuseTriggered(staged, shaped)
  await forwardSequences(session, shaped, created)
  await session.query(`DROP TABLE ${shaped.relation}`)
  const rest = shaped.staged - created - updated - aside
  const kept = move.mapping.ifThere === 'keep'
  return {
    applied: {
      created,
      updated,
      unchanged: kept ? 0 : rest,
      skipped: kept ? rest : 0,
      setAside: aside,
    },
    notes,
  }
}

/**
 * Writes the rows that have nothing wrong with them. Should the target refuse some for a reason that could not be
 * foreseen, they are found, get their reason, and all is done again without them.
 */
export async function writeFitting(
  staged: Staged,
  shaped: Split,
  rejects: RejectsOf,
): Promise<Written & { readonly counts: Counts }> {
  const { session } = staged
  for (;;) {
    // Rules may write, too.
    await session.query('SAVEPOINT landfall_rules')
    const waits = await applyRules(staged, shaped, true)
    await refuseOrphans(staged, shaped, rejects)
    await refuseMisfits(staged, shaped)
    const counts = await countShaped(session, shaped)
    await session.query('SAVEPOINT landfall_write')
    try {
      return { counts, ...(await writeRows(session, shaped, counts, waits)) }
    } catch (error) {
      if (!isRefusal(error)) throw refusal(error, staged)
      await session.query('ROLLBACK TO SAVEPOINT landfall_write')
      const refused = await findRefused(session, shaped, counts)
      if (refused.length === 0) throw refusal(error, staged)
      await session.query('ROLLBACK TO SAVEPOINT landfall_rules')
      await markRefused(session, shaped, refused)
    }
  }
}

/** Sequences are moved behind values that came from elsewhere, and never back. */
async function forwardSequences(session: Session, shaped: Split, created: number): Promise<void> {
  if (created === 0) return
  const { schema, name } = shaped.move.target
  // The greatest text is not the greatest number.
  for (const { name: column, sequence, type } of shaped.facts)
    if (sequence !== null && /^(smallint|integer|bigint|numeric)/.test(type))
      await session.query(
        sequenceStatement(schema, name, {
          column,
          sequence: `${literal(sequence)}::pg_catalog.regclass`,
          state: `select last_value, is_called from ${sequence}`,
          floor: null,
        }),
      )
}
