import { MisfitError, type Row, type RowEncoder } from './model.ts'
import type { Output } from './output.ts'

/** What both formats share: rows are written into the output one by one, and a misfit names its row. */
export function rowEncoder(
  out: Output,
  encodeRow: (row: Row) => void,
  { header, trailer }: Pick<RowEncoder, 'header' | 'trailer'>,
): RowEncoder {
  return {
    header,
    trailer,
    get size() {
      return out.size
    },
    encode(rows) {
      let index = 0
      try {
        for (; index < rows.length; index += 1) encodeRow(rows[index]!)
      } catch (error) {
        if (error instanceof MisfitError) error.row = index
        throw error
      }
    },
    take: () => out.take(),
    release: (piece) => out.release(piece),
    close: () => out.close(),
  }
}
