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
  /** The try went over a kept connection, and no answer had begun. */
  readonly stale: boolean
}

export function nextTry(failed: FailedTry, options: RetryOptions, budget: RetryBudget): NextTry {
  const { error } = failed
  if (failed.responseStarted || !failed.replayable || error.retry === 'never') return 'none'
  const { retryOn, retryLimit } = options
  if (error.retry === 'anywhere') {
    const wantedHere = retryOn.connect || (error.code === 'ERR_CONNECT_TIMEOUT' && retryOn.timeout)
    return wantedHere && withinLimit(failed.tries, retryLimit) ? 'other-server' : 'none'
  }
  if (!isIdempotent(failed.method) && !retryOn.nonIdempotent) return 'none'
  // A kept connection that was closed as it was taken says nothing about the server, and is no retry.
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
