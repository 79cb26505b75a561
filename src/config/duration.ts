const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** Milliseconds of a text such as `500ms`, `90s`, `30m` or `2h`; null where it is no such text. */
export function readDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text.trim())
  if (match === null) return null
  const milliseconds = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
  // Timers of Node.js hold no more than 31 bits.
  return milliseconds <= 0x7fff_ffff ? milliseconds : null
}
