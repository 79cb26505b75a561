import { type ErrorCode, LandfallError, type Place } from '../errors.ts'

/** What a source asks of a reader thread. */
export type Request =
  /** Opens a read transaction and really reads in it, so that the snapshot is fixed. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'run'; readonly job: Job }
  | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: PackedError }
  /** What a running job sends on the way. */
  | { readonly kind: 'message'; readonly value: unknown }

/** Work for a reader thread. `args` and the result must survive a structured clone. */
export interface Job {
  /** URL of a module. */
  readonly module: string
  /** Name of the function that it exports: `(context: JobContext, args) => T | Promise<T>`. */
  readonly export: string
  readonly args: unknown
}

export interface ReaderData {
  /** What is read: the source or its private copy. */
  readonly path: string
  /** The user's file, for messages. */
  readonly source: string
  /** One word of shared memory, 1 once the source was told to stop. */
  readonly aborted: Int32Array<SharedArrayBuffer>
}

/** An error on its way between threads: a clone would lose its class, and with it code and hint. */
export interface PackedError {
  readonly message: string
  readonly stack: string | undefined
  readonly landfall:
    | {
        readonly code: ErrorCode
        readonly hint: string | undefined
        readonly place: Place | undefined
        readonly details: Readonly<Record<string, unknown>> | undefined
      }
    | undefined
}

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined, landfall: undefined }
  const { message, stack } = error
  if (!(error instanceof LandfallError)) return { message, stack, landfall: undefined }
  const { code, hint, place, details } = error
  return { message, stack, landfall: { code, hint, place, details } }
}

export function unpackError({ message, stack, landfall }: PackedError): Error {
  const error =
    landfall === undefined
      ? new Error(message)
      : new LandfallError(landfall.code, message, {
          hint: landfall.hint,
          ...(landfall.place ? { place: landfall.place } : {}),
          ...(landfall.details ? { details: landfall.details } : {}),
        })
  if (stack !== undefined) error.stack = stack
  return error
}
