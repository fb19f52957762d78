/** Time in which an observation loses all but 1/e of its influence, in milliseconds. */
const DECAY = 10_000
/** A failure counts as an answer that took at least this long, in milliseconds. */
const FAILURE = 1_000
/** A row of failures raises the latency no further. */
const FAILURE_LIMIT = 60_000
/** What a server costs that has not yet answered anything, but has been asked. */
const UNKNOWN = 1_000

/**
 * The latency of one server as an average that forgets, and that jumps to a peak at once: a server that has become slow
 * is avoided from its first slow answer on, and has to earn its way back (Finagle's `PeakEwma`). The average also
 * decays while nothing is observed, so that an avoided server is asked again.
 */
export class PeakLatency {
  #latency = 0
  #observedAt = 0
  /** Requests under way through this balancer. */
  #pending = 0

  started(): void {
    this.#pending++
  }

  finished(): void {
    this.#pending--
  }

  /** An answer took `latency` milliseconds. */
  answered(latency: number, now: number): void {
    if (latency >= this.#latency * this.#decayed(now)) {
      this.#latency = latency
    } else {
      const old = this.#decayed(now)
      this.#latency = this.#latency * old + latency * (1 - old)
    }
    this.#observedAt = now
  }

  /**
   * A try failed after `latency` milliseconds. A failure is often faster than an answer; counted as it stands it would
   * draw all requests to the server that is broken. Each one in a row doubles the latency, so that it also ends above
   * that of servers which take seconds.
   */
  failed(latency: number, now: number): void {
    const doubled = Math.min(2 * this.#latency * this.#decayed(now), FAILURE_LIMIT)
    this.answered(Math.max(latency, FAILURE, doubled), now)
  }

  /** What one more request would cost, for a server with `active` requests in flight and this weight. */
  cost(active: number, weight: number, now: number): number {
    // A server of which nothing is known is free to try, but not for everybody at once.
    const latency = this.#latency === 0 ? (this.#pending > 0 ? UNKNOWN : 0) : this.#latency * this.#decayed(now)
    return (latency * (active + 1)) / weight
  }

  #decayed(now: number): number {
    return Math.exp(Math.min(this.#observedAt - now, 0) / DECAY)
  }
}
