/**
 * The candidate that the word was probably meant to be, or null. Case, `_`, `-` and spaces do not
 * count; otherwise up to one slip in three letters is forgiven.
 */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  const plain = fold(word)
  let best: string | null = null
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const distance = slips(plain, fold(candidate))
    const allowed = Math.max(1, Math.floor(Math.max(plain.length, 1) / 3))
    if (distance <= allowed && distance < bestDistance && distance < plain.length) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` did you mean "x"?` as the end of a message, or the empty text. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = suggest(word, candidates)
  return found === null ? '' : `; did you mean ${found}?`
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[\s_-]/g, '')
}

/** Damerau-Levenshtein (optimal string alignment): letters added, lost, changed, or swapped with the next. */
function slips(a: string, b: string): number {
  // Far beyond what could count as a slip; keeps hostile names from costing a quadratic time.
  if (Math.abs(a.length - b.length) > 20 || a.length > 200) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1)
      }
      next.push(cost)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
