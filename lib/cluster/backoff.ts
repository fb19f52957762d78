import type { Clock } from '../clock.js'
import type { Random } from '../random.js'

/** Milliseconds. */
const first = 100
const longest = 10_000
/** A process that has lived for so long has not failed because of how it was started. */
const proven = 10_000
const jitter = 0.2

/** How long to wait before a process is started again: not at all the first time, then longer with each early death. */
export class Backoff {
  readonly #clock: Clock
  readonly #random: Random
  #started = 0
  #failures = 0

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** A process is started. */
  begin(): void {
    this.#started = this.#clock.now()
  }

  /** It has ended; returns the milliseconds until the next one is due. */
  next(): number {
    if (this.#clock.now() - this.#started >= proven) this.#failures = 0
    const failures = this.#failures++
    if (failures === 0) return 0
    const delay = Math.min(longest, first * 2 ** (failures - 1))
    return delay * (1 - jitter + 2 * jitter * this.#random.next())
  }
}
