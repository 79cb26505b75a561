import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { CONFIG_FILES } from '../config/load.ts'
import type { Settings } from '../config/model.ts'
import { loadSettings, makeSettings } from '../config/settings.ts'
import { isExported } from '../connection/settings.ts'
import { LandfallError } from '../errors.ts'
import { plan, renderConfig } from '../index.ts'
import { type DatabaseFlags, examples, nameOption, withDatabases } from './options.ts'
import { showProgress } from './progress.ts'
import type { Shell } from './shell.ts'
import { knowEnds } from './targets.ts'

export function initCommand(shell: Shell): Command {
  return withDatabases(new Command('init'))
    .description('write a landfall.config.ts with what is found, to edit')
    .addOption(nameOption())
    .option('--force', 'overwrite the file that is there')
    .addHelpText('after', examples('landfall init --from sqlite:app.db --to postgres://user@host/db'))
    .action(async (flags: DatabaseFlags & { name?: string; force?: boolean }) => {
      const file = resolve(shell.cwd, flags.config ?? CONFIG_FILES[0])
      if (existsSync(file) && flags.force !== true) throw isThere(file)
      const settings = await settingsFor(flags, shell)
      if (isExported(settings.from)) throw namesNoDatabase()
      knowEnds(shell, settings)
      shell.stopping = 'stopping'
      const progress = await showProgress(shell)
      const tools = { progress: progress.listen, signal: shell.signal }
      const found = await plan(settings, tools).finally(progress.close)
      const target = settings.to === 'embedded' ? null : settings.to.label
      const text = renderConfig(found, { source: settings.from.label, target })
      await write(file, text, flags.force === true)
      const report = {
        version: 1,
        command: 'init',
        file,
        tables: found.moves.length,
        blockers: found.blockers.length,
      }
      if (flags.json) shell.print(`${JSON.stringify(report, null, 2)}\n`)
      else shell.print(told(file, found.moves.length, found.blockers.length, target !== null))
    })
}

/** Named databases are looked at afresh; the config that is to be written anew says nothing then. */
async function settingsFor(flags: DatabaseFlags & { name?: string }, shell: Shell): Promise<Settings> {
  if (flags.from === undefined) return loadSettings(flags, shell)
  return makeSettings({}, flags, shell)
}

function isThere(file: string): LandfallError {
  return new LandfallError('LF002', `${file} is there already`, { hint: '--force   overwrites it' })
}

/** What an exporter hands over today has no place in a file. */
function namesNoDatabase(): LandfallError {
  return new LandfallError('LF001', 'init writes down where the source is, and the config’s is exported', {
    hint: '--from postgres://user@host/name   looks at it directly',
  })
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'EEXIST') throw isThere(file)
    throw new LandfallError('LF002', `${file} cannot be written (${code})`, { cause })
  }
}

function told(file: string, tables: number, blockers: number, usesEnv: boolean): string {
  const lines = [`${file} is written: ${tables} tables, ${blockers} decisions to take.`]
  if (usesEnv) lines.push('Set DATABASE_URL to the target, password included; the file does not hold it.')
  lines.push('landfall plan   shows what it does')
  return `${lines.join('\n')}\n`
}
