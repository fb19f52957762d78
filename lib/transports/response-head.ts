/**
 * What makes the head of a response acceptable, and how its body is framed. Every transport asks this before it reports
 * a head, because parsers let some of it through: an answer that two readers could cut differently is not passed on
 * (RFC 9112 §6.3).
 */

import { ProxyError } from '../errors.js'
import type { RawHeaders, ResponseHead } from './transport.js'

/** A head that was found acceptable, with what its connection needs to know. */
export interface CheckedHead extends ResponseHead {
  /** Length of the body in bytes, where the head says so and there is a body. */
  readonly length: number | undefined
  readonly chunked: boolean
  /** The server closes the connection after this answer. */
  readonly close: boolean
  /** `Connection: keep-alive`, without which an HTTP/1.0 server closes. */
  readonly keepAlive: boolean
  /** The server's `Keep-Alive: timeout` in milliseconds. */
  readonly keepAliveHint: number | undefined
}

/** Checks a head, and finds out whether a body follows. `method` is that of the request. */
export function checkResponseHead(method: string, status: number, reason: string, headers: RawHeaders): CheckedHead {
  if (!(status >= 200 && status <= 999) && status !== 101) throw invalid(`a status of ${status}`)
  let length: string | undefined
  let coding: string | undefined
  let close = false
  let keepAlive = false
  let keepAliveHint: number | undefined
  for (let i = 0; i < headers.length; i += 2) {
    // Most names are told apart by their length alone.
    switch ((headers[i] as string).length) {
      case 10: {
        const name = (headers[i] as string).toLowerCase()
        const value = headers[i + 1] as string
        if (name === 'connection') {
          close ||= hasToken(value, 'close')
          keepAlive ||= hasToken(value, 'keep-alive')
        } else if (name === 'keep-alive') {
          keepAliveHint = timeoutOf(value)
        }
        break
      }
      case 14:
        if ((headers[i] as string).toLowerCase() !== 'content-length') break
        if (length !== undefined) throw invalid('more than one Content-Length')
        length = headers[i + 1] as string
        break
      case 17:
        if ((headers[i] as string).toLowerCase() !== 'transfer-encoding') break
        if (coding !== undefined) throw invalid('more than one Transfer-Encoding')
        coding = headers[i + 1] as string
    }
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw invalid(`a Content-Length of "${length}"`)
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') throw invalid(`the transfer coding "${coding}"`)
  if (length !== undefined && coding !== undefined) throw invalid('both Content-Length and Transfer-Encoding')
  const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101
  return {
    status,
    reason,
    headers,
    hasBody: !bodiless && (length === undefined || Number(length) > 0),
    length: length === undefined || bodiless ? undefined : Number(length),
    chunked: coding !== undefined && !bodiless,
    close,
    keepAlive,
    keepAliveHint,
  }
}

/** An informational answer has no body (RFC 9110 §15.2), and nothing to say about one, or about the connection's end. */
export function checkInformationalHead(headers: RawHeaders): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    const closes = name === 'connection' && hasToken(headers[i + 1] as string, 'close')
    if (closes || name === 'content-length' || name === 'transfer-encoding') {
      throw invalid(`${headers[i]} in an informational answer`)
    }
  }
}

/** Trailers that speak of framing are there to confuse somebody (RFC 9110 §6.5.1). */
export function checkTrailers(trailers: RawHeaders): void {
  for (let i = 0; i < trailers.length; i += 2) {
    const name = (trailers[i] as string).toLowerCase()
    if (name === 'content-length' || name === 'transfer-encoding') throw invalid(`${trailers[i]} in its trailers`)
  }
}

function hasToken(value: string, token: string): boolean {
  const lower = value.toLowerCase()
  return lower === token || (lower.includes(token) && lower.split(',').some((item) => item.trim() === token))
}

function timeoutOf(value: string): number | undefined {
  const timeout = /(?:^|[,;\s])timeout\s*=\s*"?(\d+)/i.exec(value)?.[1]
  return timeout === undefined ? undefined : Number(timeout) * 1000
}

function invalid(what: string): ProxyError {
  return new ProxyError('ERR_RESPONSE_INVALID', `the server answered with ${what}`)
}
