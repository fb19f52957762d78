import type { Clock } from '../clock.js'
import { type Random, randomBelow } from '../random.js'

/** Milliseconds. */
const first = 100
/** Well below the time that a request waits for a worker (`QueueTimeout`), since a proxy may start long after its workers. */
const longest = 2_000
/** A connection that has stood for so long was no accident. */
const proven = 10_000
/** What cannot get better by itself soon: a wrong token, a bad name. */
const refused = 30_000
/** Another process of the proxy is asked after at most so long. */
const nextProcess = 20

/**
 * How long a worker waits before it dials again. Each delay is drawn from the upper half of its range, so that a hundred
 * workers of a proxy that comes back do not dial as one.
 */
export class RetryDelay {
  readonly #clock: Clock
  readonly #random: Random
  #failures = 0
  #asked = 0
  #since: number | undefined

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** A connection stands. */
  joined(): void {
    this.#since = this.#clock.now()
    this.#asked = 0
  }

  /** After a connection was lost: at once, unless it was lost as soon as it stood. */
  afterLoss(): number {
    const stood = this.#since === undefined ? 0 : this.#clock.now() - this.#since
    this.#since = undefined
    if (stood >= proven) this.#failures = 0
    if (this.#failures === 0) {
      this.#failures = 1
      return randomBelow(this.#random, first)
    }
    return this.afterFailure()
  }

  /** After the proxy could not be reached, or had no use for this worker. */
  afterFailure(): number {
    const delay = Math.min(longest, first * 2 ** Math.min(this.#failures++, 16))
    return this.#spread(delay)
  }

  /** After an answer that the next try will get too. */
  afterRefusal(): number {
    return refused + randomBelow(this.#random, refused / 2)
  }

  /**
   * After a process that this worker is connected to already. `processes`: how many there are. Which one takes a
   * connection is for the kernel to say; that one of them is not met for long means that it is not there.
   */
  afterHeld(processes: number): number {
    if (this.#asked++ < 8 * processes) return randomBelow(this.#random, nextProcess)
    return this.#spread(Math.min(longest, first * 2 ** Math.min(this.#asked - 8 * processes, 16)))
  }

  #spread(delay: number): number {
    return delay / 2 + randomBelow(this.#random, delay / 2)
  }
}
