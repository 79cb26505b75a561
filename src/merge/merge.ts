import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { sequenceStatement } from '../schema/sequences.ts'
import { countShaped } from './count.ts'
import { MEMORY } from './facts.ts'
import { keyIsUnique, mergeOf, sameKey } from './key.ts'
import { lockTables } from './lock.ts'
import { type AppliedMove, CHANGED, type RejectsOf, STAGE_ROW, type Staged, THERE, WRONG } from './model.ts'
import { refuseAmbiguous, refuseMisfits, refuseOrphans, refuseThere } from './refuse.ts'
import { applyRules } from './rules.ts'
import { setAside } from './set-aside.ts'
import { type Split, split } from './split.ts'
import { WAVES } from './waits.ts'

/**
 * Makes staged rows rows of the target's table: those that are new are inserted, those that have other values
 * updated, and no other row is touched; rows that the target would refuse are found beforehand and set
 * aside. The table is locked against other writers until the transaction ends, so that nothing comes between
 * looking and writing; who merges into several tables locks all of them beforehand.
 *
 * The transaction must be READ COMMITTED: what others wrote before the lock was ours must be seen.
 * Errors: LF203 keys are there that must not be, LF204 the key is not unique in the target, or rows
 * do not fit and are not to be set aside, LF209 parents are
 * unknown, LF304 the target refused something that was not foreseen, or others would not let go of the table.
 */
export async function applyMerge(staged: Staged, rejects: RejectsOf): Promise<AppliedMove> {
  const { session } = staged
  const move = mergeOf(staged)
  await session.query(`${MEMORY}; ANALYZE ${staged.stage}`)
  await lockTables(session, [qualified(move.target.schema, move.target.name)])
  const shaped = await split(staged, move, 'landfall_shaped')
  if (!keyIsUnique(move)) await refuseAmbiguous(session, shaped)
  await refuseThere(staged, shaped)
  const waits = await applyRules(staged, shaped, true)
  await refuseOrphans(staged, shaped)
  await refuseMisfits(staged, shaped)
  const counts = await countShaped(session, shaped)
  const aside = counts.wrong === 0 ? 0 : await setAside(staged, shaped, rejects)
  const updated = counts.changed === 0 ? 0 : await update(session, shaped, waits)
  const created = counts.added === 0 ? 0 : await insert(session, shaped)
  if (updated !== counts.changed || created !== counts.added || aside !== counts.wrong)
    throw new LandfallError(
      'LF304',
      `${move.source}: ${shaped.target} took ${created} new and ${updated} changed rows instead of ${counts.added} and ${counts.changed}.`,
      { hint: 'A trigger or rule of the table keeps rows from being written. Nothing was written.' },
    )
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
    notes: [],
  }
}

async function insert(session: Session, { relation, target, facts, key }: Split): Promise<number> {
  const names = facts.map(({ name }) => ident(name)).join(', ')
  // The key's index grows from one end to the other. Texts take longer to sort than that saves.
  const order = key.some(({ type }) => !/^(uuid|smallint|integer|bigint|date|timestamp)/.test(type))
    ? ''
    : ` ORDER BY ${key.map(({ name }) => ident(name)).join(', ')}`
  const overriding = facts.some(({ identity }) => identity) ? ' OVERRIDING SYSTEM VALUE' : ''
  const { rowCount } = await session.query(
    `INSERT INTO ${target} (${names})${overriding} SELECT ${names} FROM ${relation} WHERE ${WRONG} IS NULL AND NOT ${THERE}${order}`,
  )
  return rowCount
}

/** Rows that wait for others to give up unique values come after them. */
async function update(session: Session, shaped: Split, waits: boolean): Promise<number> {
  const { relation, target, others, key } = shaped
  const set = others.map(({ name }) => `${ident(name)} = w.${ident(name)}`).join(', ')
  const wave = async (join: string, where: string): Promise<number> => {
    const { rowCount } = await session.query(
      `UPDATE ${target} AS t SET ${set} FROM ${relation} AS w ${join}
        WHERE w.${WRONG} IS NULL AND w.${CHANGED} AND ${sameKey(key, 't', 'w')}${where}`,
    )
    return rowCount
  }
  if (!waits) return wave('', '')
  let rows = await wave('', ` AND w.${STAGE_ROW} NOT IN (SELECT v.waits FROM ${WAVES} AS v)`)
  const { rows: waves } = await session.query<{ wave: number }>(
    `SELECT DISTINCT v.wave FROM ${WAVES} AS v ORDER BY v.wave`,
  )
  for (const one of waves)
    rows += await wave(`JOIN ${WAVES} AS v ON v.waits = w.${STAGE_ROW}`, ` AND v.wave = ${one.wave}`)
  return rows
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
