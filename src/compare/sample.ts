/**
 * Integer keys are chosen by a multiplicative hash: the same expression in both databases, so that both
 * sides take the same rows, and take them again the next time. No step of it leaves 63 bits.
 */
export function inSample(key: string, share: number): string {
  return `(((${key}) & 2147483647) * 2654435761) & 4294967295 < ${threshold(share)}`
}

/** Of the numbers below 2^32, so many are in the sample. */
export function threshold(share: number): number {
  return Math.max(1, Math.floor(share * 2 ** 32))
}
