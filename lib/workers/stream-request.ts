/** The head of an HTTP/2 request, as a request of HTTP/1.1 to an application. */

import { createHash } from 'node:crypto'
import { isIdempotent } from '../forward/retry.js'
import type { Random } from '../random.js'
import type { RawHeaders, ResponseHead, TransportRequest } from '../transports/transport.js'

/** RFC 6455 §1.3. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** A request, and the key of its handshake if it is one for a WebSocket. */
export interface StreamRequest {
  readonly request: TransportRequest
  readonly webSocketKey: string | undefined
}

/** Reads a head. `raw`: with its pseudo-fields. `complete`: nothing follows it. Undefined: it is no request for a server. */
export function streamRequest(raw: RawHeaders, complete: boolean, random: Random): StreamRequest | undefined {
  let method = ''
  let target = ''
  let authority = ''
  let protocol: string | undefined
  let cookie = ''
  let key: string | undefined
  let length: string | undefined
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    switch (name) {
      case ':method':
        method = value
        break
      case ':path':
        target = value
        break
      case ':authority':
        authority = value
        break
      case ':protocol':
        protocol = value
        break
      case ':scheme':
        break
      case 'host':
        if (authority === '') authority = value
        break
      case 'cookie':
        // One field in HTTP/1.1, however many it was sent as (RFC 9113 §8.2.3).
        cookie = cookie === '' ? value : `${cookie}; ${value}`
        break
      case 'te':
        fields.push('TE', value)
        break
      default:
        if (name === 'content-length') length = value
        else if (name === 'sec-websocket-key') key = value
        fields.push(name, value)
    }
  }
  // A plain CONNECT is for a proxy.
  if (target === '' || (method === 'CONNECT' && protocol === undefined)) return undefined
  if (cookie !== '') fields.push('cookie', cookie)
  const headers = authority === '' ? fields : ['Host', authority, ...fields]
  if (protocol !== undefined) return upgradeRequest(target, headers, protocol, key, random)
  const hasBody = !complete && length !== '0'
  if (hasBody && length === undefined) headers.push('Transfer-Encoding', 'chunked')
  const idempotent = isIdempotent(method)
  return {
    request: { method, target, headers, hasBody, upgrade: undefined, idempotent, fresh: false, source: undefined },
    webSocketKey: undefined,
  }
}

/** An extended CONNECT (RFC 8441 §5) is a GET with a handshake in HTTP/1.1. */
function upgradeRequest(
  target: string,
  headers: string[],
  protocol: string,
  key: string | undefined,
  random: Random,
): StreamRequest {
  headers.push('Upgrade', protocol)
  let webSocketKey: string | undefined
  if (protocol === 'websocket') {
    webSocketKey = key ?? random.bytes(16).toString('base64')
    if (key === undefined) headers.push('Sec-WebSocket-Key', webSocketKey)
    if (!headers.includes('sec-websocket-version')) headers.push('Sec-WebSocket-Version', '13')
  }
  const request: TransportRequest = {
    method: 'GET',
    target,
    headers,
    hasBody: false,
    upgrade: protocol,
    idempotent: true,
    fresh: true,
    source: undefined,
  }
  return { request, webSocketKey }
}

/** The application took the handshake for what it is (RFC 6455 §4.1). */
export function isAccepted({ headers }: ResponseHead, key: string | undefined): boolean {
  if (key === undefined) return true
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'sec-websocket-accept')
  const expected = createHash('sha1')
    .update(key + webSocketGuid)
    .digest('base64')
  return at >= 0 && headers[at + 1] === expected
}
