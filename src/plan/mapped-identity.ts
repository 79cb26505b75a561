import type { Column } from '../catalog/model.ts'
import type { AlsoCreateChoice, CreateChoice, IdentityChoice } from '../config/choices.ts'
import { literal } from '../connection/quote.ts'
import { fillTable, unfilledBlockers } from './mapped-fill.ts'
import { identityMap } from './mapped-identity-map.ts'
import type { FoundIdentity } from './mapped-keys.ts'
import { matchRule } from './mapped-match.ts'
import { carriedNotes, moveOf } from './mapped-merge.ts'
import { block, type Mapping, type Path } from './mapped-model.ts'
import { isUniqueBy, rulesOf } from './mapped-rules.ts'
import { type Expressions, expressionsOf, Stage } from './mapped-stage.ts'
import { targetTable, triggerNotes } from './mapped-tables.ts'
import type { AlsoCreate, Unmatched } from './mapping.ts'
import type { Move } from './model.ts'

/** The identity as a move of its own: its rows are staged, and get their new keys before others need them. */
export async function identityMove(mapping: Mapping, found: FoundIdentity): Promise<Move> {
  const { said, path, origin, into } = found
  const { table } = into
  const expressions = allExpressions(said, path)
  const stage = await Stage.of(mapping, origin, expressions)
  stage.column(said.key, [...path, 'key'])
  const toKey = table.columns.find(({ name }) => name === said.toKey)!
  const match = []
  for (const [at, rule] of said.match.entries())
    match.push(await matchRule(mapping, found, stage, rule, [...path, 'match', at]))
  const take = await fillTable({ mapping, stage, into, path: [...path, 'matched', 'take'] }, said.take, {
    onlySaid: true,
  })
  const given =
    typeof said.unmatched === 'object' &&
    said.unmatched.columns.some(({ name, leaveOut }) => name === toKey.name && !leaveOut)
  const next = given ? null : nextKey(toKey)
  const created =
    typeof said.unmatched === 'object'
      ? await create(mapping, found, stage, said.unmatched, next)
      : { unmatched: { kind: said.unmatched }, untouched: [] }
  const staged = stage.columns.find(({ target }) => target === said.key)!
  const unused = stage.unused([...expressions.source, ...expressions.target].map(({ sql }) => sql))
  return {
    ...moveOf(origin, table, stage),
    mapping: {
      kind: 'identity',
      name: said.name,
      key: { column: said.key, type: staged.type },
      toKey: { column: toKey.name, type: toKey.declared, next },
      match: match.filter((rule) => rule !== null),
      severalOld: said.severalOld,
      severalNew: said.severalNew,
      take: take.columns,
      takeRules: rulesOf(table, [toKey.name, ...take.columns.map(({ name }) => name)]),
      unmatched: created.unmatched,
      map: await identityMap(mapping, found),
    },
    chunkRows: mapping.settings.batchSize,
    notes: [
      // What is only matched carries nothing, and need not say so.
      ...(created.unmatched.kind === 'create' ? carriedNotes(unused, created.untouched) : []),
      ...(created.unmatched.kind === 'create' && said.keptIn.kind === 'landfall' && said.keptIn.drop
        ? [
            'the map is not kept: what is created must be found by the match rules afterwards, or nothing is written',
          ]
        : []),
      ...(isUniqueBy(table, [toKey.name]) ? [] : [`no unique index of ${table.name} covers ${toKey.name}`]),
      ...(take.columns.length > 0 || created.unmatched.kind === 'create' ? triggerNotes(mapping, table) : []),
    ],
  }
}

function allExpressions({ take, unmatched }: IdentityChoice, path: Path): Expressions {
  const created = typeof unmatched === 'object' ? unmatched : { columns: [], alsoCreate: [] }
  const parts = [
    expressionsOf(take, [...path, 'matched', 'take']),
    expressionsOf(created.columns, [...path, 'unmatched', 'create']),
    ...created.alsoCreate.map(({ table, columns, where }) => {
      const at = [...path, 'unmatched', 'alsoCreate', table]
      const found = expressionsOf(columns, [...at, 'columns'])
      return where === null
        ? found
        : { ...found, target: [...found.target, { sql: where, path: [...at, 'where'] }] }
    }),
  ]
  return {
    source: parts.flatMap((part) => part.source),
    target: parts.flatMap((part) => part.target),
    types: parts.flatMap((part) => part.types),
  }
}

/** SQL that yields a new key; null where the target has none, so that the config must. */
function nextKey({ identity, sequence, default: text }: Column): string | null {
  if (identity !== null && sequence !== null)
    return `pg_catalog.nextval(${literal(sequence)}::pg_catalog.regclass)`
  // A constant is no new key.
  return text?.includes('(') ? text : null
}

async function create(
  mapping: Mapping,
  found: FoundIdentity,
  stage: Stage,
  said: CreateChoice,
  next: string | null,
): Promise<{ readonly unmatched: Unmatched; readonly untouched: readonly string[] }> {
  const { into, path } = found
  const key = found.said.toKey
  const at = [...path, 'unmatched', 'create']
  const filled = await fillTable({ mapping, stage, into, path: at }, said.columns, {
    leave: next === null ? [] : [key],
  })
  const names = filled.columns.map(({ name }) => name)
  const known = new Set([...names, ...filled.undecided])
  unfilledBlockers(mapping, into.table, new Set([...known, key]), at)
  if (next === null && !known.has(key))
    block(mapping, into.table, key, `nothing gives ${into.table.name}.${key} of what is created`, [
      `${at.join('.')}.${key}: '…'   name the source column that holds it`,
    ])
  const alsoCreate: AlsoCreate[] = []
  for (const one of said.alsoCreate) {
    const also = await createAlso(mapping, found.said, stage, one, [
      ...path,
      'unmatched',
      'alsoCreate',
      one.table,
    ])
    if (also !== null) alsoCreate.push(also)
  }
  return {
    unmatched: {
      kind: 'create',
      columns: filled.columns,
      rules: rulesOf(into.table, next === null ? names : [...names, key]),
      alsoCreate,
    },
    untouched: filled.untouched.filter((name) => name !== key),
  }
}

async function createAlso(
  mapping: Mapping,
  identity: IdentityChoice,
  stage: Stage,
  said: AlsoCreateChoice,
  path: Path,
): Promise<AlsoCreate | null> {
  const into = await targetTable(mapping, said.table, path)
  if (into === null) return null
  const at = [...path, 'columns']
  const own = { identity: identity.name, key: identity.key }
  const filled = await fillTable({ mapping, stage, into, path: at, own }, said.columns, { onlySaid: true })
  const names = filled.columns.map(({ name }) => name)
  unfilledBlockers(mapping, into.table, new Set([...names, ...filled.undecided]), at)
  return {
    schema: into.table.schema,
    table: into.table.name,
    where: said.where === null ? null : stage.inTarget(said.where).sql,
    columns: filled.columns,
    rules: rulesOf(into.table, names),
  }
}
