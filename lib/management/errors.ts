/** What goes wrong in a call, and how it is told: always as `{ "error": { "code", "message" } }`. */

import type { Diagnostic } from '../config/diagnostics.js'
import { ChangeError } from '../forward/control.js'

interface ErrorRow {
  readonly status: number
  /** For the documentation. */
  readonly meaning: string
}

export type ApiErrorCode =
  | 'bad_request'
  | 'bad_json'
  | 'bad_body'
  | 'bad_query'
  | 'unknown_pool'
  | 'ambiguous'
  | 'invalid'
  | 'bad_configuration'
  | 'unauthorized'
  | 'foreign_host'
  | 'foreign_origin'
  | 'not_found'
  | 'method_not_allowed'
  | 'timeout'
  | 'body_too_large'
  | 'unsupported_encoding'
  | 'bad_expectation'
  | 'head_too_large'
  | 'internal'
  | 'not_ready'
  | 'unavailable'

/** Each code with its status. `docs/management-api.md` lists the same. */
export const apiErrors: Readonly<Record<ApiErrorCode, ErrorRow>> = {
  bad_request: { status: 400, meaning: 'The request is malformed as HTTP: its target, its framing, its `Host`.' },
  bad_json: { status: 400, meaning: 'The body is not JSON in UTF-8. The message says where it breaks off.' },
  bad_body: { status: 400, meaning: 'A key of the body is unknown, missing, or has a value that it cannot have.' },
  bad_query: {
    status: 400,
    meaning: 'A parameter behind `?` is unknown, stands twice, or has a value it cannot have.',
  },
  unknown_pool: { status: 400, meaning: 'The body names a pool that does not exist, or has to name one.' },
  ambiguous: { status: 400, meaning: 'Two servers of the pool have this host and port. Add `?id=`.' },
  invalid: { status: 400, meaning: 'The proxy refuses the change. The message says why.' },
  bad_configuration: { status: 400, meaning: 'The file does not load. `diagnostics` lists every problem.' },
  unauthorized: { status: 401, meaning: 'The token is missing or wrong. Send `Authorization: Bearer TOKEN`.' },
  foreign_host: { status: 403, meaning: '`Host` names neither this machine nor the listener. See Security.' },
  foreign_origin: { status: 403, meaning: 'A page of another site made the call. See Security.' },
  not_found: { status: 404, meaning: 'There is no such call, pool, server or part of the proxy.' },
  method_not_allowed: { status: 405, meaning: 'The path exists, but not with this method. `Allow` lists those.' },
  timeout: { status: 408, meaning: 'The request did not arrive in time.' },
  body_too_large: { status: 413, meaning: 'The body is longer than 64 KiB.' },
  unsupported_encoding: { status: 415, meaning: 'The body is compressed. Send it as it is.' },
  bad_expectation: { status: 417, meaning: '`Expect` asks for something other than `100-continue`.' },
  head_too_large: { status: 431, meaning: 'The head of the request is longer than 16 KiB.' },
  internal: { status: 500, meaning: 'The proxy failed. Its log says how.' },
  not_ready: { status: 503, meaning: 'Of `/readyz`: the proxy takes no requests, since it is about to stop.' },
  unavailable: { status: 503, meaning: 'The registry that holds the pools is out of reach. The message says why.' },
}

/** Why a call is refused; nothing was changed. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly status: number
  /** Further fields of the answer. */
  readonly headers: Readonly<Record<string, string>>
  /** The problems of a configuration. */
  readonly diagnostics: readonly Diagnostic[] | undefined

  constructor(
    code: ApiErrorCode,
    message: string,
    more: { headers?: Readonly<Record<string, string>>; diagnostics?: readonly Diagnostic[] } = {},
  ) {
    super(message)
    this.code = code
    this.status = apiErrors[code].status
    this.headers = more.headers ?? {}
    this.diagnostics = more.diagnostics
  }

  /** The body of the answer. */
  get body(): object {
    const { code, message, diagnostics } = this
    if (diagnostics === undefined) return { error: { code, message } }
    const listed = diagnostics.map(({ place, section, message }) => ({ ...place, section, message }))
    return { error: { code, message, diagnostics: listed } }
  }
}

const changeErrors: Readonly<Record<ChangeError['code'], ApiErrorCode>> = {
  'not-found': 'not_found',
  invalid: 'invalid',
  unavailable: 'unavailable',
}

/** Whatever a call has thrown, as the error to answer; undefined: nobody has foreseen it. */
export function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  if (error instanceof ChangeError) return new ApiError(changeErrors[error.code], error.message)
  const diagnostics = diagnosticsOf(error)
  if (diagnostics === undefined) return undefined
  return new ApiError('bad_configuration', (error as Error).message, { diagnostics })
}

/** A `ConfigError` by its looks: the one of another process has lost its class on the way. */
function diagnosticsOf(error: unknown): readonly Diagnostic[] | undefined {
  if (!(error instanceof Error) || !('diagnostics' in error) || !Array.isArray(error.diagnostics)) return undefined
  return error.diagnostics as readonly Diagnostic[]
}
