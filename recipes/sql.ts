import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import pg from 'pg'

/**
 * A psql for those who have none: `npx node ../sql.ts "SELECT …"`, or the name of a file of statements, in
 * the database that the variable `DATABASE_URL` names, or the one behind `--in`.
 */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { in: { type: 'string', default: 'DATABASE_URL' } },
  })
  const url = process.env[values.in]
  const [what] = positionals
  if (!url || what === undefined)
    throw new Error(`npx node sql.ts [--in VARIABLE] FILE.sql or "SELECT …", with ${values.in} set`)
  const client = new pg.Client({ connectionString: url, application_name: 'recipe' })
  // Values as the server writes them: no time is shifted into this machine's zone.
  const types = { getTypeParser: () => (value: string) => value }
  client.on('notice', (notice) => process.stderr.write(`${notice.message}\n`))
  await client.connect()
  try {
    const text = existsSync(what) ? readFileSync(what, 'utf8') : what
    const results = await client.query({ text, rowMode: 'array', types } as pg.QueryArrayConfig)
    for (const result of [results].flat()) process.stdout.write(printed(result))
  } finally {
    await client.end()
  }
}

function printed({ fields, rows, command, rowCount }: pg.QueryArrayResult): string {
  if (fields.length === 0) return `${command}${rowCount === null ? '' : ` ${rowCount}`}\n`
  const lines = [fields.map((field) => field.name), ...rows.map((row) => row.map(shown))]
  const widths = fields.map((_, at) => Math.max(...lines.map((line) => [...line[at]!].length)))
  const [head, ...body] = lines.map((line) =>
    line
      .map((value, at) => value + ' '.repeat(widths[at]! - [...value].length))
      .join(' | ')
      .trimEnd(),
  )
  return `${[head, widths.map((width) => '-'.repeat(width)).join('-+-'), ...body].join('\n')}\n\n`
}

const shown = (value: unknown): string => (value === null ? '∅' : String(value))

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
