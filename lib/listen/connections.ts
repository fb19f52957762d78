/**
 * The connections of one server, and how they end without a request being lost:
 *
 *     open → retire (answers say `Connection: close`, HTTP/2 says GOAWAY) → closeUnused → destroy
 *
 * Node's own `close()` and `closeIdleConnections()` take a response for finished as soon as its last byte is buffered,
 * and cut what a slow client has not read yet. So the sockets are followed here. That is done by the connection, not by
 * the request, and costs a request nothing; the two fields of Node's sockets that it needs are named below.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { peerOf } from './peer.js'
import type { AnyServer } from './server.js'

interface HttpSocket extends Socket {
  /** The response that has the socket at the moment; none between two requests. */
  readonly _httpMessage?: ServerResponse | null
  /** None once the socket has left HTTP/1.1: after an upgrade, or under HTTP/2. */
  readonly parser?: object | null
}

export class Connections {
  readonly #server: AnyServer
  /** As they were accepted; under TLS that is the bare TCP connection. */
  readonly #accepted = new Set<Socket>()
  /** What HTTP is spoken on, where that is another object. */
  readonly #secured = new Set<HttpSocket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  #retiring = false

  constructor(server: AnyServer) {
    this.#server = server
    const follow = <T extends { once(event: 'close', listener: () => void): unknown }>(event: string, into: Set<T>) =>
      (server as NodeJS.EventEmitter).on(event, (each: T) => {
        into.add(each)
        each.once('close', () => into.delete(each))
      })
    follow('connection', this.#accepted)
    follow('secureConnection', this.#secured)
    follow('session', this.#sessions)
  }

  get size(): number {
    return this.#accepted.size
  }

  /** From now on each connection ends with the answer that it is at, or with its next one. */
  retire(): void {
    if (this.#retiring) return
    this.#retiring = true
    ;(this.#server as NodeJS.EventEmitter).prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
      if (req.httpVersionMajor < 2) res.shouldKeepAlive = false
    })
    ;(this.#server as NodeJS.EventEmitter).on('session', (session: ServerHttp2Session) => session.close())
    for (const session of this.#sessions) session.close()
    for (const socket of this.#http) endWithAnswer(socket)
  }

  /** Closes the connections that wait for a request, and those that are still at their handshake. */
  closeUnused(): void {
    const secured = new Set([...this.#secured].map(peerOf))
    for (const socket of this.#http) if (socket.parser && !socket._httpMessage) socket.destroySoon()
    if (this.#http === this.#accepted) return
    for (const socket of this.#accepted) if (!secured.has(peerOf(socket))) socket.destroy()
  }

  /** Cuts everything. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#secured) socket.destroy()
    for (const socket of this.#accepted) socket.destroy()
  }

  get #http(): ReadonlySet<HttpSocket> {
    return 'setSecureContext' in this.#server ? this.#secured : this.#accepted
  }
}

/** Closes the connection when the answer that it is at has gone out; when there is none, it is left alone. */
function endWithAnswer(socket: HttpSocket): void {
  const res = socket._httpMessage
  if (!res) return
  if (!res.headersSent) res.shouldKeepAlive = false
  // Its head may have said that the connection stays; a next request may have come right behind it.
  res.once('finish', () =>
    setImmediate(() => {
      if (socket.destroyed || !socket.parser) return
      if (socket._httpMessage) endWithAnswer(socket)
      else socket.destroySoon()
    }),
  )
}
