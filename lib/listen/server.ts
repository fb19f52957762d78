/** Node's servers as `[LISTEN]` describes them. */

import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { ListenAddress, ListenOptions } from './options.js'

export type AnyServer = HttpServer | HttpsServer | Http2SecureServer

/** A server for one address; it does not listen yet. */
export function makeServer({ scheme }: ListenAddress, options: ListenOptions, clock: Clock): AnyServer {
  const server = create(scheme, options)
  // Under HTTP/2 Node takes the limits of HTTP/1.1 from properties alone, so they are set in one way for all.
  Object.assign(server, limits(options), { connectionsCheckingInterval: checkingInterval(options) })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => answerBadRequest(error, socket, clock))
  return server
}

/** Puts other options in force while the server runs; connections that stand keep what they have. */
export function changeOptions(server: AnyServer, options: ListenOptions): void {
  Object.assign(server, limits(options))
  if ('setSecureContext' in server) {
    server.setSecureContext({ cert: options.certificate ?? '', key: options.certificateKey ?? '' })
  }
}

function create(scheme: 'http' | 'https', options: ListenOptions): AnyServer {
  // Said aloud, since a flag of Node's command line could switch it on for all servers of the process.
  if (scheme === 'http') return createHttpServer({ insecureHTTPParser: false })
  const tls = { cert: options.certificate ?? '', key: options.certificateKey ?? '' }
  if (!options.http2) return createHttpsServer({ ...tls, insecureHTTPParser: false })
  const server = createSecureServer({
    ...tls,
    allowHTTP1: true,
    // WebSocket over HTTP/2 (RFC 8441 §3).
    settings: { enableConnectProtocol: true, maxHeaderListSize: options.maxHeaderSize },
  })
  Object.assign(server, { insecureHTTPParser: false })
  closeUnusedSessions(server)
  return server
}

function limits(options: ListenOptions): Record<string, number> {
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, maxHeaderSize } = options
  return {
    requestTimeout,
    // Node refuses a time for the head that is longer than the one for the whole request.
    headersTimeout: requestTimeout > 0 ? Math.min(headersTimeout, requestTimeout) : headersTimeout,
    keepAliveTimeout,
    maxHeaderSize,
    // Newer Node takes 0 at its word, and refuses every connection.
    maxConnections: maxConnections > 0 ? maxConnections : Number.POSITIVE_INFINITY,
  }
}

/** How often Node looks for requests that are late, in milliseconds: often enough for short limits to be kept. */
function checkingInterval({ headersTimeout, requestTimeout }: ListenOptions): number {
  const shortest = Math.min(headersTimeout || 120_000, requestTimeout || 120_000)
  return Math.max(100, Math.min(30_000, shortest / 4))
}

/** `KeepAliveTimeout` for HTTP/2: a session without a stream for so long is closed. */
function closeUnusedSessions(server: Http2SecureServer): void {
  server.on('session', (session) => {
    let streams = 0
    const wait = (): void => {
      const { keepAliveTimeout } = server as unknown as { keepAliveTimeout: number }
      session.setTimeout(keepAliveTimeout)
    }
    session.on('stream', (stream) => {
      streams++
      session.setTimeout(0)
      stream.once('close', () => {
        streams--
        if (streams === 0 && !session.destroyed) wait()
      })
    })
    session.on('timeout', () => session.close())
    wait()
  })
  // Node has dealt with these; nobody has to hear of the failed handshakes of others.
  for (const event of ['sessionError', 'tlsClientError']) server.on(event, () => {})
}

const answers: Readonly<Record<string, readonly [status: string, text: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The header of the request is too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Payload Too Large', 'The chunk extensions of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time.'],
}
const malformed = ['400 Bad Request', 'The request is malformed.'] as const

/** How long a client may take to read such an answer, in milliseconds. */
const lingerTime = 2_000

const refused = new WeakSet<Socket>()

/** What Node's parser has refused never becomes a request, so the answer is written by hand. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket, clock: Clock): void {
  // What the client goes on to send is refused again, once for each piece.
  if (refused.has(socket)) return
  refused.add(socket)
  const { _httpMessage: response } = socket as { _httpMessage?: { headersSent: boolean } }
  if (!socket.writable || error.code === 'ECONNRESET' || response?.headersSent) {
    // Inside an answer that has begun, another one would be taken for a part of it.
    socket.destroy()
    return
  }
  const [status, text] = answers[error.code ?? ''] ?? malformed
  const body = `${status}\n${text}\n`
  const fields = `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}`
  socket.end(`HTTP/1.1 ${status}\r\n${fields}\r\n\r\n${body}`)
  // Closing with unread bytes resets the connection, and the client may lose the answer (RFC 9112 §9.6).
  const timer = clock.setTimeout(() => socket.destroy(), lingerTime)
  socket.once('end', () => socket.destroy())
  socket.once('close', () => timer.cancel())
}
