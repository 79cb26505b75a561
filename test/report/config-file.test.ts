import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { resolveMoves } from '../../src/config/resolve.ts'
import { validateConfig } from '../../src/config/validate.ts'
import { renderConfig } from '../../src/report/config-file.ts'
import { productsMove, samplePlan } from './samples.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'landfall-init-'))
afterAll(() => rmSync(folder, { recursive: true }))

const HOSTILE = [
  "it's",
  'a\nb',
  '*/ x',
  '\\',
  '`a` $x',
  'ünï',
  '1st',
  'class',
  '__proto__',
  '日本',
  'a\u2028b',
  '"q"',
]

/** The file as Node.js reads it, with the library beside it as the loader would find it. */
function load(text: string): unknown {
  const file = join(folder, `c${Math.random()}.ts`)
  writeFileSync(
    file,
    text
      .replace("'landfall'", JSON.stringify(join(root, 'src/config/define.ts')))
      .replace(', env }', ' }')
      .replace("env('DATABASE_URL')", '"embedded"'),
  )
  const script = `const c = (await import(${JSON.stringify(file)})).default; console.log(JSON.stringify(c))`
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${done.stderr}\n${text}`)
  return JSON.parse(done.stdout)
}

describe('the config that init writes', () => {
  test('has every table, the choices as comments, and no password', () => {
    const text = renderConfig(samplePlan(), { source: 'sqlite:shop.db', target: 'postgres://app@db/shop' })
    expect(text).toContain("import { defineMigration, env } from 'landfall'")
    expect(text).toContain("target: env('DATABASE_URL'), // postgres://app@db/shop")
    expect(text).toContain('// LF204 products.qty cannot be stored as integer')
    expect(text).toContain('choose --bad-rows set-aside')
    expect(text).toContain("sold_at: 'soldAt'")
    expect(text).toContain('//   view v_sales')
    expect(validateConfig(load(text), 'f')).toMatchObject({ name: 'shop', source: 'sqlite:shop.db' })
  })

  test('loads with any name a database can hold', () => {
    const move = productsMove()
    const moves = HOSTILE.map((name) =>
      productsMove({
        source: name,
        target: { ...move.target, name: `${name}!` },
        columns: HOSTILE.map((column) => ({ ...move.columns[0]!, source: column, target: `${column}?` })),
      }),
    )
    const blockers = HOSTILE.map((name) => ({
      code: 'LF204' as const,
      table: name === 'a\nb' ? null : name,
      column: null,
      message: name,
      examples: HOSTILE,
      choices: HOSTILE,
    }))
    const leftOut = HOSTILE.map((name) => ({ kind: 'view', name, why: name }))
    const text = renderConfig(samplePlan({ moves, blockers, leftOut, migration: "a'b\nc" }), {
      source: "sqlite:it's \\ here.db",
      target: null,
    })
    const config = validateConfig(load(text), 'f')
    expect(config.source).toBe("sqlite:it's \\ here.db")
    const { tables } = resolveMoves(config.moves)
    expect(tables.map((table) => table.from)).toEqual(HOSTILE)
    expect(tables[0]!.columns.map((column) => [column.name, column.from])).toEqual(
      HOSTILE.map((name) => [`${name}?`, name]),
    )
  })

  test('keeps a table named __proto__', () => {
    const move = productsMove()
    const moves = [productsMove({ source: 'x', target: { ...move.target, name: '__proto__' }, columns: [] })]
    const text = renderConfig(samplePlan({ moves, blockers: [] }), { source: 'sqlite:a.db', target: null })
    expect(text).toContain("['__proto__']: {")
  })

  test('type-checks', () => {
    const text = renderConfig(samplePlan(), { source: 'sqlite:shop.db', target: 'postgres://app@db/shop' })
    const config = join(folder, 'landfall.config.ts')
    writeFileSync(config, text)
    const stub = `export { defineMigration } from '${join(root, 'src/config/define.ts')}'\nexport { env } from '${join(root, 'src/config/env.ts')}'\n`
    writeFileSync(join(folder, 'library.ts'), stub)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          rewriteRelativeImportExtensions: false,
          paths: { landfall: [join(folder, 'library.ts')] },
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: [],
        files: [config],
      }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const done = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect(done.stdout + done.stderr).toBe('')
    expect(done.status).toBe(0)
  })
})
