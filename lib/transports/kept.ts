import type { Clock, Timer } from '../clock.js'
import type { ConnectionOptions } from './transport.js'

/** How long unused connections are kept, and how many. */
export type KeepOptions = Pick<ConnectionOptions, 'keepAliveTimeout' | 'keepAliveConnections'>

/** A connection that can wait for its next request. */
export interface KeptConnection {
  /** When it has waited long enough, on the clock's scale. Written by {@link Kept}. */
  expires: number
  /** It can still be used, as far as anybody knows. */
  readonly usable: boolean
  /** Closes it. */
  discard(): void
}

/**
 * The unused connections to one server. They are taken last in, first out, so that a burst's surplus grows old and is
 * closed.
 */
export class Kept<Connection extends KeptConnection> {
  readonly #clock: Clock
  readonly #timeout: number
  readonly #limit: number
  readonly #connections: Connection[] = []
  #sweeper: Timer | undefined
  #closed = false

  constructor(clock: Clock, options: KeepOptions) {
    this.#clock = clock
    this.#timeout = options.keepAliveTimeout
    this.#limit = options.keepAliveConnections
  }

  /** Keeps a connection, or closes it. `hint`: the server's own timeout in milliseconds, where it told one. */
  push(connection: Connection, hint: number | undefined): void {
    // A server closes at its timeout; a request sent in that moment would be lost, so stop a second earlier.
    const timeout = hint === undefined ? this.#timeout : Math.min(this.#timeout, hint - 1000)
    if (this.#closed || this.#connections.length >= this.#limit || timeout <= 0 || !connection.usable) {
      connection.discard()
      return
    }
    connection.expires = this.#clock.now() + timeout
    this.#connections.push(connection)
    this.#sweeper ??= this.#clock.setTimeout(() => this.#sweep(), timeout)
  }

  /** The connection that has waited shortest, if there is one that can be used. */
  pop(): Connection | undefined {
    const now = this.#clock.now()
    for (;;) {
      const connection = this.#connections.pop()
      if (connection === undefined || (connection.usable && connection.expires > now)) return connection
      connection.discard()
    }
  }

  /** A connection closed while it waited. */
  remove(connection: Connection): void {
    const at = this.#connections.indexOf(connection)
    if (at >= 0) this.#connections.splice(at, 1)
  }

  /** Closes them, and those that come back from now on. */
  close(): void {
    this.#closed = true
    this.#sweeper?.cancel()
    for (const connection of this.#connections.splice(0)) connection.discard()
  }

  #sweep(): void {
    this.#sweeper = undefined
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const connection of [...this.#connections]) {
      if (connection.expires <= now) {
        this.remove(connection)
        connection.discard()
      } else {
        next = Math.min(next, connection.expires)
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweeper = this.#clock.setTimeout(() => this.#sweep(), next - now)
  }
}
