import type { ClientHttp2Session } from 'node:http2'
import type { Clock, Timer } from '../../clock.js'

/** Milliseconds between pings, and for an answer to one: a dead connection is found within twice this time. */
const interval = 5_000
/**
 * Pings in a row that a server gets while it says nothing else. gRPC servers take more of them for an attack, and end the
 * connection with all that is on it (gRPC A8: one that comes early is forgiven twice).
 */
const silentLimit = 3

/**
 * Finds connections whose other end is gone without a word, while there is somebody who waits for it: as long as
 * streams are open, or always on a connection that the other side opened.
 */
export class Pings {
  readonly #http2: ClientHttp2Session
  readonly #clock: Clock
  readonly #always: boolean
  readonly #bytesRead: () => number
  readonly #onDead: () => void
  /** Of the connection, when the last interval began. */
  #bytes = 0
  #timer: Timer | undefined
  #inUse = false
  #ended = false
  /** A ping is out, and neither its answer nor anything else has come since. */
  #awaited = false
  #heard = false
  /** Pings since the peer last said something by itself. */
  #silent = 0

  /** `bytesRead`: all bytes that have come over the connection so far. */
  constructor(http2: ClientHttp2Session, clock: Clock, always: boolean, bytesRead: () => number, onDead: () => void) {
    this.#http2 = http2
    this.#clock = clock
    this.#always = always
    this.#bytesRead = bytesRead
    this.#onDead = onDead
  }

  /** The connection is open. */
  begin(): void {
    if (this.#always) this.#start()
  }

  /** There are streams. */
  used(): void {
    this.#inUse = true
    if (this.#timer === undefined) this.#start()
  }

  /** There are none. The timer that runs is left alone: on a busy connection there is one again in a moment. */
  unused(): void {
    this.#inUse = false
  }

  /** Bytes of an answer are as good as the answer to a ping, which may wait behind many of them. */
  heard(): void {
    this.#heard = true
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  #start(): void {
    if (this.#ended) return
    this.#heard = false
    this.#awaited = false
    this.#bytes = this.#bytesRead()
    this.#timer = this.#clock.setTimeout(() => this.#tick(), interval)
  }

  #tick(): void {
    this.#timer = undefined
    if (this.#ended) return
    if (this.#heard) this.#silent = 0
    // A session that has ended waits for the other side to close; it answers no pings, and throws for one.
    if (this.#http2.destroyed || (this.#awaited && !this.#isAlive)) {
      this.#onDead()
      return
    }
    if (!this.#inUse && !this.#always) return
    this.#start()
    if (this.#always || this.#silent < silentLimit) this.#ping()
  }

  /**
   * Anything that has come shows that somebody is there: behind a long upload over a slow network a ping, and so its
   * answer, takes longer than an interval.
   */
  get #isAlive(): boolean {
    return this.#heard || this.#bytesRead() > this.#bytes
  }

  #ping(): void {
    this.#silent++
    this.#awaited = this.#http2.ping((error) => {
      if (error === null) this.#awaited = false
    })
  }
}
