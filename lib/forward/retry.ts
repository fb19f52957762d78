/**
 * Whether, and where, a request is tried again. Nothing here has a side effect but `RetryBudget.take`, which is asked
 * last.
 */

import type { ProxyError } from '../errors.js'
import type { ForwardOptions } from './options.js'
import type { RetryBudget } from './retry-budget.js'

/** Methods that may be sent twice (RFC 9110 §9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** The part of the options that decides. */
export type RetryOptions = Pick<ForwardOptions, 'retryOn' | 'retryLimit'>

export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method)
}

/** `same-server`: on a new connection. `other-server`: whichever the pool gives. */
export type NextTry = 'same-server' | 'other-server' | 'none'

/** What the decision rests on. */
export interface FailedTry {
  readonly error: ProxyError
  readonly method: string
  /** Tries so far, this one included. */
  readonly tries: number
  /** The body can be sent from its beginning. */
  readonly replayable: boolean
  /** Something of the answer has gone to the client. */
  readonly responseStarted: boolean
  /** The connection may be at fault rather than the server; see {@link isStale}. */
  readonly stale: boolean
}

/** What tells about a try whether its connection is to blame. */
export interface TriedConnection {
  /** It had served other requests before. */
  readonly reused: boolean
  /** It was made for this try, after another one had turned out to be of no use. */
  readonly fresh: boolean
  /** The head of an answer has come. */
  readonly answered: boolean
}

/**
 * A kept connection was closed as it was taken, or took no more requests (HTTP/2): that says nothing about the server,
 * and is neither its failure nor a retry. Once for a request: of a fresh connection it would say something.
 */
export function isStale({ reused, fresh, answered }: TriedConnection, { code }: ProxyError): boolean {
  if (fresh || answered) return false
  return code === 'ERR_STREAM_REFUSED' || (reused && code === 'ERR_CONNECTION_LOST')
}

export function nextTry(failed: FailedTry, options: RetryOptions, budget: RetryBudget): NextTry {
  const { error } = failed
  if (failed.responseStarted || !failed.replayable || error.retry === 'never') return 'none'
  const { retryOn, retryLimit } = options
  if (error.retry === 'anywhere') {
    if (failed.stale && error.code === 'ERR_STREAM_REFUSED') return 'same-server'
    const wantedHere = retryOn.connect || (error.code === 'ERR_CONNECT_TIMEOUT' && retryOn.timeout)
    return wantedHere && withinLimit(failed.tries, retryLimit) ? 'other-server' : 'none'
  }
  if (!isIdempotent(failed.method) && !retryOn.nonIdempotent) return 'none'
  if (failed.stale && error.code === 'ERR_CONNECTION_LOST') return 'same-server'
  if (!wanted(error, retryOn) || !withinLimit(failed.tries, retryLimit)) return 'none'
  return budget.take() ? 'other-server' : 'none'
}

function wanted(error: ProxyError, retryOn: RetryOptions['retryOn']): boolean {
  switch (error.code) {
    case 'ERR_RESPONSE_TIMEOUT':
      return retryOn.timeout
    case 'ERR_RESPONSE_STATUS':
      return true
    default:
      return retryOn.reset
  }
}

function withinLimit(tries: number, limit: number | undefined): boolean {
  return limit === undefined || tries < limit
}
