import type { Way } from './model.ts'

type Parts = Pick<Way, 'id' | 'type' | 'carrier' | 'misfit' | 'misfitReason'> & Partial<Way>

/** Fills in what most ways share: the value travels as it is, changes nothing, keeps values apart. */
export function way(parts: Parts): Way {
  return {
    read: (c) => [c],
    bytes: false,
    quickMisfit: parts.misfit,
    large: false,
    injective: true,
    conversion: null,
    ...parts,
  }
}
