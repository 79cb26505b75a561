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
    wider: null,
    equal: parts.read ?? ((c) => [c]),
    ...parts,
  }
}

/** '' becomes NULL, because the user said so. */
export function emptyAsNull(base: Way): Way {
  const value = (c: string) => `nullif(${c}, '')`
  return {
    ...base,
    id: `${base.id} empty-null`,
    wider: base.wider === null ? null : `${base.wider} empty-null`,
    read: (c) => base.read(value(c)),
    equal: (c) => base.equal(value(c)),
    misfit: (c) => base.misfit(value(c)),
    quickMisfit: (c) => base.quickMisfit(value(c)),
    injective: false,
    conversion: [base.conversion, "'' to NULL"].filter(Boolean).join('; '),
  }
}
