import { ident, literal } from '../connection/quote.ts'
import type { ColumnDifference, RowDifference } from '../contract/verify.ts'
import { countShaped } from './count.ts'
import type { ColumnFacts } from './facts.ts'
import { MEMORY } from './facts.ts'
import { keyIsUnique, mergeOf, sameKey, stagedKey } from './key.ts'
import { type ComparedMove, STAGE_ROW, type Staged, THERE, WRITES } from './model.ts'
import { refuseAmbiguous } from './refuse.ts'
import { markKnownRefused } from './refused.ts'
import { applyRules } from './rules.ts'
import { differences, type Split, split } from './split.ts'

/** Characters of a value that are shown. */
const SHOWN = 60

/**
 * Which staged rows should be in the target and are not, or have other values there: what `applyMerge` would
 * do, without doing it. Of a move that leaves rows which are there as they are (`keep`) only whether they
 * are there is looked at; `note` says so. Only temporary tables are written, and nothing is locked.
 *
 * @param most so many differences are listed.
 * Errors: LF204 the key is not unique in the target.
 */
export async function compareMerge(staged: Staged, most: number, showValues = false): Promise<ComparedMove> {
  const { session } = staged
  const move = mergeOf(staged)
  await session.query(`${MEMORY}; ANALYZE ${staged.stage}`)
  const shaped = await split(staged, move, 'landfall_compared')
  if (!keyIsUnique(move)) await refuseAmbiguous(session, shaped)
  await markKnownRefused(staged, shaped)
  await applyRules(staged, shaped, false)
  const { wrong, added, changed } = await countShaped(session, shaped)
  const rows = added + changed === 0 ? [] : await listed(staged, shaped, most, showValues)
  await session.query(`DROP TABLE ${shaped.relation}`)
  return {
    expected: shaped.staged - wrong,
    setAside: wrong,
    missing: added,
    changed,
    differences: rows,
    ...notCompared(move),
  }
}

function notCompared({ source, mapping }: Split['move']): Pick<ComparedMove, 'note'> {
  if (mapping.ifThere === 'keep')
    return { note: `${source}: rows that are there are left as they are, so their values were not compared` }
  const left = mapping.setByTriggers ?? []
  if (left.length === 0) return {}
  return { note: `${source}: what triggers set was not compared: ${left.join(', ')}` }
}

async function listed(
  { session, stage }: Staged,
  shaped: Split,
  most: number,
  showValues: boolean,
): Promise<RowDifference[]> {
  const { relation, target, key, compared, facts, move } = shaped
  const columns = (some: readonly ColumnFacts[], differs: (fact: ColumnFacts) => string): string => {
    if (some.length === 0) return 'NULL'
    const rows = some.map((fact) => {
      const { name } = fact
      const text = (alias: string): string =>
        showValues
          ? `CASE WHEN pg_catalog.char_length(${alias}.${ident(name)}::pg_catalog.text) > ${SHOWN}
              THEN pg_catalog.left(${alias}.${ident(name)}::pg_catalog.text, ${SHOWN}) || '…' ELSE ${alias}.${ident(name)}::pg_catalog.text END`
          : 'NULL::pg_catalog.text'
      return `(${literal(name)}, ${differs(fact)}, ${text('w')}, ${text('t')})`
    })
    return `(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(v.name, v.source, v.target))
      FROM (VALUES ${rows.join(', ')}) AS v (name, differs, source, target) WHERE v.differs)`
  }
  const { rows } = await session.query<{ key: string; there: boolean; columns: string | null }>(
    `SELECT ${stagedKey(move)} AS key, w.${THERE} AS there, CASE WHEN w.${THERE}
        THEN ${columns(compared, (fact) => differences([fact], 'w', 't'))}
        ELSE ${showValues ? columns(facts, () => 'true') : 'NULL'} END AS columns
      FROM (SELECT * FROM ${relation} WHERE ${WRITES} ORDER BY ${STAGE_ROW} LIMIT ${most}) AS w
      JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW} LEFT JOIN ${target} AS t ON ${sameKey(key, 'w', 't')}
      ORDER BY w.${STAGE_ROW}`,
  )
  return rows.map((row) => ({
    table: move.source,
    kind: row.there ? 'changed' : 'missing',
    key: row.key,
    columns: ((JSON.parse(row.columns ?? 'null') ?? []) as [string, string | null, string | null][]).map(
      ([column, source, found]): ColumnDifference =>
        showValues ? { column, source, ...(row.there ? { target: found } : {}) } : { column },
    ),
  }))
}
