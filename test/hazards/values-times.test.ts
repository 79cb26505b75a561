import { expect, test } from 'vitest'
import { validateConfig } from '../../src/config/validate.ts'
import { bench } from '../migrate/migrating.ts'
import { ASIDE, type ColumnCase, together } from './columns.ts'

const tools = bench()
/** An instant in UTC, whatever the server's own zone is. */
const UTC = "to_char(v AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"

/** HAZARDS 2. */
together('texts in date columns', tools, [
  {
    title: 'ISO dates',
    declared: 'DATE',
    type: 'date',
    conversion: 'ISO text to date',
    values: [
      ["'2024-02-29'", '2024-02-29'],
      ["'0001-01-01'", '0001-01-01'],
      ["'9999-12-31'", '9999-12-31'],
      ["'1969-12-31'", '1969-12-31'],
      ["'1582-10-10'", '1582-10-10'],
      ['NULL', null],
    ],
  },
  ...[
    "'2023-02-31'",
    "'0000-01-01'",
    "'2023-2-1'",
    "'2024-01-01x'",
    "'2024-01-01' || char(0)",
    "'now'",
    "''",
  ].map((value) => ({
    title: `${value} is no date and makes the column text`,
    declared: 'DATE',
    // A NUL cannot be stored as text either.
    type: 'text',
    why: 'is no date as in 2024-12-31',
    values: [
      ["'2024-01-01'", '2024-01-01'],
      [value, value.includes('char(0)') ? ASIDE : value.slice(1, -1)],
    ] as const,
  })),
  {
    title: 'dates with a time become timestamps',
    declared: 'DATE',
    type: 'timestamp',
    values: [
      ["'2024-01-01'", '2024-01-01 00:00:00'],
      ["'2024-01-01 12:30'", '2024-01-01 12:30:00'],
    ],
  },
] satisfies ColumnCase[])

