import { qualified } from '../connection/quote.ts'

/** The name alone in the schema `public`; quoted where it could be taken for another one. */
export function tableLabel({ schema, name }: { readonly schema: string; readonly name: string }): string {
  if (/[."]/.test(schema + name)) return qualified(schema, name)
  return schema === 'public' ? name : `${schema}.${name}`
}
