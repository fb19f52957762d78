import type { Clock, Timer } from '../clock.js'
import { ProxyError } from '../errors.js'

/** A request that waits for a server below its limit. */
export interface Waiter {
  /** A server may be free: ask the pool again. False: nothing was there, keep the place at the head of the queue. */
  ready(): boolean
  /** The wait is over without one. */
  refused(error: ProxyError): void
}

interface Place {
  readonly waiter: Waiter
  readonly timer: Timer
  /** Where it stands; a reload may move it. */
  queue: Queue
}

/** Requests that wait while every server is at its limit, first come, first served. */
export class Queue {
  readonly #clock: Clock
  readonly #length: number
  readonly #timeout: number
  readonly #places = new Map<Waiter, Place>()
  #serving = false

  /** `length`: how many may wait; `timeout`: milliseconds that each of them does. */
  constructor(clock: Clock, length: number, timeout: number) {
    this.#clock = clock
    this.#length = length
    this.#timeout = timeout
  }

  get size(): number {
    return this.#places.size
  }

  /** A request that does not wait yet must not overtake those that do. */
  get mustWait(): boolean {
    return this.#places.size > 0 && !this.#serving
  }

  /** Takes a place at the end, or throws `ERR_QUEUE_FULL`. */
  join(waiter: Waiter): void {
    if (this.#places.size >= this.#length) {
      throw new ProxyError('ERR_QUEUE_FULL', `${this.#places.size} requests wait already`)
    }
    const timer = this.#clock.setTimeout(() => {
      place.queue.#places.delete(waiter)
      waiter.refused(new ProxyError('ERR_QUEUE_TIMEOUT', `no server was free within ${this.#timeout} ms`))
    }, this.#timeout)
    const place: Place = { waiter, timer, queue: this }
    this.#places.set(waiter, place)
  }

  /** Those that wait go on waiting in another queue, behind those that are there, for the time that they have left. */
  handOver(other: Queue): void {
    for (const [waiter, place] of this.#places) {
      place.queue = other
      other.#places.set(waiter, place)
    }
    this.#places.clear()
    other.serve()
  }

  /** Gives up a place; harmless without one. */
  leave(waiter: Waiter): void {
    this.#places.get(waiter)?.timer.cancel()
    this.#places.delete(waiter)
  }

  /** A server may be free: those at the head are served until one finds nothing. */
  serve(): void {
    if (this.#serving || this.#places.size === 0) return
    this.#serving = true
    try {
      for (const { waiter } of this.#places.values()) {
        if (!waiter.ready()) break
        this.leave(waiter)
      }
    } finally {
      this.#serving = false
    }
  }
}