together('texts in timestamp columns', tools, [
  {
    title: "SQLite's own form",
    declared: 'DATETIME',
    type: 'timestamp',
    conversion: 'ISO text to timestamp',
    values: [
      ["'2024-02-29 23:59:59'", '2024-02-29 23:59:59'],
      ["'0001-01-01 00:00:00'", '0001-01-01 00:00:00'],
      ["'9999-12-31 23:59:59'", '9999-12-31 23:59:59'],
      ["'1969-12-31 23:59:59'", '1969-12-31 23:59:59'],
    ],
  },
  {
    title: 'every form of ISO 8601 without a zone',
    declared: 'TIMESTAMP',
    type: 'timestamp',
    values: [
      ["'2024-02-29T23:59:59'", '2024-02-29 23:59:59'],
      ["'2024-02-29'", '2024-02-29 00:00:00'],
      ["'2024-02-29 23:59'", '2024-02-29 23:59:00'],
      ["'2024-02-29t23:59:59.5'", '2024-02-29 23:59:59.5'],
      ["'1969-12-31 23:59:59.999999'", '1969-12-31 23:59:59.999999'],
      ["'2024-02-29 23:59:59.123456000'", '2024-02-29 23:59:59.123456'],
      ["'0001-01-01T00:00:00.000001'", '0001-01-01 00:00:00.000001'],
      ['NULL', null],
    ],
  },
  {
    title: 'with a zone',
    declared: 'DATETIME',
    type: 'timestamptz',
    shown: UTC,
    values: [
      ["'2024-03-10T12:00:00Z'", '2024-03-10 12:00:00.000000'],
      ["'2024-03-10 12:00:00+05:30'", '2024-03-10 06:30:00.000000'],
      ["'2024-03-10 12:00:00.25-0800'", '2024-03-10 20:00:00.250000'],
      ["'2024-03-10 12:00+02'", '2024-03-10 10:00:00.000000'],
      ["'2024-03-10 12:00:00 UTC'", '2024-03-10 12:00:00.000000'],
      ["'2024-03-10 12:00:00.000001-00:30'", '2024-03-10 12:30:00.000001'],
      ["'1969-12-31T23:59:59.5Z'", '1969-12-31 23:59:59.500000'],
      ["'2024-03-10Z'", '2024-03-10 00:00:00.000000'],
    ],
  },
  ...[
    "'2023-02-31 00:00:00'",
    "'0000-06-01 00:00:00'",
    "'2024-01-01 24:00:00'",
    "'2024-01-01 24:30:00'",
    "'2024-01-01T24:00:00'",
    "'2024-01-01 23:59:60'",
    "'2024-01-01 10:00:00.1234567'",
    "'2024-01-01 10:00:00.'",
    "'2024-01-01 10:00:00,5'",
    "'2024-01-01  10:00:00'",
    "'2024-01-01 1:00:00'",
    "'10:00:00'",
    "'2460000.5'",
    "'tomorrow'",
    "''",
  ].map((value) => ({
    title: `${value} is no time and makes the column text`,
    declared: 'DATETIME',
    type: 'text',
    values: [
      ["'2024-01-01 10:00:00'", '2024-01-01 10:00:00'],
      [value, value.slice(1, -1)],
    ] as const,
  })),
  {
    title: 'with a NUL behind it is neither a time nor text',
    declared: 'DATETIME',
    type: 'text',
    values: [
      ["'2024-01-01 10:00:00'", '2024-01-01 10:00:00'],
      ["'2024-01-01 10:00:00' || char(0)", ASIDE],
      ["'2024-01-01T10:00:00' || char(0)", ASIDE],
    ],
  },
  ...["'2024-01-01 10:00:00+05:75'", "'2024-01-01 10:00:00+16:00'", "'2024-01-01 24:00:00Z'"].map(
    (value) => ({
      title: `${value} is no time with a zone`,
      declared: 'DATETIME',
      type: 'text',
      values: [
        ["'2024-01-01 10:00:00Z'", '2024-01-01 10:00:00Z'],
        [value, value.slice(1, -1)],
      ] as const,
    }),
  ),
  {
    title: 'with and without a zone side by side: nothing is guessed',
    declared: 'DATETIME',
    type: 'text',
    why: 'declared DATETIME, but id = 2 ("2024-01-01 10:00:00Z") cannot be read as timestamp',
    values: [
      ["'2024-01-01 10:00:00'", '2024-01-01 10:00:00'],
      ["'2024-01-01 10:00:00Z'", '2024-01-01 10:00:00Z'],
    ],
  },
  {
    title: 'texts and numbers side by side',
    declared: 'DATETIME',
    type: 'text',
    conversion: 'numbers to their text',
    values: [
      ["'2024-01-01 10:00:00'", '2024-01-01 10:00:00'],
      ['1700000000', '1700000000'],
      ['0', '0'],
    ],
  },
] satisfies ColumnCase[])

