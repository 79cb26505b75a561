import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import { reasonOf } from '../merge/reasons.ts'
import { shape } from '../merge/shape.ts'
import { BY_ITSELF } from '../merge/values.ts'
import type { MappedColumn, Unmatched } from '../plan/mapping.ts'
import { inOrder } from './equal.ts'
import { judgeNewRows } from './new-rows.ts'
import { keyText, type Resolving } from './people.ts'
import { refuse } from './refuse.ts'
import { moveSequences } from './sequence.ts'
import { bare, CREATED, NUMBERED, PEOPLE } from './tables.ts'
import { refuseTriggered } from './triggered.ts'
import { uniqueTexts } from './unique-texts.ts'

export type Create = Extract<Unmatched, { kind: 'create' }>

/** SELECT of rows in the order of their old keys. */
export const inOldOrder = (on: Resolving): string =>
  `SELECT p.nr, pg_catalog.row_number() OVER (ORDER BY ${inOrder('p.old', on.oldType)}) AS ord FROM ${PEOPLE} p`

/**
 * Makes the rows that are to be created, and sets aside what the target would refuse, with all that
 * means the same. Nothing is written yet.
 */
export async function prepareRows(on: Resolving, create: Create): Promise<Shaped> {
  const { session, staged } = on
  const { schema, name } = staged.move.target
  const into = { schema, name }
  const shaped = await shape(session, {
    name: bare(CREATED),
    stage: staged.stage,
    into,
    columns: withKey(on, create.columns).map(shapedColumn),
    maps: staged.maps,
    checks: create.rules.checks,
    where: `${STAGE_ROW} IN (SELECT nr FROM ${PEOPLE} WHERE way IS NULL AND first IS NULL)`,
  })
  for (const column of create.columns.filter(({ unique }) => unique))
    await chooseTexts(on, shaped, column, create)
  await judgeNewRows({ session, shaped, into, order: inOldOrder(on) }, create.rules)
  await refuse(on, shaped)
  await session.query(
    `UPDATE ${PEOPLE} p SET way = 'set aside', reason = 'means the same row as ' || ${keyText(on, 'q')} || ', which was set aside'
      FROM ${PEOPLE} q WHERE q.nr = p.first AND q.way = 'set aside' AND p.way IS NULL`,
  )
  return shaped
}

/** A key that only comes when all else is decided; rules that speak of it see that it is none that is there. */
function withKey(
  { identity: { toKey } }: Resolving,
  columns: readonly MappedColumn[],
): readonly MappedColumn[] {
  if (columns.some(({ name }) => name === toKey.column)) return columns
  const { column: name, type } = toKey
  const none = { notNull: false, maxLength: null, value: 'NULL', identity: null, orElse: null, unique: false }
  return [...columns, { name, type, ...none }]
}

/** An empty text cannot be numbered; a long one is cut before it is looked whether it is taken. */
function shapedColumn(column: MappedColumn): MappedColumn {
  if (!column.unique) return column
  const text = `nullif((${column.value})::pg_catalog.text, '')`
  return {
    ...column,
    value: column.maxLength === null ? text : `pg_catalog.left(${text}, ${column.maxLength})`,
  }
}

async function chooseTexts(
  on: Resolving,
  shaped: Shaped,
  column: MappedColumn,
  create: Create,
): Promise<void> {
  const { session } = on
  const { relation } = shaped
  const name = ident(column.name)
  const numbered = await uniqueTexts(on, shaped, column, create.rules)
  if (numbered === 0) return
  const {
    rows: [found],
  } = await session.query<{ rows: string; examples: string[] | null }>(
    `SELECT (pg_catalog.max(total))::text AS rows, pg_catalog.array_agg(k || ': ' || text ORDER BY ord) AS examples
      FROM (SELECT ${keyText(on)} AS k, pg_catalog.to_json(s.${name}::pg_catalog.text)::pg_catalog.text AS text, o.ord,
          pg_catalog.count(*) OVER () AS total FROM ${NUMBERED} n JOIN ${relation} s ON s.${STAGE_ROW} = n.nr
          JOIN ${PEOPLE} p ON p.nr = n.nr JOIN (${inOldOrder(on)}) o ON o.nr = n.nr
        WHERE s.${WRONG} IS NULL ORDER BY o.ord LIMIT 5) e`,
  )
  const rows = Number(found!.rows ?? 0)
  if (rows > 0)
    on.notes.push(
      `${rows === 1 ? `1 ${column.name} was taken and has` : `${rows} of ${column.name} were taken and have`} a number behind (${found!.examples!.join(', ')}${rows > 5 ? ' …' : ''})`,
    )
  // What stands behind a text may be what a rule forbids.
  for (const { expression } of create.rules.checks) {
    const reason = reasonOf(shaped, { column: null, text: `breaks CHECK (${expression})`, ...BY_ITSELF })
    await session.query(
      `UPDATE ${relation} SET ${WRONG} = ${reason} WHERE ${WRONG} IS NULL AND (${expression}) IS FALSE`,
    )
  }
}

