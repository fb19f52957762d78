/**
 * One request that came through a tunnel: an HTTP/2 stream on the proxy's side, a request of HTTP/1.1 (or whatever the
 * server behind a sidecar speaks) on the other.
 *
 *     sent ──▶ connected ──▶ (head held) ──▶ responded ──▶ ended
 *       ▲          │                             └──(breaks off)──▶ stream reset
 *       └─(stale)──┴──(fails)──▶ stream reset, or refused
 *
 * Before the head of an answer nothing but a reset tells of a failure: the proxy knows whether another try is safe, and
 * what its client is to be told. REFUSED_STREAM says that nobody has seen the request (RFC 9113 §8.7).
 */

import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ProxyError } from '../errors.js'
import type { Deadlines } from '../forward/deadline.js'
import { informationalHead } from '../forward/response-head.js'
import { Tunnel } from '../forward/tunnel.js'
import type { Carriage, CarriageEvents, RawHeaders, ResponseHead, Upstream } from '../transports/transport.js'
import { isAccepted, type StreamRequest } from './stream-request.js'
import { hasLength, respond, streamFields } from './stream-response.js'

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants

/** Bytes of an answer that may wait for the proxy before the application is held back. */
const aheadLimit = 128 * 1024
/** Milliseconds for which an upload that nobody wants any more is read and thrown away. */
const lingerTime = 30_000
const nothing = Buffer.alloc(0)

/** What an exchange belongs to. */
export interface ExchangeOwner {
  readonly deadlines: Deadlines
  /** A connection changed its protocol. */
  tunnelled(tunnel: Tunnel): void
  /** The application could not be reached, or did not answer properly. */
  failed(error: ProxyError): void
  /** It answered. */
  answered(): void
}

export class StreamExchange implements CarriageEvents {
  readonly #stream: ServerHttp2Stream
  readonly #given: StreamRequest
  readonly #upstream: Upstream
  readonly #owner: ExchangeOwner
  #carriage: Carriage
  #reused = false
  #stale = false
  #reading = false
  /** The application has got some of the body. */
  #bodyBegun = false
  #requestComplete: boolean
  #requestTrailers: RawHeaders = []
  /** A head that goes out together with what follows it in the same turn. */
  #held: ResponseHead | undefined
  #heldBody: Buffer | undefined
  #responded = false
  #trailers: RawHeaders | undefined
  #waits = false
  #over = false