together('numbers in timestamp columns', tools, [
  {
    title: 'seconds since 1970',
    declared: 'DATETIME',
    type: 'timestamptz',
    conversion: 'seconds since 1970 to timestamptz',
    shown: UTC,
    values: [
      ['1700000000', '2023-11-14 22:13:20.000000'],
      ['-1', '1969-12-31 23:59:59.000000'],
      ['0', '1970-01-01 00:00:00.000000'],
      ['-62135596800', '0001-01-01 00:00:00.000000'],
      ['NULL', null],
    ],
  },
  {
    title: 'milliseconds',
    declared: 'DATETIME',
    type: 'timestamptz',
    conversion: 'milliseconds since 1970 to timestamptz',
    shown: UTC,
    values: [
      ['1700000000123', '2023-11-14 22:13:20.123000'],
      ['-1700000000001', '1916-02-18 01:46:39.999000'],
      ['0', '1970-01-01 00:00:00.000000'],
    ],
  },
  {
    title: 'microseconds',
    declared: 'TIMESTAMP',
    type: 'timestamptz',
    conversion: 'microseconds since 1970 to timestamptz',
    shown: UTC,
    values: [
      ['1700000000123456', '2023-11-14 22:13:20.123456'],
      ['-1700000000000001', '1916-02-18 01:46:39.999999'],
    ],
  },
  {
    title: 'seconds with a fraction',
    declared: 'DATETIME',
    type: 'timestamptz',
    shown: UTC,
    values: [
      ['1700000000.25', '2023-11-14 22:13:20.250000'],
      ['1700000000', '2023-11-14 22:13:20.000000'],
      ['-1700000000.25', '1916-02-18 01:46:39.750000'],
    ],
  },
  {
    title: 'Julian days',
    declared: 'DATETIME',
    type: 'timestamp',
    conversion: 'Julian days to timestamp, exact to a millisecond',
    values: [
      ["julianday('2024-02-29 12:34:56.789')", '2024-02-29 12:34:56.789'],
      ["julianday('0001-01-01')", '0001-01-01 00:00:00'],
      ['2460000', '2023-02-24 12:00:00'],
    ],
  },
  {
    title: 'of sizes that no unit explains stay numbers',
    declared: 'DATETIME',
    type: 'bigint',
    values: [
      ['1700000000', '1700000000'],
      ['1700000000123', '1700000000123'],
    ],
  },
  ...['9223372036854775807', '-9223372036854775808'].map((value) => ({
    title: `${value} among milliseconds is no time`,
    declared: 'DATETIME',
    type: 'bigint',
    values: [
      ['1700000000123', '1700000000123'],
      [value, value],
    ] as const,
  })),
  {
    title: 'seconds, because the config says so',
    declared: 'INTEGER',
    choice: { epoch: 's' },
    type: 'timestamptz',
    reason: 'is no time in seconds since 1970',
    shown: UTC,
    values: [
      ['1700000000', '2023-11-14 22:13:20.000000'],
      ['253402300799', '9999-12-31 23:59:59.000000'],
      ['253402300800', ASIDE],
      ['-9223372036854775808', ASIDE],
      ["'x'", ASIDE],
    ],
  },
  {
    title: 'milliseconds, because the config says so, whatever their size',
    declared: 'INTEGER',
    choice: { epoch: 'ms' },
    type: 'timestamptz',
    shown: UTC,
    values: [
      ['1', '1970-01-01 00:00:00.001000'],
      ['-1', '1969-12-31 23:59:59.999000'],
      ['-62135596800000', '0001-01-01 00:00:00.000000'],
    ],
  },
] satisfies ColumnCase[])

