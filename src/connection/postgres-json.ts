import type { Session } from './postgres.ts'

/** What a session has said of types, which are asked about with each batch. */
const known = new WeakMap<Session, Map<string, boolean>>()

/**
 * Whether a type is json or jsonb, or a domain over one of them. Inside of JSON a text is no value of
 * such a type, so what else reads a text as its type does not serve there.
 */
export async function isJson(session: Session, type: string): Promise<boolean> {
  const types = known.get(session) ?? new Map<string, boolean>()
  known.set(session, types)
  const before = types.get(type)
  if (before !== undefined) return before
  const { rows } = await session.query<{ json: boolean }>(
    `WITH RECURSIVE base (type) AS (
        SELECT to_regtype($1)::oid UNION ALL
        SELECT t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT coalesce(bool_or(type IN ('json'::regtype, 'jsonb'::regtype)), false) AS json FROM base`,
    [type],
  )
  const answer = rows[0]!.json
  types.set(type, answer)
  return answer
}
