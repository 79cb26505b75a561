import type { Dependents } from '../catalog/postgres-dependents.ts'
import type { Surrounding, Surroundings } from '../catalog/postgres-surroundings.ts'
import type { Blocker, LeftOut } from './model.ts'

/** What a move of a whole schema by `pg_dump` meets. */
export interface SchemaFindings {
  readonly blockers: readonly Blocker[]
  readonly leftOut: readonly LeftOut[]
  readonly notes: readonly string[]
  /** What is not to be taken from the dump, as `class/object` by oid. */
  readonly skipped: ReadonlySet<string>
  /** Views that are left out together with their tables. */
  readonly views: readonly { readonly schema: string; readonly name: string }[]
}

/**
 * @param target null for a target that does not exist yet: an empty database of our own, in which we may
 *   do everything, and of whose extensions nothing is known.
 * @param isRead as for `hiddenBlockers`.
 */
export function schemaFindings(
  source: Surroundings,
  target: Pick<Surroundings, 'isSuperuser' | 'mayCreate' | 'availableExtensions' | 'roles'> | null,
  dependents: Dependents,
  isRead?: (name: string) => boolean,
): SchemaFindings {
  const refused = target === null || target.isSuperuser ? [] : ofKinds(source, SUPERUSERS_ONLY)
  const skipped = new Set([...dependents.ids, ...refused.flatMap(({ id }) => id ?? [])])
  const isHere = ({ id }: Surrounding): boolean => id === null || !dependents.ids.has(id)
  return {
    blockers: [
      ...hiddenBlockers(source, isRead),
      ...sequenceBlockers(source, dependents.ids),
      ...(target === null ? [] : targetBlockers(source, target, isHere)),
      ...dependents.tables.map(({ name, why }) =>
        blocker(name, `${name} needs what is left out (${why})`, [`exclude ${name} as well`]),
      ),
    ],
    leftOut: [
      ...ofKinds(source, Object.keys(WHY) as (keyof typeof WHY)[]).map(({ kind, name }) => ({
        kind,
        name,
        why: WHY[kind as keyof typeof WHY],
      })),
      ...refused.filter(isHere).map(({ kind, name }) => ({
        kind,
        name,
        why: 'only a superuser may create it in the target',
      })),
      ...[
        ...dependents.views.map(({ kind, schema, name }) => ({ kind, name: `${schema}.${name}` })),
        ...dependents.objects,
      ].map((one) => ({ ...one, why: 'it needs a table that is left out' })),
    ],
    notes: notesOn(source),
    skipped,
    views: dependents.views,
  }
}

const SUPERUSERS_ONLY = ['event trigger', 'publication for all tables'] as const

const WHY = {
  subscription: 'it would begin to pull from its publisher; create it in the target when that takes over',
  'user mapping': 'it may hold a password; create it in the target',
  'security label': 'its provider belongs to the server',
  'database setting': 'it belongs to the database: ALTER DATABASE … SET in the target',
  'large objects': 'only rows of tables are moved: pg_dump --large-objects can bring them',
} as const

function ofKinds({ others }: Surroundings, kinds: readonly Surrounding['kind'][]): readonly Surrounding[] {
  return others.filter(({ kind }) => kinds.includes(kind))
}

function blocker(table: string | null, message: string, choices: readonly string[]): Blocker {
  return { code: 'LF205', table, column: null, message, examples: [], choices }
}

/**
 * A table that looks smaller than it is would be moved without a word.
 *
 * @param isRead of a table's name, quoted and qualified where it has to be.
 */
export function hiddenBlockers(
  { hiddenTables }: Surroundings,
  isRead: (name: string) => boolean = () => true,
): Blocker[] {
  return hiddenTables
    .filter(isRead)
    .map((name) =>
      blocker(name, `policies hide rows of ${name} from the role that reads the source`, [
        'connect to the source as the owner of the table, as a superuser or as a role with BYPASSRLS',
        'where its policies are forced on the owner too: as a superuser or a role with BYPASSRLS',
        `exclude ${name}`,
      ]),
    )
}

/** They would be missed only when all rows are there. `skipped`: ids of what is left out. */
export function sequenceBlockers(
  { unreadableSequences }: Surroundings,
  skipped: ReadonlySet<string>,
): Blocker[] {
  const names = unreadableSequences.filter(({ id }) => !skipped.has(id)).map(({ name }) => name)
  if (names.length === 0) return []
  const many = names.length > 1
  const message = `the role that reads the source may not read ${many ? `${names.length} sequences` : `the sequence ${names[0]}`}`
  const choices = ['GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO the role, in the source']
  return [{ ...blocker(null, message, choices), examples: many ? names.slice(0, 10) : [] }]
}

function targetBlockers(
  source: Surroundings,
  target: Pick<Surroundings, 'isSuperuser' | 'mayCreate' | 'availableExtensions' | 'roles'>,
  isHere: (one: Surrounding) => boolean,
): Blocker[] {
  const missing = source.extensions.filter(({ name }) => !target.availableExtensions.includes(name))
  const roles = source.policyRoles.filter((name) => !target.roles.includes(name))
  const untrusted = ofKinds(source, ['function in an untrusted language']).filter(isHere)
  return [
    ...(target.mayCreate
      ? []
      : [
          blocker(null, 'the role may not create schemas in the target', [
            'GRANT CREATE ON DATABASE … TO the role, or connect as another one',
          ]),
        ]),
    ...missing.map(({ name }) =>
      blocker(null, `the extension ${name} is not available in the target`, [
        `install the extension ${name} on the target's server (CREATE EXTENSION is done for you)`,
        `drop the extension ${name} in the source, where nothing needs it`,
      ]),
    ),
    ...roles.map((name) =>
      blocker(null, `policies are for the role ${name}, which is not in the target`, [
        `create the role ${name} in the target`,
      ]),
    ),
    ...(target.isSuperuser || untrusted.length === 0
      ? []
      : [
          {
            ...blocker(null, 'functions in languages that only a superuser may use', [
              'connect to the target as a superuser',
            ]),
            examples: untrusted.slice(0, 10).map(({ name }) => name),
          },
        ]),
  ]
}

function notesOn(source: Surroundings): string[] {
  const names = (kind: Surrounding['kind']): string =>
    ofKinds(source, [kind])
      .map(({ name }) => name)
      .join(', ')
  const [granted] = ofKinds(source, ['privileges'])
  const definers = names('security definer function')
  const foreign = names('foreign table')
  const unlogged = names('unlogged table')
  const tables = source.extensions.flatMap((extension) => extension.tables)
  return [
    `owners and privileges do not move: everything belongs to the target's role${granted === undefined ? '' : `, and what was granted in ${granted.name} places is to be granted again`}`,
    ...(definers === ''
      ? []
      : [`functions that run with their owner's rights now run with that role's: ${definers}`]),
    ...(foreign === '' ? [] : [`foreign tables move as definitions; their rows are elsewhere: ${foreign}`]),
    ...(unlogged === ''
      ? []
      : [`unlogged tables stay unlogged: a crash of the target's server empties them: ${unlogged}`]),
    ...(tables.length === 0
      ? []
      : [
          `tables that belong to extensions are made by these, without rows of your own: ${tables.join(', ')}`,
        ]),
  ]
}
