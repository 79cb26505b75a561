import { nameParts } from '../connection/quote.ts'

/** A table and what it became; its name alone where that is the same. The target's comes with its schema. */
export function endsOf({ source, target }: { readonly source: string; readonly target: string }): string {
  const isSame =
    target === source ||
    target.endsWith(`.${source}`) ||
    // Where it could be taken for another name the source's is quoted.
    (source.startsWith('"') && target === nameParts(source).join('.'))
  return isSame ? source : `${source} -> ${target}`
}