  constructor(stream: ServerHttp2Stream, given: StreamRequest, upstream: Upstream, owner: ExchangeOwner) {
    this.#stream = stream
    this.#given = given
    this.#upstream = upstream
    this.#owner = owner
    this.#requestComplete = !given.request.hasBody
    stream.on('error', ignore)
    stream.on('aborted', this.#onGone)
    stream.on('close', this.#onGone)
    // An empty body may still have to end.
    if (this.#requestComplete && given.request.upgrade === undefined) stream.resume()
    this.#carriage = upstream.send(given.request, this)
  }

  // What the transport says.

  connected(carriage: Carriage, reused: boolean): void {
    this.#carriage = carriage
    this.#reused = reused
    if (this.#requestComplete) return
    if (this.#reading) this.#stream.resume()
    else this.#readBody()
  }

  informational(status: number, headers: RawHeaders): void {
    if (this.#stream.destroyed || this.#stream.headersSent) return
    try {
      this.#stream.additionalHeaders(streamFields(informationalHead(headers), status))
    } catch {
      // HTTP/2 has no 101, and nobody misses a hint that it cannot carry.
    }
  }

  response(head: ResponseHead): void {
    this.#owner.answered()
    this.#held = head
    if (!head.hasBody) this.#respond(true, false)
  }

  data(chunk: Buffer): boolean {
    if (this.#held !== undefined) {
      if (this.#heldBody === undefined && chunk.length < aheadLimit) {
        this.#heldBody = chunk
        return true
      }
      this.#release()
    }
    return this.#write(chunk)
  }

  holds(): boolean {
    return this.#heldBody !== undefined || this.#stream.writableLength > 0
  }

  flush(): void {
    this.#release()
  }

  end(trailers: RawHeaders): void {
    this.#over = true
    const stream = this.#stream
    if (this.#held !== undefined && trailers.length === 0) {
      // All of it came in one turn.
      const body = this.#heldBody
      if (this.#respond(body === undefined, false) && body !== undefined) stream.end(body)
    } else {
      this.#release()
      this.#trailers = trailers
      if (!stream.writableEnded) stream.end()
    }
    if (this.#given.request.upgrade !== undefined) this.#reset(NGHTTP2_NO_ERROR)
    else if (!this.#requestComplete) this.#linger()
  }

  upgraded(head: ResponseHead, socket: Duplex, rest: Buffer): void {
    this.#over = true
    socket.on('error', ignore)
    if (this.#stream.destroyed || !isAccepted(head, this.#given.webSocketKey)) {
      socket.destroy()
      this.#reset(NGHTTP2_INTERNAL_ERROR)
      return
    }
    const fields = streamFields(head.headers, 200)
    delete fields['sec-websocket-accept']
    delete fields['content-length']
    try {
      respond(this.#stream, fields, {})
    } catch {
      socket.destroy()
      this.#reset(NGHTTP2_INTERNAL_ERROR)
      return
    }
    const tunnel = new Tunnel(this.#stream, socket, this.#given.webSocketKey !== undefined)
    this.#owner.tunnelled(tunnel)
    tunnel.passOn(rest, nothing)
  }

  drained(): void {
    if (!this.#stream.destroyed) this.#stream.resume()
  }

  failed(error: ProxyError): void {
    if (this.#mayRepeat(error)) {
      this.#stale = true
      if (this.#reading) this.#stream.pause()
      this.#carriage = this.#upstream.send({ ...this.#given.request, fresh: true }, this)
      return
    }
    this.#over = true
    this.#owner.failed(error)
    const unseen = !this.#responded && error.retry === 'anywhere'
    this.#reset(unseen ? NGHTTP2_REFUSED_STREAM : NGHTTP2_INTERNAL_ERROR)
  }

  /** A kept connection was closed as it was taken: that says nothing about the server. */
  #mayRepeat(error: ProxyError): boolean {
    if (error.code !== 'ERR_CONNECTION_LOST' || !this.#reused || this.#stale || this.#bodyBegun) return false
    return this.#given.request.idempotent && !this.#stream.destroyed
  }

  // The request's body.

  #readBody(): void {
    const stream = this.#stream
    this.#reading = true
    stream.on('data', (chunk: Buffer) => {
      this.#bodyBegun = true
      if (!this.#over && !this.#carriage.write(chunk)) stream.pause()
    })
    stream.on('trailers', (_headers, _flags, ...more: unknown[]) => {
      this.#requestTrailers = more[0] as RawHeaders
    })
    stream.on('end', () => {
      this.#bodyBegun = true
      // What was reset has an end as well.
      if (stream.aborted) return
      this.#requestComplete = true
      if (!this.#over) this.#carriage.end(this.#requestTrailers)
    })
  }

  /** The answer was complete before the upload: its rest is thrown away, and after a while refused (RFC 9113 §8.1). */
  #linger(): void {
    const stream = this.#stream
    this.#carriage.abort()
    stream.resume()
    const timer = this.#owner.deadlines.clock.setTimeout(() => stream.close(NGHTTP2_NO_ERROR), lingerTime)
    stream.once('close', () => timer.cancel())
  }

  // The response.

  #release(): void {
    if (this.#held === undefined) return
    const { headers } = this.#held
    const body = this.#heldBody
    // Node needs a frame more for an answer that may have trailers, and one of a known length has none in HTTP/1.1.
    const mayHaveTrailers = this.#given.request.upgrade === undefined && !hasLength(headers)
    if (this.#respond(false, mayHaveTrailers) && body !== undefined) this.#write(body)
  }

  /** Sends the head that was held. False: it cannot be sent, and the request is over. */
  #respond(complete: boolean, waitForTrailers: boolean): boolean {
    const head = this.#held as ResponseHead
    const stream = this.#stream
    this.#held = undefined
    this.#heldBody = undefined
    if (stream.destroyed || stream.closed) return false
    try {
      respond(stream, streamFields(head.headers, head.status), { endStream: complete, waitForTrailers })
    } catch {
      this.#over = true
      this.#carriage.abort()
      this.#reset(NGHTTP2_INTERNAL_ERROR)
      return false
    }
    this.#responded = true
    if (waitForTrailers) stream.on('wantTrailers', this.#onWantTrailers)
    return true
  }

  #write(chunk: Buffer): boolean {
    const stream = this.#stream
    if (!stream.writable) return true
    if (stream.write(chunk) || stream.writableLength < aheadLimit) return true
    if (!this.#waits) {
      this.#waits = true
      stream.on('drain', () => this.#carriage.resume())
    }
    return false
  }

  readonly #onWantTrailers = (): void => {
    const stream = this.#stream
    try {
      stream.sendTrailers(streamFields(this.#trailers ?? [], undefined))
    } catch {
      // Names that HTTP/2 does not have, or a stream that has just been closed.
      if (!stream.destroyed) stream.close(NGHTTP2_INTERNAL_ERROR)
    }
  }

  #reset(code: number): void {
    if (!this.#stream.destroyed) this.#stream.close(code)
    // What has arrived is of no use: a stream with unread bytes would never close.
    this.#stream.resume()
  }

  /** The proxy has given it up, or the connection is lost. */
  readonly #onGone = (): void => {
    if (this.#over) return
    this.#over = true
    this.#carriage.abort()
    this.#stream.resume()
  }
}

function ignore(): void {}
