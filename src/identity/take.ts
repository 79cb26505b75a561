import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { ColumnFacts } from '../merge/facts.ts'
import { columnFacts, factsOf } from '../merge/facts.ts'
import { mergeOf } from '../merge/key.ts'
import { writeFitting } from '../merge/merge.ts'
import { CHANGED, type RejectsOf, STAGE_ROW, type Staged, WRONG } from '../merge/model.ts'
import { applyRules } from '../merge/rules.ts'
import { shape } from '../merge/shape.ts'
import { type Split, split } from '../merge/split.ts'
import type { MappedColumn } from '../plan/mapping.ts'
import type { Move } from '../plan/model.ts'
import { madeByUs } from './created.ts'
import { inOrder, of } from './equal.ts'
import { type Resolving, temporary } from './people.ts'
import { refuse } from './refuse.ts'
import { bare, PEOPLE, SAID, TAKEN, TAKES, TAKING } from './tables.ts'
import { refuseTriggered } from './triggered.ts'

/**
 * What the source has to say about the rows that it means. Of several staged rows that mean one row
 * the lowest old key that has a value speaks, column by column.
 */
export async function whatIsSaid(on: Resolving): Promise<readonly ColumnFacts[]> {
  const { session, staged, identity } = on
  const { schema, name } = staged.move.target
  const shaped = await shape(session, {
    name: bare(TAKEN),
    stage: staged.stage,
    into: { schema, name },
    columns: identity.take.map((column) => ({ ...column, notNull: false })),
    maps: staged.maps,
    where: `${ident(STAGE_ROW)} IN (SELECT nr FROM ${PEOPLE} WHERE new IS NOT NULL)`,
  })
  await refuse(on, shaped)
  const old = inOrder('p.old', on.oldType)
  const made = await madeByUs(on)
  const values = identity.take.map((column, at) => {
    const own = of('s', column.name)
    // What is created is what the config says of it, not what it says of rows that are there.
    const value = made !== null && isMadeOtherwise(on, column) ? `CASE WHEN NOT ${made} THEN ${own} END` : own
    return `pg_catalog.first_value(${value}) OVER (PARTITION BY p.new ORDER BY ${value} IS NULL, ${old}) AS v${at}`
  })
  await temporary(
    session,
    SAID,
    `SELECT * FROM (
      SELECT p.new, pg_catalog.first_value(p.nr) OVER w AS nr, pg_catalog.row_number() OVER w AS nth, ${values.join(', ')}
        FROM ${PEOPLE} p JOIN ${shaped.relation} s ON s.${STAGE_ROW} = p.nr
        WHERE p.new IS NOT NULL AND s.${WRONG} IS NULL WINDOW w AS (PARTITION BY p.new ORDER BY ${old})
      ) f WHERE nth = 1`,
  )
  return factsOf(
    await columnFacts(session, on.target),
    identity.take.map((column) => column.name),
    staged.move.target,
  )
}

/** SQL that is true where the value is there and the target, `t`, has another. Equal is what looks equal. */
export function differs(facts: ColumnFacts, value: string): string {
  const own = of('t', facts.name)
  return facts.loose
    ? `${value} IS NOT NULL AND ${own}::pg_catalog.text IS DISTINCT FROM ${value}::pg_catalog.text`
    : `${value} IS NOT NULL AND ${own} IS DISTINCT FROM ${value}`
}

function isMadeOtherwise({ identity: { unmatched } }: Resolving, column: MappedColumn): boolean {
  if (unmatched.kind !== 'create') return false
  const created = unmatched.columns.find(({ name }) => name === column.name)
  return created !== undefined && (created.unique || created.value !== column.value)
}

/** Rows of the target that take over what the source says and they do not have, as a merge. Null: there are none. */
async function taking(
  on: Resolving,
  facts: readonly ColumnFacts[],
): Promise<{ readonly staged: Staged; readonly shaped: Split } | null> {
  const { session, identity, target } = on
  const key = of('t', identity.toKey.column)
  const values = facts.map((one, at) => `coalesce(f.v${at}, ${of('t', one.name)}) AS v${at}`)
  const rows = await temporary(
    session,
    TAKING,
    `SELECT f.nr AS ${STAGE_ROW}, p.old AS landfall_old, ${key} AS landfall_key, ${values.join(', ')}
      FROM ${SAID} f JOIN ${PEOPLE} p ON p.nr = f.nr JOIN ${target} t ON ${key} = f.new
      WHERE ${facts.map((one, at) => `(${differs(one, `f.v${at}`)})`).join(' OR ')}`,
  )
  if (rows === 0) return null
  const staged = { ...on.staged, stage: TAKING, move: asMerge(on) }
  return { staged, shaped: await split(staged, mergeOf(staged), bare(TAKES)) }
}

/** The values have the target's types already, and those that the source lacks are the target's own. */
function asMerge({ staged: { move }, identity: { key, toKey, take, takeRules } }: Resolving): Move {
  const plain = { notNull: false, maxLength: null, identity: null, orElse: null, unique: false }
  const name = move.columns.find(({ target }) => target === key.column)
  const old = name === undefined ? [] : [{ ...name, target: 'landfall_old', read: [ident(name.source)] }]
  return {
    ...move,
    columns: old,
    sourceKey: old.map(({ source }) => source),
    mapping: {
      kind: 'merge',
      key: [toKey.column],
      columns: [
        { ...plain, name: toKey.column, type: toKey.type, value: 'landfall_key' },
        ...take.map(({ name, type }, at) => ({ ...plain, name, type, value: `v${at}` })),
      ],
      ifThere: 'update',
      ifParentMissing: 'set-aside',
      rules: takeRules ?? { uniques: [], parents: [], checks: [] },
    },
  }
}

/**
 * Rows of the target take over what the source says and they do not. Rows that were created are asked too:
 * of several that were joined another may have a value, and a second run would find it. A row that the
 * target would not take is set aside, and keeps its new key.
 */
export async function take(on: Resolving, rejects: RejectsOf): Promise<void> {
  if (on.identity.take.length === 0) return
  const facts = await whatIsSaid(on)
  const found = await taking(on, facts)
  if (found === null) return
  const { shaped } = found
  const { updated, counts } = await writeFitting(found.staged, shaped, rejects)
  if (updated !== counts.changed)
    throw new LandfallError(
      'LF304',
      `${on.staged.move.source}: ${on.target} took ${updated} changed rows instead of ${counts.changed}.`,
      {
        hint: 'A trigger or rule of the table keeps rows from being written. Nothing was written.',
        place: { table: on.staged.move.source },
      },
    )
  await refuse(on, shaped)
  await on.session.query(
    `UPDATE ${PEOPLE} p SET updated = true FROM ${shaped.relation} c
      WHERE c.${STAGE_ROW} = p.nr AND c.${WRONG} IS NULL AND c.${CHANGED}`,
  )
  await refuseTriggered(on, {
    joins: `JOIN ${SAID} f ON f.nr = p.nr JOIN ${on.target} t ON t.${ident(on.identity.toKey.column)} = f.new`,
    where: 'p.updated',
    columns: facts.map((one, at) => ({ name: one.name, differs: differs(one, `f.v${at}`) })),
    path: `identities.${on.identity.name}.matched.take`,
  })
}

/** What is said, once what `take` would set aside is marked; nothing is written. */
export async function judgeTaken(on: Resolving): Promise<readonly ColumnFacts[]> {
  const facts = await whatIsSaid(on)
  const found = await taking(on, facts)
  if (found === null) return facts
  await applyRules(found.staged, found.shaped, false)
  await refuse(on, found.shaped)
  return facts
}
