import type { BootChoice } from '../config/boot.ts'
import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import type { BootCount, BootState } from '../contract/boot.ts'
import { LandfallError } from '../errors.ts'
import { storable } from '../journal/statements.ts'

/** Of the table's rows. A row of another version is left alone. */
const VERSION = 1

/** Each column's definition, and the comment that people see in psql. */
const COLUMNS = [
  ['key text PRIMARY KEY', 'Name of the migration, as in the configuration'],
  ['version integer NOT NULL', 'Version of this row; another version of Landfall leaves it alone'],
  [
    "status text NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed'))",
    'done: applications start. It informs only: that the migration runs is proved by its advisory lock',
  ],
  ['instance text NOT NULL', 'Machine and process that wrote this last'],
  ['attempts integer NOT NULL', 'How often it was begun'],
  ['started_at timestamptz NOT NULL', 'When it was begun last'],
  ['finished_at timestamptz', 'When it was done, or failed'],
  ['config text NOT NULL', 'Hash of what the configuration said'],
  ['counts json', 'Rows by table, when it is done'],
  ['error_code text', 'Why it failed, as in the error reference'],
  ['error_message text', 'What happened'],
  ['error_hint text', 'What to do next'],
] as const

export interface KnownState extends BootState {
  /** Hash of what the config said. */
  readonly config: string
}

/** Who carries a migration out, and the hash of what the config says. */
export interface Begun {
  readonly instance: string
  readonly config: string
}

/** The table in which a migration at start-up says what is done. Statements of one session. */
export class StateTable {
  readonly #table: string
  readonly #shown: string
  readonly #key: string

  constructor({ schema, name }: BootChoice['state'], key: string) {
    this.#table = qualified(schema, name)
    this.#shown = `${schema}.${name}`
    this.#key = key
  }

