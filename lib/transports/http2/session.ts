/**
 * One HTTP/2 connection on which the proxy is the client, and the streams that are open on it.
 *
 *     settling ──(the peer's SETTINGS)──▶ open ──(GOAWAY, or drain)──▶ draining ──(last stream)──▶ closed
 *         └───────────────────────────────────┴──(lost, dead, destroyed)──────────────────────────▶ closed
 *
 * A session is used only once the peer's SETTINGS have come: they say how many streams it takes, whether it knows
 * extended CONNECT, and that it speaks HTTP/2 at all.
 *
 * What is held of answers that nobody takes is bounded by stream: a peer sends at most `streamWindow` bytes ahead of
 * the reader. The window of the connection does not bound it, and must not: Node gives it back as soon as bytes arrive,
 * whoever reads them, so that streams that stand still never stop the others.
 */

import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../../clock.js'
import type { ServerAddress } from '../../pool/address.js'
import { leavingPing } from './leaving.js'
import { Pings } from './pings.js'

/** Bytes of one answer that may be on their way, or wait for the client: 50 MB/s at 20 ms to the server. */
export const streamWindow: number = 1024 * 1024
/** Bytes of an answer from which on its window is kept open; a shorter one does not need more than there is at first. */
export const readingFrom: number = streamWindow / 4
/** Bytes of all answers of a connection that may be on their way. */
const sessionWindow = 16 * 1024 * 1024
/** Milliseconds without a byte after which the kernel asks whether the peer's machine is there; see `pings.ts`. */
const keepAliveTime = 10_000
/** Milliseconds that the peer has to close a connection on which everything is said. */
const closeTime = 5_000

/** Streams that a connection has numbers for (RFC 9113 §5.1.1); with 10,000 requests a second that is a day's worth. */
const streamLimit = 2 ** 30 - 1

const sessionOptions = {
  settings: { enablePush: false, initialWindowSize: streamWindow, maxHeaderListSize: 256 * 1024 },
  // Node's own limit of 128 fields is one that servers of HTTP/1.1 may exceed.
  maxHeaderListPairs: 2_000,
  // In megabytes: what Node holds outside of streams, many open ones included. The default refuses streams at 10.
  maxSessionMemory: 256,
}

/** Whom a session tells how it is doing. */
export interface SessionOwner {
  /** It can be used from now on. */
  settled(session: Session): void
  /** A stream ended: there is room for another, or it is unused now. */
  freed(session: Session): void
  /** The peer takes more streams at once than before, or fewer. */
  limited(session: Session): void
  /** No new streams. Those that are open may go on. */
  draining(session: Session): void
  /** It is over; said once. `settled` may not have been said before. */
  closed(session: Session): void
}

export class Session {
  readonly #http2: ClientHttp2Session
  readonly #socket: Duplex
  readonly #clock: Clock
  readonly #owner: SessionOwner
  readonly #pings: Pings
  #settled = false
  #draining = false
  #closed = false
  #limit = 0
  #lastStream = Number.POSITIVE_INFINITY
  #closing: Timer | undefined
  #opened = 0
  /** Why it broke, if it did. */
  error: Error | undefined
  /** Streams that are open. */
  streams = 0

