import { resolve } from 'node:path'
import type {
  BackupChoice,
  ColumnChoice,
  ConstantChoice,
  CreateChoice,
  IdentityChoice,
  KeptInChoice,
  MatchChoice,
  MoveChoices,
  TableChoice,
} from './choices.ts'
import type { ColumnConfig, Constant } from './column.ts'
import type { CreateConfig, IdentityConfig, MappedColumns, MatchConfig } from './mapping.ts'
import type { MigrationConfig, MoveConfig, MovesConfig } from './model.ts'
import { isSql, type Sql } from './sql.ts'

/** What the config says of tables, with every key filled in. */
export function resolveMoves(moves: MovesConfig | undefined): MoveChoices {
  if (moves === undefined) return { rest: true, tables: [] }
  const star = moves['*']
  const tables = Object.entries(moves).flatMap(([name, move]): TableChoice[] => {
    // An entry that is undefined is one that a condition in the config left unsaid.
    if (name === '*' || move === undefined) return []
    if (move === false) return [{ ...tableChoice(name, {}), leaveOut: true }]
    return [move].flat().map((one) => tableChoice(name, one))
  })
  return { rest: star !== undefined && star !== false, tables }
}

function tableChoice(name: string, move: MoveConfig): TableChoice {
  return {
    name,
    leaveOut: false,
    ...origin(move.from),
    key: move.key === undefined ? null : [move.key].flat(),
    filter: move.filter?.text ?? null,
    ifSourceMissing: move.ifSourceMissing ?? null,
    ifThere: move.ifThere ?? null,
    ifParentMissing: move.ifParentMissing ?? null,
    setByTriggers: move.setByTriggers === undefined ? null : [move.setByTriggers].flat(),
    columns: columnChoices(move.columns ?? {}),
  }
}

function origin(from: string | Sql<'source'> | undefined): { from: string | null; select: string | null } {
  return typeof from === 'object' ? { from: null, select: from.text } : { from: from ?? null, select: null }
}

type Said = false | string | (ColumnConfig & { readonly unique?: string | Sql })

function columnChoices(columns: Readonly<Record<string, Said | undefined>>): ColumnChoice[] {
  return Object.entries(columns).flatMap(([name, said]) =>
    said === undefined ? [] : columnChoice(name, said),
  )
}

function columnChoice(name: string, said: Said): ColumnChoice {
  const column = said === false ? {} : typeof said === 'string' ? { from: said } : said
  const { unique } = column
  const convert = typeof unique === 'object' ? unique : column.convert
  return {
    name,
    leaveOut: said === false,
    from: (typeof unique === 'string' ? unique : column.from) ?? null,
    type: column.type ?? null,
    convert: convert?.side === 'source' ? convert.text : null,
    convertInTarget: convert?.side === 'target' ? convert.text : null,
    value: column.value === undefined ? null : { constant: column.value },
    orElse: column.orElse === undefined ? null : fallback(column.orElse),
    identity: column.identity ?? null,
    unique: unique !== undefined,
    zone: column.zone ?? null,
    epoch: column.epoch ?? null,
    nul: column.nul ?? null,
    invalidUtf8: column.invalidUtf8 ?? null,
    empty: column.empty ?? null,
  }
}

function fallback(said: Constant | Sql): ConstantChoice | { inTarget: string } {
  return isSql(said) ? { inTarget: said.text } : { constant: said }
}

/** What the config says of identities, with every key filled in. */
export function resolveIdentities(identities: MigrationConfig['identities']): IdentityChoice[] {
  return Object.entries(identities ?? {}).map(([name, said]) => ({
    name,
    ...origin(said.from),
    key: said.key,
    to: said.to,
    toKey: said.toKey,
    match: said.match.map(matchChoice),
    severalOld: said.severalOld ?? 'fail',
    severalNew: said.severalNew ?? 'fail',
    take: columnChoices(taken(said.matched?.take ?? [])),
    unmatched: typeof said.unmatched === 'string' ? said.unmatched : createChoice(said.unmatched),
    keptIn: keptIn(said.keptIn),
  }))
}

function taken(take: readonly string[] | MappedColumns): Readonly<Record<string, Said>> {
  return isList(take) ? Object.fromEntries(take.map((name) => [name, {}])) : take
}

function isList(take: readonly string[] | MappedColumns): take is readonly string[] {
  return Array.isArray(take)
}

function matchChoice(rule: MatchConfig): MatchChoice {
  const pairs = 'through' in rule ? rule.where : 'equal' in rule ? rule.equal : rule.equalIgnoringCase
  return {
    through: 'through' in rule ? { table: rule.through, gives: rule.gives } : null,
    ignoreCase: 'through' in rule ? (rule.ignoringCase ?? false) : 'equalIgnoringCase' in rule,
    pairs: Object.entries(pairs).map(([column, source]) => ({ column, source })),
  }
}

function createChoice({ create, alsoCreate = {} }: CreateConfig): CreateChoice {
  return {
    columns: columnChoices(create),
    alsoCreate: Object.entries(alsoCreate).map(([table, { where, columns }]) => ({
      table,
      where: where?.text ?? null,
      columns: columnChoices(columns),
    })),
  }
}

function keptIn(said: IdentityConfig['keptIn']): KeptInChoice {
  if (said === undefined || said === false) return { kind: 'landfall', drop: said === false }
  if (typeof said === 'string') return { kind: 'table', table: said, oldKey: null, newKey: null }
  return { kind: 'table', ...said }
}

/** `--backup` alone and `backup: true` mean the folder `backups`, where the command runs. */
export function resolveBackup(
  said: MigrationConfig['backup'],
  option: boolean | string | undefined,
  cwd: string,
): BackupChoice | null {
  const config = typeof said === 'object' ? said : {}
  const folder = typeof option === 'string' ? option : (config.folder ?? 'backups')
  const asked = option ?? (said !== undefined && said !== false)
  return asked === false ? null : { folder: resolve(cwd, folder), source: config.source ?? false }
}

/** The config says something that only rows can do which arrive in a stage and are merged from there. */
export function isMapped({
  moves,
  identities,
}: {
  readonly moves: MoveChoices
  readonly identities: readonly IdentityChoice[]
}): boolean {
  const moved = moves.tables.filter((table) => !table.leaveOut)
  const several = new Set(moved.map(({ name }) => name)).size < moved.length
  return identities.length > 0 || several || moved.some(saysMapping)
}

function saysMapping(table: TableChoice): boolean {
  const { name, from, columns, leaveOut: _, ...rest } = table
  return (
    columns.length > 0 || (from !== null && from !== name) || Object.values(rest).some((one) => one !== null)
  )
}
