import { ident } from '../connection/quote.ts'
import type { AlsoCreate, Identity, MappedColumn, Merge } from '../plan/mapping.ts'
import type { Move, MoveColumn, Plan } from '../plan/model.ts'
import { alignedTable, count, headed, many, paragraph, printable, rows, type Style } from './text.ts'

/** How many rows a move has, or about how many. */
export function rowsOf({ statistics }: Move): string {
  return `${statistics.estimated ? 'about ' : ''}${rows(statistics.rows)}`
}

/** A move whose rows become rows of a table that is there: what goes where, and what is done with whom. */
export function renderMappedMove(move: Move, plan: Plan, style: Style): string[] {
  const { mapping } = move
  if (mapping === undefined) return []
  const facts = [
    ...(move.statistics.rows > 0 ? [rowsOf(move)] : []),
    ...(mapping.kind === 'merge'
      ? [`merged by ${mapping.key.map(printable).join(', ')}`]
      : [
          `identity ${printable(mapping.name)}: ${printable(mapping.key.column)} -> ${printable(mapping.toKey.column)}`,
        ]),
    ...(plan.inPlace === true
      ? []
      : [
          move.key.kind === 'none' || move.chunkRows === null
            ? 'in one piece'
            : `chunks of ${count(move.chunkRows)}`,
        ]),
  ]
  const name = printable(
    move.source === move.target.name ? move.source : `${move.source} -> ${move.target.name}`,
  )
  const lines = [
    ...headed(paragraph(`${name}   ${facts.join(' · ')}`, style, '', '    '), name, style.colors.bold),
  ]
  lines.push(
    ...(mapping.kind === 'merge' ? mergeLines(move, mapping, style) : identityLines(move, mapping, style)),
  )
  lines.push(...move.notes.flatMap((note) => paragraph(`note: ${note}`, style, '  ', '        ')))
  return lines
}

const IF_THERE = {
  update: 'a row that is there is made equal',
  keep: 'a row that is there stays as it is',
  fail: 'a row that is there stops the run',
} as const
const IF_PARENT_MISSING = {
  'set-aside': 'a row without its parent is set aside',
  fail: 'a row without its parent stops the run',
} as const

function mergeLines(move: Move, merge: Merge, style: Style): string[] {
  const refers = merge.rules.parents.length > 0 || merge.columns.some((column) => column.identity !== null)
  const said = [IF_THERE[merge.ifThere], ...(refers ? [IF_PARENT_MISSING[merge.ifParentMissing]] : [])]
  const from = move.relation?.startsWith('(') ? [`rows of ${oneLine(move.relation)}`] : []
  return [
    ...from.flatMap((line) => paragraph(line, style, '  ', '      ')),
    ...paragraph(said.join('; '), style, '  '),
    ...columnTable(move, merge.columns, style, '  '),
  ]
}

const SEVERAL_OLD = {
  fail: 'stops the run',
  join: 'all of them mean it',
  first: 'the lowest old key has it, the others are set aside',
} as const
const SEVERAL_NEW = {
  fail: 'stops the run',
  first: 'the lowest new key is taken',
  'set-aside': 'it is set aside',
} as const

function identityLines(move: Move, identity: Identity, style: Style): string[] {
  const { unmatched, map, take } = identity
  const told = (line: string, indent = '  '): string[] => paragraph(line, style, indent, `${indent}    `)
  const kept = map.drop
    ? 'a map that is dropped afterwards'
    : `${map.schema}.${map.table} (${map.oldKey}, ${map.newKey})`
  const lines = [
    ...identity.match.flatMap((rule, at) =>
      told(`${at + 1}. ${rule.label} (${pairsText(move, rule.pairs)})`),
    ),
    ...told(`several old keys for one new: ${SEVERAL_OLD[identity.severalOld]}`),
    ...told(`several new keys for one old: ${SEVERAL_NEW[identity.severalNew]}`),
  ]
  if (take.length > 0)
    lines.push(
      ...told('a matched row takes, where the source has a value:'),
      ...columnTable(move, take, style, '    '),
    )
  if (unmatched.kind === 'fail') lines.push(...told('unmatched: stops the run where a row refers to it'))
  else if (unmatched.kind === 'skip') lines.push(...told('unmatched: left out'))
  else {
    const by = identity.toKey.next === null ? '' : `, with ${identity.toKey.column} as the target gives it`
    lines.push(...told(`unmatched: created${by}`), ...columnTable(move, unmatched.columns, style, '    '))
    for (const also of unmatched.alsoCreate) lines.push(...alsoLines(move, also, identity.name, style))
  }
  return [...lines, ...told(`keys are kept in ${kept}${map.existing ? ', which is there' : ''}`)]
}

function alsoLines(move: Move, also: AlsoCreate, own: string, style: Style): string[] {
  const where = also.where === null ? '' : ` where ${oneLine(also.where)}`
  const line = `and for each a row of ${also.table}${where}`
  return [
    ...paragraph(line, style, '    ', '        '),
    ...columnTable(move, also.columns, style, '      ', own),
  ]
}

function pairsText(move: Move, pairs: Identity['match'][number]['pairs']): string {
  return pairs.map(({ column, value }) => `${column} = ${valueText(move.columns, value)}`).join(', ')
}

function columnTable(
  move: Move,
  mapped: readonly MappedColumn[],
  style: Style,
  indent: string,
  own: string | null = null,
): string[] {
  if (mapped.length === 0) return []
  const cells = mapped.map((column) => [
    column.name,
    column.type + (column.notNull ? ' not null' : ''),
    column.identity !== null && column.identity === own ? 'the new key' : comesFrom(move.columns, column),
  ])
  const head = [{ title: 'column' }, { title: 'type' }, { title: 'comes from' }]
  return alignedTable(head, cells, style, indent)
}

/** In words: `expires_at`, `user_id, looked up in users`, `always 'email'`. */
function comesFrom(staged: readonly MoveColumn[], column: MappedColumn): string {
  return [
    valueText(staged, column.value),
    ...(column.identity === null ? [] : [`looked up in ${column.identity}`]),
    ...(column.unique ? ['with a number behind it where it is taken'] : []),
    ...(column.orElse === null ? [] : [`else ${constantText(column.orElse) ?? oneLine(column.orElse)}`]),
  ].join(', ')
}

/** What was computed by the source stands for its column in the stage. */
function valueText(staged: readonly MoveColumn[], value: string): string {
  const constant = constantText(value)
  if (constant !== null) return `always ${constant}`
  const plain = staged.find((one) => ident(one.target) === value)
  if (plain !== undefined) return plain.conversion === null ? plain.source : oneLine(plain.conversion)
  let text = value
  for (const { target, conversion } of staged)
    if (conversion !== null) text = text.replaceAll(ident(target), () => conversion)
  return oneLine(text)
}

/** Constants are texts with a type behind them. */
function constantText(sql: string): string | null {
  if (sql === 'NULL') return sql
  return /^('(?:[^']|'')*')::[^']*$/.exec(sql)?.[1] ?? null
}

const oneLine = (sql: string): string => sql.replaceAll(/\s+/g, ' ').trim()

/** How many moves there are, where not all of them are tables of their own. */
export function movesWords(plan: Plan): string {
  const mapped = plan.moves.some((move) => move.mapping !== undefined)
  return many(plan.moves.length, mapped ? 'move' : 'table')
}
