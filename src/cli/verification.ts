import { type Command, InvalidArgumentError } from 'commander'
import type { Options } from '../config/settings.ts'
import { LandfallError } from '../errors.ts'

/** How differences are listed: options of every command that verifies. */
export function withListing(command: Command): Command {
  return command
    .option('--max-diffs <n>', 'list so many differences; all are counted (default: 100)', wholeOrNone)
    .option('--show-values', 'list differences with the values of both sides')
}

/** Refuses options of which one would make the other mean nothing. Errors: LF001. */
export function refuseSenseless(flags: Options): void {
  const found = SENSELESS.find(({ when }) => when(flags))
  if (found !== undefined) throw new LandfallError('LF001', found.message, { hint: found.hint })
}

const SENSELESS: readonly {
  readonly when: (flags: Options) => boolean
  readonly message: string
  readonly hint: string
}[] = [
  {
    when: (flags) => flags.deleteExtra === true && flags.repair !== true,
    message: '--delete-extra deletes nothing without --repair',
    hint: 'landfall verify --repair --delete-extra',
  },
  {
    when: (flags) => flags.counts === true && flags.sample !== undefined,
    message: '--counts reads no row, so there is none for --sample to choose',
    hint: '--counts          only numbers of rows\n--sample 0.05     all columns of some rows',
  },
  {
    when: (flags) => flags.counts === true && flags.repair === true,
    message: '--counts does not tell which rows differ, so --repair cannot mend them',
    hint: 'landfall verify --repair   compares all rows and repairs those that differ',
  },
  {
    when: (flags) => flags.sample !== undefined && flags.repair === true,
    message: '--repair with --sample would leave the rows that were not chosen as they are',
    hint: 'landfall verify --repair   compares all rows and repairs those that differ',
  },
  {
    when: (flags) => flags.repair === true && flags.record === false,
    message: '--repair is kept in the journal, and --no-record would write nothing there',
    hint: 'landfall verify --no-record   looks and writes nothing at all',
  },
]

/** `0.05` or `5%`: a share above 0 and at most 1. */
export function share(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+) ?(%?)$/.exec(text) ?? []
  const found = Number(digits) / (percent === '%' ? 100 : 1)
  if (found > 0 && found <= 1) return found
  throw new InvalidArgumentError('It must be a share of the rows above 0 and at most 1: 0.05 or 5%.')
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 }

/** `500ms`, `30s`, `10m`, `2h`, in seconds. */
export function timeSpan(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const found = Number(digits) * (SECONDS[unit] ?? Number.NaN)
  if (found > 0 && Number.isFinite(found)) return found
  throw new InvalidArgumentError('It must be a time above 0 with its unit: 500ms, 30s, 10m or 2h.')
}

/** A whole number from 0 on. */
export function wholeOrNone(text: string): number {
  const n = Number(text.replaceAll('_', ''))
  if (/^[\d_]+$/.test(text) && /\d/.test(text) && Number.isSafeInteger(n)) return n
  throw new InvalidArgumentError('It must be a whole number from 0 on.')
}
