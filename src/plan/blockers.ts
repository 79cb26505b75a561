import type { Catalog } from '../catalog/model.ts'
import { nameParts } from '../connection/quote.ts'
import type { Finding } from '../profile/model.ts'
import type { Way } from '../types/model.ts'
import type { Draft, DraftColumn } from './draft.ts'
import type { Blocker } from './model.ts'

/**
 * Rows that do not fit, as something that a person has to decide. `way`: the one that the column's values
 * do not fit; null where the rows break another rule.
 */
export function findingBlocker(draft: Draft, finding: Finding, total: number, way: Way | null): Blocker {
  const column = draft.columns.find((one) => one.source.name === finding.column)
  const where = finding.column === null ? draft.source.name : `${draft.source.name}.${finding.column}`
  const these = finding.rows === 1 ? 'this one' : `these ${finding.rows.toLocaleString('en')}`
  return {
    code: 'LF204',
    table: draft.source.name,
    column: finding.column,
    message: `${where} ${finding.reason} in ${count(finding.rows)} of ${count(total)} rows`,
    examples: finding.examples,
    choices: [
      `--bad-rows set-aside   copy the others, keep ${these} and what refers to ${finding.rows === 1 ? 'it' : 'them'} in landfall.rejects`,
      ...(column ? [`moves.${draft.target}.columns.${column.target}: ${columnChoices(column, way)}`] : []),
    ],
  }
}

function columnChoices({ existing }: DraftColumn, way: Way | null): string {
  const convert = '{ convert: sql`…` }'
  if (way === null) return convert
  const isText = way.type === 'text' && way.carrier !== 'label'
  // The type of a table that is there cannot be chosen.
  const type = existing ? convert : `{ type: '${isText ? 'bytea' : 'text'}' }`
  if (isText) return `{ nul: 'strip' }, { invalidUtf8: 'replace' } or ${type}`
  return existing ? convert : `${type} or ${convert}`
}

function count(rows: number): string {
  return rows.toLocaleString('en')
}

/** Existing tables that hold rows: they were written by somebody else. */
export function occupiedBlockers(drafts: readonly Draft[], occupied: ReadonlySet<string>): Blocker[] {
  return drafts
    .filter((draft) => draft.existing && occupied.has(draft.existing.name))
    .map((draft) => ({
      code: 'LF203' as const,
      table: draft.source.name,
      column: null,
      message: `the target's table ${draft.existing!.name} holds rows that this migration did not write`,
      examples: [],
      choices: [
        'empty it yourself, if nobody needs its rows',
        '--target-schema NAME   move into a schema of its own',
        `--exclude ${draft.source.name}   leave the table out`,
      ],
    }))
}

/** Triggers of an existing table that fire for inserted rows could change what is loaded. */
export function triggerBlockers(drafts: readonly Draft[], target: Catalog): Blocker[] {
  return drafts.flatMap((draft) =>
    target.others
      .filter(
        (other) =>
          other.kind === 'trigger' &&
          !other.disabled &&
          nameParts(other.table ?? '')[1] === draft.existing?.name &&
          /\bINSERT\b/i.test(other.sql ?? ''),
      )
      .map((trigger) => ({
        code: 'LF205' as const,
        table: draft.source.name,
        column: null,
        message: `the trigger ${trigger.name} of the target's table ${draft.existing!.name} fires for every row and may change it`,
        examples: [],
        choices: [`ALTER TABLE ${trigger.table} DISABLE TRIGGER ${trigger.name}   and enable it afterwards`],
      })),
  )
}

/** Tables that are to be made under a name that a view, an index or a sequence has. */
export function takenBlockers(drafts: readonly Draft[], taken: ReadonlySet<string>): Blocker[] {
  return drafts
    .filter((draft) => draft.existing === null && taken.has(draft.target))
    .map((draft) => ({
      code: 'LF205' as const,
      table: draft.source.name,
      column: null,
      message: `the target has something else that is called ${draft.target} (a view, an index or a sequence)`,
      examples: [],
      choices: [
        `moves.<name>: { from: '${draft.source.name}' }   give the table another name`,
        '--target-schema NAME   move into a schema of its own',
      ],
    }))
}

/** PostgreSQL's MaxHeapAttributeNumber. */
const MOST_COLUMNS = 1_600

/** Tables that are to be made with more columns than PostgreSQL has places for. */
export function widthBlockers(drafts: readonly Draft[]): Blocker[] {
  return drafts
    .filter((draft) => draft.existing === null && draft.columns.length > MOST_COLUMNS)
    .map((draft) => ({
      code: 'LF205' as const,
      table: draft.source.name,
      column: null,
      message: `${draft.source.name} has ${count(draft.columns.length)} columns, and a table of PostgreSQL at most ${count(MOST_COLUMNS)}`,
      examples: [],
      choices: [
        `moves.${draft.target}.columns.<name>: false   leave columns out`,
        `--exclude ${draft.source.name}   leave the table out`,
      ],
    }))
}

/** Tables of the target that refer to each other in a circle cannot be filled one after the other. */
export function circleBlocker(drafts: readonly Draft[]): Blocker {
  const names = drafts.map((draft) => draft.existing?.name ?? draft.target)
  return {
    code: 'LF205',
    table: drafts[0]!.source.name,
    column: null,
    message: `the target enforces foreign keys in a circle: ${[...names, names[0]].join(' → ')}`,
    examples: [],
    choices: ['drop one of these foreign keys, and add it again after the migration'],
  }
}
