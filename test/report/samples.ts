import type { MigrateReport, StatusReport } from '../../src/contract/report.ts'
import type { Move, Plan } from '../../src/plan/model.ts'

/** A plan in which everything that a plan can say is said once. */
export function samplePlan(change: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    migration: 'shop',
    source: { label: 'sqlite:shop.db', engine: 'sqlite', encoding: 'UTF-8' },
    target: { label: 'postgres://app@db.internal:5432/shop', schema: 'public' },
    badRows: 'stop',
    moves: [productsMove()],
    leftOut: [{ kind: 'view', name: 'v_sales', why: 'views are not carried over' }],
    blockers: [
      {
        code: 'LF204',
        table: 'products',
        column: 'qty',
        message: 'products.qty cannot be stored as integer: 2 of 1204 rows hold text',
        examples: ['id = 2 ("toto")', 'id = 3 ("12,5")'],
        choices: [
          '--bad-rows set-aside',
          "moves.products.columns.qty { type: 'text' } or { convert: sql`…` }",
        ],
      },
    ],
    notes: ['the source is in WAL mode'],
    ...change,
  }
}

export function productsMove(change: Partial<Move> = {}): Move {
  return {
    source: 'products',
    existing: false,
    key: { kind: 'rowid', expressions: ['"id"'], names: ['id'] },
    format: 'binary',
    largeValues: false,
    chunkRows: 50_000,
    after: [],
    profiledRows: null,
    notes: [],
    target: {
      schema: 'public',
      name: 'products',
      columns: [
        {
          name: 'id',
          type: 'bigint',
          notNull: true,
          default: null,
          identity: true,
          generated: null,
          sequenceFloor: null,
        },
        {
          name: 'sold_at',
          type: 'timestamptz',
          notNull: false,
          default: 'now()',
          identity: false,
          generated: null,
          sequenceFloor: null,
        },
        {
          name: 'twice',
          type: 'bigint',
          notNull: false,
          default: null,
          identity: false,
          generated: 'id * 2',
          sequenceFloor: null,
        },
      ],
      primaryKey: { name: 'products_pkey', columns: ['id'] },
      indexes: [
        {
          name: 'products_sold',
          unique: false,
          constraint: false,
          parts: ['"sold_at" desc'],
          columns: null,
          where: 'sold_at is not null',
        },
      ],
      foreignKeys: [
        {
          name: 'fk',
          columns: ['shop_id'],
          refSchema: 'public',
          refTable: 'shops',
          refColumns: ['id'],
          onUpdate: 'no action',
          onDelete: 'cascade',
          deferrable: 'no',
        },
      ],
      checks: [{ name: 'qty_positive', expression: 'qty >= 0' }],
    },
    columns: [
      {
        source: 'id',
        target: 'id',
        declared: 'INTEGER',
        type: 'bigint',
        why: 'INTEGER PRIMARY KEY',
        conversion: null,
        carrier: 'int8',
        way: 'int8',
        read: ['"id"'],
        misfit: null,
        misfitReason: null,
      },
      {
        source: 'soldAt',
        target: 'sold_at',
        declared: 'DATETIME',
        type: 'timestamptz',
        why: 'all values are epoch milliseconds',
        conversion: 'epoch milliseconds to timestamptz',
        carrier: 'timestamp',
        way: 'epoch-ms',
        read: ['"soldAt"'],
        misfit: null,
        misfitReason: null,
      },
    ],
    statistics: {
      rows: 1204,
      misfits: [{ column: 'qty', reason: 'is text, not an integer', rows: 2, examples: ['id = 2 ("toto")'] }],
    },
    ...change,
  }
}

export function sampleReport(change: Partial<MigrateReport> = {}): MigrateReport {
  return {
    version: 1,
    command: 'migrate',
    migration: 'shop',
    outcome: 'done',
    exitCode: 0,
    source: 'sqlite:shop.db',
    target: 'postgres://app@db.internal:5432/shop',
    resumed: false,
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 12.34,
    phases: [{ name: 'copy', seconds: 4 }],
    tables: [
      {
        source: 'products',
        target: 'public.products',
        read: 4_000_000,
        loaded: 3_999_998,
        setAside: 2,
        seconds: 4,
        rowsPerSecond: 1_000_000,
        bytes: 1,
      },
      {
        source: 'Shops',
        target: 'public.shops',
        read: 10,
        loaded: 10,
        setAside: 0,
        seconds: 0.01,
        rowsPerSecond: 1000,
        bytes: 1,
      },
    ],
    rejects: [],
    checks: [{ name: 'products: rows accounted for', result: 'pass', expected: '4000000', found: '4000000' }],
    verification: null,
    notes: [],
    ...change,
  }
}

export function sampleStatus(state: StatusReport['migrations'][number]['state']): StatusReport {
  return {
    version: 1,
    command: 'status',
    target: 'postgres://app@db.internal:5432/shop',
    migrations: [
      {
        migration: 'shop',
        state,
        source: 'sqlite:shop.db',
        startedAt: '2026-01-02T03:04:05.000Z',
        finishedAt: null,
        holder: state === 'running' ? 'web-1, process 4711, since 03:04:05' : null,
        error: null,
        phase: 'copy',
        tables: [{ table: 'products', rows: 1000, loaded: 400, setAside: 1, chunks: 3, chunksDone: 1 }],
        steps: { all: 7, done: 0 },
      },
    ],
  }
}
