/** WebSocket over HTTP/2 (RFC 8441), told as HTTP/1.1 would: the client's side speaks that. */

import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http2'
import { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import type { RawHeaders, ResponseHead, TransportRequest } from '../transport.js'
import { requestHead } from './request-head.js'
import type { Session } from './session.js'

/** RFC 6455 §1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * The head of a handshake (RFC 8441 §5): the key of HTTP/1.1 has no meaning here. Throws `ERR_UPGRADE_INVALID` where it
 * cannot even be asked for.
 */
export function webSocketHead(request: TransportRequest, server: ServerAddress, session: Session): OutgoingHttpHeaders {
  if (request.upgrade?.toLowerCase() !== 'websocket') {
    throw invalid(`"${request.upgrade}" cannot be asked for over HTTP/2, which has WebSocket alone (RFC 8441)`)
  }
  if (!session.allowsExtendedConnect) {
    throw invalid(
      'the server takes no WebSockets over HTTP/2: no ENABLE_CONNECT_PROTOCOL in its SETTINGS (RFC 8441 §3)',
    )
  }
  const head = requestHead(request, server)
  delete head['sec-websocket-key']
  head[':method'] = 'CONNECT'
  head[':protocol'] = 'websocket'
  return head
}

function invalid(message: string): ProxyError {
  return new ProxyError('ERR_UPGRADE_INVALID', message)
}

/** The head of an accepted handshake, as a server of HTTP/1.1 would have sent it. */
export function acceptedHead(head: ResponseHead, request: TransportRequest): ResponseHead {
  const headers: string[] = []
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] as string
    if (name !== 'content-length' && name !== 'sec-websocket-accept') headers.push(name, head.headers[i + 1] as string)
  }
  headers.push('Upgrade', 'websocket', 'Connection', 'Upgrade')
  const key = keyOf(request.headers)
  if (key !== undefined)
    headers.push(
      'Sec-WebSocket-Accept',
      createHash('sha1')
        .update(key + guid)
        .digest('base64'),
    )
  return { status: 101, reason: 'Switching Protocols', headers, hasBody: false }
}

function keyOf(headers: RawHeaders): string | undefined {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'sec-websocket-key')
  return at < 0 ? undefined : headers[at + 1]
}
