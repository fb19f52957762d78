/** What Node's parser has refused never becomes a request, so the answer is written by hand. */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { ApiError } from './errors.js'

/** How long a client may take to read such an answer, in milliseconds. */
const lingerTime = 2_000

const refused = new WeakSet<Socket>()

/** For the event `clientError` of a server. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, clock: Clock): void {
  // What the client goes on to send is refused again, once for each piece.
  if (refused.has(socket)) return
  refused.add(socket)
  const { _httpMessage: response } = socket as { _httpMessage?: { headersSent: boolean } }
  if (!socket.writable || error.code === 'ECONNRESET' || response?.headersSent) {
    // Inside an answer that has begun, another one would be taken for a part of it.
    socket.destroy()
    return
  }
  const { status, body } = errorFor(error.code)
  const text = `${JSON.stringify(body, undefined, 2)}\n`
  const fields = `Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}`
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}\r\n\r\n${text}`)
  // Closing with unread bytes resets the connection, and the client may lose the answer (RFC 9112 §9.6).
  const timer = clock.setTimeout(() => socket.destroy(), lingerTime)
  socket.once('end', () => socket.destroy())
  socket.once('close', () => timer.cancel())
}

function errorFor(code: string | undefined): ApiError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError('head_too_large', 'the head of the request is longer than 16 KiB')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError('timeout', 'the request did not arrive in time')
    default:
      return new ApiError('bad_request', 'the request is malformed')
  }
}