  /** Takes a connection that stands over. `joined`: the other side opened it, and its pings cost nobody anything. */
  constructor(socket: Duplex, address: ServerAddress, joined: boolean, clock: Clock, owner: SessionOwner) {
    this.#socket = socket
    this.#clock = clock
    this.#owner = owner
    // Node may leave a TLS connection open that was refused behind the handshake.
    socket.on('error', (error) => this.#broken(error))
    // Sockets of Node's servers stay open when the other side has ended, which here is the end of everything.
    socket.allowHalfOpen = false
    if (socket instanceof Socket) socket.setKeepAlive(true, keepAliveTime)
    const http2 = connect(`http://${address.authority}`, { ...sessionOptions, createConnection: () => socket })
    this.#http2 = http2
    http2.setLocalWindowSize(sessionWindow)
    // Whoever waits for an answer holds a connection of its own; this one keeps no process alive.
    http2.unref()
    http2.on('error', (error) => this.#broken(error))
    http2.on('remoteSettings', ({ maxConcurrentStreams }) => this.#onSettings(maxConcurrentStreams))
    http2.on('goaway', (_code, lastStream) => this.#onGoaway(lastStream ?? 0))
    if (joined) http2.on('ping', (payload) => this.#onPing(payload))
    http2.on('close', () => this.#onClose())
    // Node tells of a session's end when all of its socket is written, which a dead peer can put off for long.
    socket.on('close', () => this.#onClose())
    const bytesRead = (): number => (socket instanceof Socket ? socket.bytesRead : 0)
    this.#pings = new Pings(http2, clock, joined, bytesRead, () => this.#broken(new Error('no answer to a PING')))
  }

  /** It takes another stream, as far as anybody knows. */
  get usable(): boolean {
    return this.#settled && !this.#draining && !this.lost
  }

  /** The peer takes no more streams for now. */
  get full(): boolean {
    return this.streams >= this.#limit
  }

  get unused(): boolean {
    return this.streams === 0
  }

  /** No new streams. */
  get draining(): boolean {
    return this.#draining
  }

  /** The connection is gone. */
  get lost(): boolean {
    return this.#closed || this.#http2.destroyed || this.#socket.destroyed
  }

  /** It was told that it is closed. */
  get over(): boolean {
    return this.#closed
  }

  /** Streams that the peer takes at once. */
  get limit(): number {
    return this.#limit
  }

  /** The peer knows extended CONNECT (RFC 8441 §3). */
  get allowsExtendedConnect(): boolean {
    return this.#http2.remoteSettings.enableConnectProtocol === true
  }

  /** Begins a stream; throws what Node throws for a head that cannot be sent. {@link ended} has to be called for it. */
  open(headers: OutgoingHttpHeaders, endStream: boolean, waitForTrailers: boolean): ClientHttp2Stream {
    const stream = this.#http2.request(headers, { endStream, waitForTrailers })
    this.streams++
    if (++this.#opened === streamLimit) this.#drain()
    this.#pings.used()
    return stream
  }

  /** A stream is closed. */
  ended(): void {
    this.streams--
    if (this.streams === 0) {
      this.#pings.unused()
      if (this.#draining) this.#finish()
    }
    if (!this.#closed) this.#owner.freed(this)
  }

  /** Something of an answer has come: the peer is alive. */
  heard(): void {
    this.#pings.heard()
  }

  /** The peer has said that it did nothing for this stream (RFC 9113 §6.8). */
  disowned(id: number | undefined): boolean {
    return id !== undefined && id > this.#lastStream
  }

  /** Lets the open streams end, and takes no new ones. */
  drain(): void {
    if (this.#draining) return
    this.#drain()
    // Node sends no pings on a session that is told to close, so that is said when the last stream has ended.
    if (!this.lost) this.#http2.goaway()
    if (this.streams === 0) this.#finish()
  }

  /** Ends it with everything on it. */
  destroy(): void {
    this.#drain()
    // The socket first. Node would wait until everything is written, of which a dead peer takes nothing; and it would
    // ask streams that are destroyed already for what they have to send, over which it aborts the process.
    this.#socket.destroy()
    this.#http2.destroy()
  }

  #drain(): void {
    if (this.#draining || this.#closed) return
    this.#draining = true
    this.#owner.draining(this)
  }

  /** Everything is said; a peer that does not close its side is not waited for. */
  #finish(): void {
    if (this.#closed) return
    this.#http2.close()
    this.#closing ??= this.#clock.setTimeout(() => this.destroy(), closeTime)
  }

  #onSettings(limit: number | undefined): void {
    this.#limit = limit === undefined || limit >= streamLimit ? Number.POSITIVE_INFINITY : limit
    if (this.#settled) {
      if (!this.#closed) this.#owner.limited(this)
      return
    }
    this.#settled = true
    this.#pings.begin()
    if (!this.lost) this.#owner.settled(this)
  }

  #onPing(payload: Uint8Array): void {
    if (!leavingPing.equals(payload)) return
    this.#drain()
    if (this.streams === 0) this.#finish()
  }

  #onGoaway(lastStream: number): void {
    this.#lastStream = lastStream
    this.#drain()
    if (this.streams === 0) this.#finish()
  }

  #broken(error: Error): void {
    this.error ??= error
    this.destroy()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#draining = true
    this.#pings.end()
    this.#closing?.cancel()
    this.#owner.closed(this)
  }
}
