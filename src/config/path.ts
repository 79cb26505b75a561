/** `moves.orders.columns["unit price"]`: what a JavaScript reader would type. */
export function printPath(path: readonly PropertyKey[]): string {
  let out = ''
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`
    // An option of the command line stands for itself.
    else if (out === '' && /^--[a-z-]+$/.test(String(part))) out = String(part)
    else if (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(String(part)))
      out += out === '' ? String(part) : `.${String(part)}`
    else out += `[${JSON.stringify(String(part))}]`
  }
  return out
}
