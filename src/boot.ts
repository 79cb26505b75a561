import { type KnownState, StateTable } from './boot/state.ts'
import type { MigrationConfig, Settings } from './config/model.ts'
import { loadBootSettings, type Options, type Surroundings } from './config/settings.ts'
import type { Session } from './connection/postgres.ts'
import { closing, reachExistingTarget, reachTarget, type Target } from './connection/target.ts'
import type { BootReport, BootStatusReport } from './contract/boot.ts'
import { REPORT_VERSION } from './contract/report.ts'
import type { Tools } from './contract/tools.ts'
import { stopReason } from './errors.ts'
import { isHeld } from './journal/lock.ts'
import { choicesOf } from './migrate/choices.ts'

export type { MigrationConfig } from './config/model.ts'
export type { BootReport, BootState, BootStatusReport } from './contract/boot.ts'
export { type ErrorCode, LandfallError } from './errors.ts'

/** What the command line can say, and who is told how far it is. */
export interface BootOptions extends Options, Pick<Tools, 'progress' | 'signal'> {}

/**
 * The migration that belongs to the start of an application: returns when its data is there, whoever of the
 * instances that start together has brought it, and throws where it is not. What is done costs one query.
 * A failure leaves the tables as they were, and the next start tries again.
 *
 * @param config a config, or the path of one; missing: `landfall.config.ts` in the working directory
 * @throws LandfallError as `migrate` does, and LF211, LF406
 */
export async function boot(
  config?: MigrationConfig | string,
  options: BootOptions = {},
  where?: Surroundings,
): Promise<BootReport> {
  const began = performance.now()
  const settings = await loadBootSettings(config ?? options.config, options, where)
  const report = (found: Pick<BootReport, 'outcome'> & Partial<BootReport>): BootReport => ({
    version: REPORT_VERSION,
    command: 'boot',
    migration: settings?.name ?? null,
    target: null,
    state: null,
    configChanged: false,
    migrate: null,
    ...found,
    seconds: (performance.now() - began) / 1000,
  })
  if (settings === null) return report({ outcome: 'not-asked' })
  const target = await reachTarget(settings.to, settings.embeddedFolder)
  // The application that starts now needs the server.
  return await closing(target, true, async () => {
    const session = await opened(target, options.signal)
    try {
      const state = stateOf(settings)
      const known = await unlessStopped(state.read(session), options.signal)
      if (known?.status === 'done') {
        return report({ outcome: 'done-before', target: target.label, ...told(known, settings) })
      }
      // What migrates is much more than what finds it done.
      const { takeTurn } = await import('./boot/turn.ts')
      const tools = { ...pick(options), ask: async () => true }
      const turn = await takeTurn({ settings: settings.complete(), tools, target, state }, session, known)
      const { outcome, migrate } = turn
      return report({ outcome, migrate, target: target.label, ...told(turn.state, settings) })
    } finally {
      await session.close()
    }
  })
}

/** Where the migration stands, for a readiness probe. Writes nothing. */
export async function bootStatus(
  config?: MigrationConfig | string,
  options: Options = {},
  where?: Surroundings,
): Promise<BootStatusReport> {
  const settings = await loadBootSettings(config ?? options.config, options, where)
  const report = (found: Pick<BootStatusReport, 'status'> & Partial<BootStatusReport>): BootStatusReport => ({
    version: REPORT_VERSION,
    command: 'boot --check',
    exitCode: found.status === 'done' || found.status === 'not-asked' ? 0 : 1,
    migration: settings?.name ?? null,
    target: null,
    state: null,
    configChanged: false,
    ...found,
  })
  if (settings === null) return report({ status: 'not-asked' })
  const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
  if (target === null) return report({ status: 'absent' })
  return await closing(target, settings.keepRunning, async () => {
    const session = await target.open('boot')
    try {
      const known = await stateOf(settings).read(session)
      if (known === null) return report({ status: 'absent', target: target.label })
      const { state, configChanged } = told(known, settings)
      const goes = state.status !== 'running' || (await isHeld(session, settings.name))
      return report({
        status: goes ? state.status : 'interrupted',
        target: target.label,
        state,
        configChanged: state.status === 'done' && configChanged,
      })
    } finally {
      await session.close()
    }
  })
}

/** The row for the report, and whether the config still says what it said. */
function told({ config, ...state }: KnownState, settings: Omit<Settings, 'from'>) {
  return { state, configChanged: config !== choicesOf(settings) }
}

async function opened(target: Target, signal: AbortSignal | undefined): Promise<Session> {
  const opening = target.open('boot')
  try {
    return await unlessStopped(opening, signal)
  } catch (error) {
    opening.then(
      (session) => session.close(),
      () => {},
    )
    throw error
  }
}

/** What only looks is not waited for when somebody wants it to stop. */
async function unlessStopped<T>(looking: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await looking
  const stopped = Promise.withResolvers<never>()
  const stop = (): void => stopped.reject(stopReason(signal))
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([looking, stopped.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const stateOf = ({ boot: choice, name }: Pick<Settings, 'boot' | 'name'>): StateTable =>
  new StateTable(choice.state, name)

const pick = ({ progress, signal }: BootOptions): Tools => ({
  ...(progress === undefined ? {} : { progress }),
  ...(signal === undefined ? {} : { signal }),
})