/** Gives the prepared rows their new keys, in the order of their old ones, and writes them. */
export async function writeRows(on: Resolving, create: Create, { relation }: Shaped): Promise<void> {
  const { session, identity, target, staged } = on
  const { toKey } = identity
  const key = ident(toKey.column)
  const given = create.columns.some(({ name }) => name === toKey.column)
  await moveSequences(session, staged.move.target)
  const fresh = `SELECT p.nr${given ? `, s.${key} AS new` : ''} FROM ${PEOPLE} p JOIN ${relation} s ON s.${STAGE_ROW} = p.nr
      WHERE p.way IS NULL AND p.first IS NULL AND s.${WRONG} IS NULL ORDER BY ${inOrder('p.old', on.oldType)}`
  await session.query(
    `UPDATE ${PEOPLE} p SET way = 'created', new = f.new
      FROM (SELECT nr, ${given ? 'new' : `${toKey.next ?? 'NULL'} AS new`} FROM (${fresh}) o) f WHERE f.nr = p.nr`,
  )
  const names = create.columns.map(({ name }) => ident(name)).filter((name) => name !== key)
  const { rowCount } = await session.query(
    `INSERT INTO ${target} (${[key, ...names].join(', ')}) OVERRIDING SYSTEM VALUE
      SELECT ${['p.new', ...names.map((name) => `s.${name}`)].join(', ')}
      FROM ${PEOPLE} p JOIN ${relation} s ON s.${STAGE_ROW} = p.nr WHERE p.way = 'created'
      ORDER BY ${inOrder('p.old', on.oldType)}`,
  )
  await requireCreated(on, rowCount)
  await refuseTriggered(on, {
    joins: `JOIN ${relation} s ON s.${STAGE_ROW} = p.nr JOIN ${target} t ON t.${key} = p.new`,
    where: `p.way = 'created'`,
    columns: create.columns
      .filter(({ name }) => name !== toKey.column)
      .map(({ name }) => ({
        name,
        differs: `pg_catalog.record_image_ne(ROW(s.${ident(name)}), ROW(t.${ident(name)}))`,
      })),
    path: `identities.${identity.name}.unmatched.create`,
  })
  await session.query(
    `UPDATE ${PEOPLE} p SET way = 'joined', new = q.new FROM ${PEOPLE} q
      WHERE q.nr = p.first AND q.way = 'created' AND p.way IS NULL`,
  )
  await moveSequences(session, staged.move.target)
}

/** LF304 where the table took other rows than it was given: the map would name rows that are not there. */
async function requireCreated(on: Resolving, inserted: number): Promise<void> {
  const { session, identity, target, staged } = on
  const {
    rows: [found],
  } = await session.query<{ given: string; there: string; lost: string[] | null }>(
    `SELECT pg_catalog.count(*) AS given, pg_catalog.count(*) FILTER (WHERE there) AS there,
      (pg_catalog.array_agg(k ORDER BY nr) FILTER (WHERE NOT there AND nth <= 20))::pg_catalog.text[] AS lost
      FROM (SELECT p.nr, ${keyText(on)} AS k, e.there, pg_catalog.row_number() OVER (PARTITION BY e.there ORDER BY p.nr) AS nth
        FROM ${PEOPLE} p CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM ${target} t
          WHERE t.${ident(identity.toKey.column)} = p.new) AS there) e WHERE p.way = 'created') c`,
  )
  const [given, there] = [Number(found!.given), Number(found!.there)]
  if (given === there && given === inserted) return
  throw new LandfallError(
    'LF304',
    `${staged.move.source}: ${target} took ${inserted} of ${given} new rows, and has ${there} of the keys that they were given.`,
    {
      hint: [
        ...(found!.lost ?? []),
        'A trigger or rule of the table keeps rows from being written, or gives them other keys. Nothing was written.',
      ].join('\n'),
      place: { table: staged.move.source },
    },
  )
}
