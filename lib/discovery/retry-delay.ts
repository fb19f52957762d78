import type { Clock } from '../clock.js'
import type { Random } from '../random.js'

/** Milliseconds. */
const first = 100
const longest = 5_000
/** For one that has refused: each attempt costs it the hash of a password. */
const refusedDelay = 30_000
/** A connection that has held for so long has not failed because of how it was made. */
const proven = 10_000

/**
 * How long to wait before another attempt: longer with each round over the members that fails, and by chance, so that
 * proxies which have lost the registry together do not come back together.
 */
export class RetryDelay {
  readonly #clock: Clock
  readonly #random: Random
  #began = 0
  #failures = 0
  #refused = false

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** An attempt begins. */
  begin(): void {
    this.#began = this.#clock.now()
  }

  /** It has failed, or what came of it. `refused`: it will again. */
  failed(refused: boolean): void {
    if (this.#clock.now() - this.#began >= proven) this.#failures = 0
    this.#failures++
    this.#refused = refused
  }

  /** Milliseconds until the next attempt; from half of what is due to all of it. */
  next(members: number): number {
    const rounds = Math.floor((this.#failures - 1) / members)
    const delay = this.#refused ? refusedDelay : Math.min(longest, first * 2 ** Math.max(0, rounds))
    return delay * (0.5 + 0.5 * this.#random.next())
  }
}
