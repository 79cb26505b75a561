import type { Way } from './model.ts'
import { way } from './way.ts'

/**
 * Any other PostgreSQL type: the value travels as text and the server's own input function decides.
 * Whether a value fits is known only when the server has seen it.
 */
export function label(type: string): Way {
  return way({
    id: `label ${type}`,
    type,
    carrier: 'label',
    read: (c) => [
      `CASE typeof(${c}) WHEN 'blob' THEN '\\x' || hex(${c}) WHEN 'real' THEN printf('%!.17g', ${c}) WHEN 'integer' THEN CAST(${c} AS TEXT) ELSE ${c} END`,
    ],
    misfit: (c) => `(typeof(${c}) = 'text' AND NOT landfall_text_ok(CAST(${c} AS BLOB)))`,
    misfitReason: 'is no text that PostgreSQL can hold',
    injective: false,
    large: true,
    // Every text is a text.
    ...(/^(text|citext)$/i.test(type) ? {} : { judge: 'target' as const }),
    conversion: `its text, read by PostgreSQL as ${type}`,
  })
}

/** The user's own expression, in the source's dialect. */
export function converted(type: string, expression: string): Way {
  return {
    ...label(type),
    id: `convert ${type} ${expression}`,
    read: () => label(type).read(`(${expression})`),
    equal: () => label(type).equal(`(${expression})`),
    misfit: () => null,
    quickMisfit: () => null,
    conversion: expression,
  }
}
