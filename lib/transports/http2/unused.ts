import type { Clock, Timer } from '../../clock.js'
import type { ConnectionOptions } from '../transport.js'
import type { Session } from './session.js'

/**
 * The sessions to one server that have no stream, until they are used again or closed. On a busy connection that changes
 * with each request, so nothing is set or cancelled then: who is still unused is looked up when time is over.
 */
export class UnusedSessions {
  readonly #clock: Clock
  readonly #timeout: number
  readonly #limit: number
  /** Session → since when. */
  readonly #since = new Map<Session, number>()
  #sweeper: Timer | undefined

  constructor(clock: Clock, { keepAliveTimeout, keepAliveConnections }: ConnectionOptions) {
    this.#clock = clock
    this.#timeout = keepAliveTimeout
    this.#limit = keepAliveConnections
  }

  /** It has no stream from now on. */
  add(session: Session): void {
    this.#since.set(session, this.#clock.now())
    if (this.#timeout <= 0 || this.#limit === 0 || this.#isTooMany()) {
      this.#since.delete(session)
      session.drain()
      return
    }
    this.#sweeper ??= this.#clock.setTimeout(() => this.#sweep(), this.#timeout)
  }

  remove(session: Session): void {
    this.#since.delete(session)
    if (this.#since.size > 0) return
    this.#sweeper?.cancel()
    this.#sweeper = undefined
  }

  #isTooMany(): boolean {
    if (this.#since.size <= this.#limit) return false
    let unused = 0
    for (const session of this.#since.keys()) if (session.unused) unused++
    return unused > this.#limit
  }

  #sweep(): void {
    this.#sweeper = undefined
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const [session, since] of this.#since) {
      if (!session.unused) {
        this.#since.delete(session)
      } else if (since + this.#timeout <= now) {
        this.#since.delete(session)
        session.drain()
      } else {
        next = Math.min(next, since + this.#timeout)
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweeper = this.#clock.setTimeout(() => this.#sweep(), next - now)
  }
}
