import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { landfall } from '../cli/run.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { blocksOf, configsOf } from './blocks.ts'

const GUIDE = 'mapped-moves.md'
const blocks = blocksOf(GUIDE)
const configs = [...configsOf(GUIDE)]
const folder = mkdtempSync(join(tmpdir(), 'landfall-guide-'))
let server: TestServer

beforeAll(async () => {
  server = await testServer()
  for (const [file, { text }] of configs) writeFileSync(join(folder, file), text)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The two shops, as the guide's SQL makes them. */
async function shops(): Promise<{ readonly OLD_DATABASE_URL: string; readonly DATABASE_URL: string }> {
  const [old, now] = blocks.filter(({ language }) => language === 'sql')
  const urls = []
  for (const sql of [old, now]) {
    const url = await server.database()
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query(sql!.text)
    await client.end()
    urls.push(url)
  }
  return { OLD_DATABASE_URL: urls[0]!, DATABASE_URL: urls[1]! }
}

test('every config of the guide can be carried out', async () => {
  const env = await shops()
  expect(configs.length).toBeGreaterThan(7)
  for (const [file, { place }] of configs) {
    const { status, stdout, stderr } = await landfall(['plan', '--config', file], { cwd: folder, env })
    expect([place, status, status === 0 ? '' : stdout + stderr]).toEqual([place, 0, ''])
  }
})

test('the guide shows what the commands print, the first time and again', async () => {
  const env = await shops()
  const shown = blocks.filter(({ text }) => text.startsWith('landfall migrate'))
  expect(shown.length).toBe(2)
  for (const { text } of shown) {
    const [command, , ...lines] = text.split('\n')
    const args = [...command!.split(' ').slice(1), '--config', configs[0]![0]]
    const { stdout } = await landfall(args, { cwd: folder, env })
    expect(comparable(stdout.trimEnd().split('\n'))).toEqual(comparable(lines))
  }
})

/** Without times, and the names of databases; what took no time is no phase. */
const comparable = (lines: readonly string[]): string[] =>
  lines
    .filter((line) => !line.startsWith('  phases '))
    .map((line) => line.replaceAll(/\d+\.\d\d s\b/g, '… s').replaceAll(/postgres:\/\/[^\s']+/g, '…'))