together('what the config says of times', tools, [
  {
    title: "zone 'UTC'",
    declared: 'DATETIME',
    choice: { zone: 'UTC' },
    type: 'timestamptz',
    shown: UTC,
    reason: 'is no ISO time',
    values: [
      ["'2024-07-01 12:00:00'", '2024-07-01 12:00:00.000000'],
      ["'2024-07-01 12:00:00+02:00'", '2024-07-01 10:00:00.000000'],
      ["'2024-07-01'", '2024-07-01 00:00:00.000000'],
      ["'2023-02-31 12:00:00'", ASIDE],
    ],
  },
  {
    title: "zone 'Asia/Shanghai'",
    declared: 'DATETIME',
    choice: { zone: 'Asia/Shanghai' },
    type: 'timestamptz',
    shown: UTC,
    values: [
      ["'2024-07-01 12:00:00'", '2024-07-01 04:00:00.000000'],
      ["'2024-07-01T12:00:00.123456'", '2024-07-01 04:00:00.123456'],
      ["'2024-07-01 12:00'", '2024-07-01 04:00:00.000000'],
      ["'2024-07-01'", '2024-06-30 16:00:00.000000'],
      ["'2024-07-01 12:00:00.5Z'", '2024-07-01 12:00:00.500000'],
      ["'2024-07-01 12:00:00 UTC'", '2024-07-01 12:00:00.000000'],
      ["'2024-07-01 12:00+02'", '2024-07-01 10:00:00.000000'],
      ["'2024-07-01 12:00:00-0530'", '2024-07-01 17:30:00.000000'],
      ["'2024-07-01Z'", '2024-07-01 00:00:00.000000'],
      ["'2024-07-01t12:00:00z'", '2024-07-01 12:00:00.000000'],
      ['NULL', null],
      ["''", ASIDE],
      ["'2024-07-01 12:00:00+05:75'", ASIDE],
    ],
  },
  {
    title: "zone 'America/New_York' in winter, in summer, and in the hour that was left out",
    declared: 'TEXT',
    choice: { zone: 'America/New_York' },
    type: 'timestamptz',
    shown: UTC,
    values: [
      ["'2024-01-01 12:00:00'", '2024-01-01 17:00:00.000000'],
      ["'2024-07-01 12:00:00'", '2024-07-01 16:00:00.000000'],
      ["'2024-03-10 02:30:00'", '2024-03-10 07:30:00.000000'],
    ],
  },
  {
    title: "'' to NULL",
    declared: 'DATETIME',
    choice: { empty: 'null' },
    type: 'timestamp',
    conversion: "ISO text to timestamp; '' to NULL",
    values: [
      ["'2024-01-01 10:00:00'", '2024-01-01 10:00:00'],
      ["''", null],
      ['NULL', null],
    ],
  },
  {
    title: 'a type that the declaration does not propose',
    declared: 'TEXT',
    choice: { type: 'timestamptz' },
    type: 'timestamptz',
    reason: 'is no ISO time with a zone',
    shown: UTC,
    values: [
      ["'2024-01-01 10:00:00Z'", '2024-01-01 10:00:00.000000'],
      ["'2024-01-01 10:00:00'", ASIDE],
    ],
  },
  {
    title: "a target's timestamp column takes zoned texts as UTC",
    declared: 'TEXT',
    there: 'timestamp',
    type: 'timestamp',
    conversion: 'ISO text with a zone to timestamptz, as timestamp in UTC',
    values: [
      ["'2024-01-01 10:00:00+02:00'", '2024-01-01 08:00:00'],
      ["'2024-01-01 10:00:00Z'", '2024-01-01 10:00:00'],
    ],
  },
] satisfies ColumnCase[])

together('times of day', tools, [
  {
    title: 'with and without seconds and fraction',
    declared: 'TIME',
    type: 'time',
    values: [
      ["'00:00'", '00:00:00'],
      ["'23:59:59'", '23:59:59'],
      ["'12:34:56.000001'", '12:34:56.000001'],
      ["'12:34:56.5000000'", '12:34:56.5'],
      ['NULL', null],
    ],
  },
  ...["'24:00:00'", "'24:30'", "'12:60'", "'1:00'", "'12:00:00.1234567'", "'12:00:00Z'", "'12'"].map(
    (value) => ({
      title: `${value} is no time of day`,
      declared: 'TIME',
      type: 'text',
      values: [
        ["'10:00'", '10:00'],
        [value, value === "'12'" ? '12' : value.slice(1, -1)],
      ] as const,
    }),
  ),
] satisfies ColumnCase[])

test('a zone that nobody knows is a mistake of the config', () => {
  const config = (zone: string) => ({ moves: { t: { columns: { v: { zone } } } } })
  expect(() => validateConfig(config('Mars/Phobos'), 'landfall.config.ts')).toThrow(
    'moves.t.columns.v.zone: must be a time zone such as UTC or Asia/Shanghai',
  )
  for (const zone of ['UTC', 'z', 'Asia/Shanghai', '+08:00'])
    expect(validateConfig(config(zone), 'landfall.config.ts')).toBeTruthy()
})
