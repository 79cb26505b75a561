import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { generate, SHAPES, type Shape } from './generate.ts'

/** What is asked of every comparison. */
export interface Bench {
  /** Of the largest table; undefined: as many as the shape has by default. */
  readonly rows: number | undefined
  /** Of each contestant. */
  readonly runs: number
  /** Where generated databases are, and may stay. */
  readonly files: string
  /** For everything that is gone afterwards. */
  readonly folder: string
  readonly say: (text: string) => void
}

/** The SQLite file of a shape, made where it is not there. */
export function sampleFile(
  { rows: wanted, files, say }: Bench,
  shape: Shape,
): { readonly file: string; readonly rows: number } {
  const rows = wanted ?? SHAPES[shape].rows
  const file = join(files, `${shape}-${rows}.db`)
  if (!existsSync(file)) {
    say(`${shape}: making ${rows} rows`)
    generate(shape, file, rows)
  }
  return { file, rows }
}