  /**
   * One query; null where there is no row or no table.
   * Errors: LF404 where the row or the table is not of this version.
   */
  async read(session: Session): Promise<KnownState | null> {
    const { rows } = await session
      .query<Row>(
        `SELECT version, status, instance, attempts, ${iso('started_at')} AS "startedAt",
            ${iso('finished_at')} AS "finishedAt", config, counts::text AS counts, error_code AS code,
            error_message AS message, error_hint AS hint
          FROM ${this.#table} WHERE key = $1`,
        [this.#key],
      )
      .catch((error: unknown) => this.#unread(error))
    const [row] = rows
    if (row === undefined) return null
    if (row.version !== VERSION || !STATUSES.has(row.status))
      throw new LandfallError(
        'LF404',
        `${this.#shown} says of ${this.#key} what this version of Landfall does not know: version ${row.version}, status ${row.status}`,
        {
          hint: 'Start with the version of Landfall that wrote it, or delete that row: the migration then runs again.',
        },
      )
    const { version: _, code, message, hint, counts, ...same } = row
    return {
      ...same,
      counts: counts === null ? null : (JSON.parse(counts) as BootCount[]),
      error: code === null ? null : { code, message: message ?? '', hint },
    }
  }

  #unread(error: unknown): { rows: Row[] } {
    const sqlstate = error instanceof LandfallError ? error.details?.sqlstate : undefined
    if (sqlstate === UNDEFINED_TABLE) return { rows: [] }
    if (sqlstate === DENIED) throw withHint(error, `GRANT SELECT ON ${this.#table} TO the role`)
    if (sqlstate !== UNDEFINED_COLUMN && sqlstate !== UNDEFINED_OPERATOR) throw error
    throw new LandfallError(
      'LF404',
      `the table ${this.#shown} is not one that this version of Landfall has made`,
      {
        hint: 'Name another one: boot: { state: … }. It is made where it is missing.',
        cause: error,
      },
    )
  }

  /** Makes the table where it is missing. Safe from several sessions at once; in a transaction. */
  async ensure(session: Session): Promise<void> {
    const there = async (): Promise<boolean> => {
      const { rows } = await session.query<{ there: boolean }>(
        'SELECT to_regclass($1) IS NOT NULL AS there',
        [this.#table],
      )
      return rows[0]!.there
    }
    if (await there()) return
    // Of two sessions that create at once one would fail; migrations of other names may share the table.
    await session.query("SELECT pg_advisory_xact_lock(hashtextextended('landfall: create a state table', 0))")
    if (await there()) return
    await session.query(creation(this.#table)).catch((error: unknown) => {
      throw withHint(
        error,
        `A role that may: CREATE SCHEMA …, GRANT CREATE ON SCHEMA … TO the role; or boot: { state: … } names another table than ${this.#shown}`,
      )
    })
  }

  /** In a transaction. */
  async begin(session: Session, { instance, config }: Begun): Promise<void> {
    await session.query(
      `INSERT INTO ${this.#table} AS s (key, version, status, instance, attempts, started_at, config)
        VALUES ($1, ${VERSION}, 'running', $2, 1, clock_timestamp(), $3)
        ON CONFLICT (key) DO UPDATE SET version = ${VERSION}, status = 'running', instance = excluded.instance,
          attempts = s.attempts + 1, started_at = excluded.started_at, finished_at = NULL,
          config = excluded.config, counts = NULL, error_code = NULL, error_message = NULL, error_hint = NULL`,
      [storable(this.#key), storable(instance), config],
    )
  }

  /** To be called in the transaction that makes the rows those of the application. */
  async done(session: Session, { instance, config }: Begun, counts: readonly BootCount[]): Promise<void> {
    const update = (): Promise<{ rowCount: number }> =>
      session.query(
        `UPDATE ${this.#table} SET status = 'done', finished_at = clock_timestamp(), counts = $2 WHERE key = $1`,
        [this.#key, JSON.stringify(counts)],
      )
    if ((await update()).rowCount === 1) return
    // Somebody has taken the row away meanwhile.
    await this.begin(session, { instance, config })
    await update()
  }

  async failed(session: Session, error: LandfallError): Promise<void> {
    await session.query(
      `UPDATE ${this.#table} SET status = 'failed', finished_at = clock_timestamp(), error_code = $2,
          error_message = $3, error_hint = $4
        WHERE key = $1 AND status = 'running'`,
      [
        this.#key,
        error.code,
        storable(error.message),
        error.hint === undefined ? null : storable(error.hint),
      ],
    )
  }

  /** Interrupted: whoever starts next goes on. */
  async left(session: Session): Promise<void> {
    await session.query(
      `UPDATE ${this.#table} SET status = 'pending' WHERE key = $1 AND status = 'running'`,
      [this.#key],
    )
  }
}

const DENIED = '42501'
const UNDEFINED_SCHEMA = '3F000'

/** The server's refusal, with what to do about it where it is one of rights or of a schema that is missing. */
function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof LandfallError)) return error
  const { sqlstate } = error.details ?? {}
  if (sqlstate !== DENIED && sqlstate !== UNDEFINED_SCHEMA) return error
  return new LandfallError(error.code, error.message, {
    hint,
    ...(error.details ? { details: error.details } : {}),
    cause: error,
  })
}

const UNDEFINED_TABLE = '42P01'
const UNDEFINED_COLUMN = '42703'
const UNDEFINED_OPERATOR = '42883'

const STATUSES: ReadonlySet<string> = new Set(['pending', 'running', 'done', 'failed'])

interface Row {
  readonly version: number
  readonly status: BootState['status']
  readonly instance: string
  readonly attempts: number
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly config: string
  readonly counts: string | null
  readonly code: string | null
  readonly message: string | null
  readonly hint: string | null
}

const iso = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

function creation(table: string): string {
  const comments = COLUMNS.map(([definition, comment]) => {
    const name = definition.slice(0, definition.indexOf(' '))
    return `COMMENT ON COLUMN ${table}.${ident(name)} IS ${literal(comment)}`
  })
  return [
    `CREATE TABLE ${table} (${COLUMNS.map(([definition]) => definition).join(', ')})`,
    `COMMENT ON TABLE ${table} IS ${literal('Migrations that run when an application starts; written by Landfall.')}`,
    ...comments,
  ].join(';\n')
}
