/**
 * A worker's end of a connection on which the roles have turned: the proxy is the HTTP/2 client.
 *
 *     open ──(drain: PING, GOAWAY)──▶ draining ──(last stream)──▶ closed
 *       ├────(GOAWAY of the proxy)────────────▶ draining
 *       └────(lost, dead, destroyed)──────────────────────────────────────▶ closed
 */

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock.js'
import type { ProxyError } from '../errors.js'
import { Deadlines } from '../forward/deadline.js'
import type { Tunnel } from '../forward/tunnel.js'
import type { Random } from '../random.js'
import { leavingPing } from '../transports/http2/leaving.js'
import type { RawHeaders, Upstream } from '../transports/transport.js'
import type { Backend } from './backend.js'
import { type ExchangeOwner, StreamExchange } from './stream-exchange.js'
import { streamRequest } from './stream-request.js'

const { NGHTTP2_FLAG_END_STREAM } = constants

/** Milliseconds between pings, and for an answer to one: a dead proxy is found within twice this time. */
const pingInterval = 5_000
/** Milliseconds of silence after which the kernel asks whether the proxy's machine is there. */
const keepAliveTime = 10_000
/** Milliseconds in which the proxy has to answer to a notice, before it is taken for said. */
const noticeTime = 1_000
/** Bytes of one upload that may be on their way, or wait for the application. */
const streamWindow = 1024 * 1024
/** Bytes of all uploads of a connection that may be on their way. */
const sessionWindow = 16 * 1024 * 1024

const sessionOptions = {
  settings: { enableConnectProtocol: true, initialWindowSize: streamWindow, maxHeaderListSize: 256 * 1024 },
  // Node's own limit is 128 fields, and the proxy's clients may send more.
  maxHeaderListPairs: 2_000,
  // In megabytes: what Node holds outside of streams, many open ones included. The default refuses streams at 10.
  maxSessionMemory: 256,
}

/** What a session tells. */
export interface TunnelOwner {
  /** The proxy sends no new requests; said at most once. */
  draining(): void
  /** It is over; said once. `reason`: why it broke, undefined for an orderly end. */
  closed(reason: string | undefined): void
  /** A request failed. */
  failed(error: ProxyError): void
  answered(): void
}

export interface TunnelParts {
  readonly socket: Socket
  /** What was read beyond the handshake. */
  readonly head: Buffer
  readonly backend: Backend
  readonly clock: Clock
  readonly random: Random
  readonly owner: TunnelOwner
}

export class TunnelSession implements ExchangeOwner {
  readonly deadlines: Deadlines
  readonly #parts: TunnelParts
  readonly #socket: Socket
  readonly #http2: ServerHttp2Session
  readonly #upstream: Upstream
  readonly #tunnels = new Set<Tunnel>()
  #timer: Timer | undefined
  #bytesRead = 0
  #draining = false
  #closed = false
  #error: Error | undefined

  constructor(parts: TunnelParts) {
    const { socket, head, backend, clock } = parts
    this.#parts = parts
    this.#socket = socket
    this.deadlines = new Deadlines(clock)
    socket.setTimeout(0)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveTime)
    if (head.length > 0) socket.unshift(head)
    this.#upstream = backend.open(socket)
    const http2 = performServerHandshake(socket, sessionOptions)
    this.#http2 = http2
    http2.setLocalWindowSize(sessionWindow)
    http2.on('stream', this.#onStream as never)
    http2.on('goaway', () => this.#startDraining())
    http2.on('error', (error) => {
      this.#error ??= error
    })
    http2.on('close', () => this.#onClose())
    // Node tells of a session's end when all of its socket is written, which a dead peer can put off for long.
    socket.on('close', () => this.#onClose())
    this.#pingSoon()
  }

  /** Asks the proxy for no more requests, serves those that are under way or still come, and closes. */
  drain(): void {
    if (this.#closed || this.#http2.closed) return
    this.#draining = true
    for (const tunnel of this.#tunnels) tunnel.closeSoon()
    const timer = this.#parts.clock.setTimeout(() => this.#http2.close(), noticeTime)
    this.#http2.ping(leavingPing, () => {
      timer.cancel()
      // Requests may come right behind the answer, which is sent before all else.
      setImmediate(setImmediate, () => this.#http2.close())
    })
  }

  /** Ends it with everything on it. */
  destroy(): void {
    this.#http2.destroy()
    // Node waits until everything is written, and a dead peer takes nothing.
    this.#socket.destroy()
  }

  tunnelled(tunnel: Tunnel): void {
    this.#tunnels.add(tunnel)
    tunnel.run(this.deadlines, 0, () => this.#tunnels.delete(tunnel))
    if (this.#draining) tunnel.closeSoon()
  }

  failed(error: ProxyError): void {
    this.#parts.owner.failed(error)
  }

  answered(): void {
    this.#parts.owner.answered()
  }

  readonly #onStream = (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: RawHeaders): void => {
    if (stream.destroyed) return
    const complete = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const given = streamRequest(raw, complete, this.#parts.random)
    if (given !== undefined) {
      new StreamExchange(stream, given, this.#upstream, this)
      return
    }
    stream.on('error', ignore)
    stream.resume()
    stream.respond({ ':status': 400 }, { endStream: true })
  }

  #pingSoon(): void {
    this.#timer = this.#parts.clock.setTimeout(() => this.#ping(), pingInterval)
  }

  #ping(): void {
    if (this.#closed || this.#http2.closed || this.#http2.destroyed) return
    let answered = false
    this.#bytesRead = this.#socket.bytesRead
    this.#timer = this.#parts.clock.setTimeout(() => {
      // Behind a long queue the answer may take its time; anything that arrives shows that somebody is there.
      if (answered || this.#socket.bytesRead > this.#bytesRead) this.#ping()
      else this.#die()
    }, pingInterval)
    this.#http2.ping((error) => {
      answered = error === null
    })
  }

  #die(): void {
    this.#error ??= new Error('the proxy does not answer')
    this.destroy()
  }

  #startDraining(): void {
    if (this.#draining || this.#closed) return
    this.#draining = true
    this.#parts.owner.draining()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.deadlines.close()
    this.#parts.backend.release(this.#upstream)
    for (const tunnel of this.#tunnels) tunnel.destroy()
    const orderly = this.#draining && this.#error === undefined
    this.#parts.owner.closed(orderly ? undefined : (this.#error?.message ?? 'the connection closed'))
  }
}

function ignore(): void {}
