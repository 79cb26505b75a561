import type { Session } from '../connection/postgres.ts'
import { isJson } from '../connection/postgres-json.ts'
import { LandfallError } from '../errors.ts'
import type { Refuses } from '../plan/labels.ts'

/**
 * Asks the target which values a type does not take, by its own input function. Writes nothing. A value
 * that it refuses is found by halving, which every version can do.
 */
export function refusedBy(session: Session): Refuses {
  const refuses: Refuses = async (type, values) => {
    try {
      const json = await isJson(session, type)
      const read = json ? `v::${type}` : 'v'
      await session.query(
        `SELECT count(${read}) FROM json_to_recordset($1::json) AS judged(v ${json ? 'text' : type})`,
        [JSON.stringify(values.map((v) => ({ v })))],
      )
      return []
    } catch (error) {
      if (!(error instanceof LandfallError) || error.code !== 'LF304') throw error
      // Anything but bad data, such as a type that is not there, is told when the table is made.
      if (!/^2[23]/.test(String(error.details?.sqlstate))) return []
      if (values.length === 1) return values
      const middle = values.length >> 1
      return [
        ...(await refuses(type, values.slice(0, middle))),
        ...(await refuses(type, values.slice(middle))),
      ]
    }
  }
  return refuses
}
