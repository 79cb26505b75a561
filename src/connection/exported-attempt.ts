import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as securedRequest } from 'node:https'
import { LandfallError } from '../errors.ts'
import { EXPORT_PATH, MAX_ANSWER_BYTES, noSettings, TOKEN_HEADER } from './exported-answer.ts'
import type { ExportedSource } from './settings.ts'

/** It may be otherwise in a moment. */
export interface Passing {
  readonly kind: 'passing'
  /** For people: `nothing listens there`. */
  readonly why: string
}

export type Outcome =
  | { readonly kind: 'answer'; readonly body: Buffer }
  | Passing
  | { readonly kind: 'final'; readonly error: LandfallError }

/** What the network says of an exporter that is not there yet, or no longer. */
const MAY_PASS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
}

/**
 * One request. No redirect is followed, since it would carry the token elsewhere, and no proxy is used.
 * @param limit milliseconds for all of it
 */
export function attempt(
  source: ExportedSource,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const url = new URL(`${source.base}${EXPORT_PATH}`)
  const request = url.protocol === 'https:' ? securedRequest : plainRequest
  return new Promise((resolve) => {
    const asked = request(url, {
      // An agent of its own: the global one may be told by the environment to go through a proxy.
      agent: false,
      headers: { [TOKEN_HEADER]: source.token, accept: 'application/json', 'accept-encoding': 'identity' },
      maxHeaderSize: 16 * 1024,
    })
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      resolve(outcome)
      asked.destroy()
    }
    const stop = (): void => end({ kind: 'passing', why: 'interrupted' })
    const timer = setTimeout(() => end({ kind: 'passing', why: 'no answer in time' }), Math.max(limit, 1))
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    asked.on('error', (error: NodeJS.ErrnoException) => end(ofError(error, source)))
    asked.on('response', (response) => {
      const refused = ofStatus(response.statusCode ?? 0, source)
      if (refused !== null) end(refused)
      else readBody(response, source, end)
    })
    asked.end()
  })
}

function readBody(response: IncomingMessage, source: ExportedSource, end: (outcome: Outcome) => void): void {
  const parts: Buffer[] = []
  let size = 0
  response.on('data', (part: Buffer) => {
    size += part.length
    parts.push(part)
    if (size > MAX_ANSWER_BYTES)
      end({ kind: 'final', error: noSettings(source.base, 'its answer is longer than settings are') })
  })
  response.on('error', (error: NodeJS.ErrnoException) => end(ofError(error, source)))
  response.on('end', () => end({ kind: 'answer', body: Buffer.concat(parts) }))
}

function ofStatus(status: number, source: ExportedSource): Outcome | null {
  if (status === 200) return null
  if (status === 401 || status === 403)
    return {
      kind: 'final',
      error: new LandfallError('LF107', `${source.base} refused the token (status ${status})`, {
        hint: 'Exporter and migration must have the same value in PLUGIN_ENV_EXPORT_TOKEN, or in what the config names.',
      }),
    }
  if (status === 408 || status === 429 || status >= 500)
    return { kind: 'passing', why: `it answers with status ${status}` }
  const why =
    status >= 300 && status < 400
      ? `it sends the caller elsewhere (status ${status}), and the token does not go there`
      : `it answers with status ${status}`
  return { kind: 'final', error: noSettings(source.base, why) }
}

function ofError(error: NodeJS.ErrnoException, source: ExportedSource): Outcome {
  // Of several addresses of one name the first counts.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const code = first instanceof Error && 'code' in first ? String(first.code) : 'no code'
  const why = MAY_PASS[code]
  if (why !== undefined) return { kind: 'passing', why }
  if (code.startsWith('HPE_'))
    return { kind: 'final', error: noSettings(source.base, 'its answer is no HTTP') }
  return {
    kind: 'final',
    error: new LandfallError('LF106', `${source.base} cannot be asked: it failed with ${code}`, {
      hint: 'Of https: the certificate must be one that Node.js trusts; NODE_EXTRA_CA_CERTS names more authorities.',
    }),
  }
}
