/**
 * What makes the head of a response acceptable. Every transport asks this before it reports a head, because Node's
 * parser lets some of it through: an answer that two readers could cut differently is not passed on (RFC 9112 §6.3).
 */

import { ProxyError } from '../errors.js'
import type { RawHeaders, ResponseHead } from './transport.js'

/** Checks a head, and finds out whether a body follows. `method` is that of the request. */
export function checkResponseHead(method: string, status: number, reason: string, headers: RawHeaders): ResponseHead {
  if (!(status >= 200 && status <= 999) && status !== 101) throw invalid(`a status of ${status}`)
  let length: string | undefined
  let coding: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) throw invalid('more than one Content-Length')
      length = headers[i + 1] as string
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (coding !== undefined) throw invalid('more than one Transfer-Encoding')
      coding = headers[i + 1] as string
    }
  }
  if (length !== undefined && !/^\d+$/.test(length)) throw invalid(`a Content-Length of "${length}"`)
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw invalid(`the transfer coding "${coding}"`)
  if (length !== undefined && coding !== undefined) throw invalid('both Content-Length and Transfer-Encoding')
  const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101
  return { status, reason, headers, hasBody: !bodiless && length !== '0' }
}

/** The `timeout` of a `Keep-Alive` field in milliseconds, or undefined. */
export function keepAliveHint(headers: RawHeaders): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue
    const timeout = /(?:^|[,;\s])timeout\s*=\s*"?(\d+)/i.exec(headers[i + 1] as string)?.[1]
    if (timeout !== undefined) return Number(timeout) * 1000
  }
  return undefined
}

function invalid(what: string): ProxyError {
  return new ProxyError('ERR_RESPONSE_INVALID', `the server answered with ${what}`)
}
