import type { Clock } from '../clock.js'

const seconds = 10
const share = 0.2
const perSecond = 10

/**
 * Keeps retries from making a brown-out worse: they may be at most a fifth of the requests of the last ten seconds,
 * plus ten a second.
 */
export class RetryBudget {
  readonly #clock: Clock
  readonly #requests = new Uint32Array(seconds)
  readonly #retries = new Uint32Array(seconds)
  #second: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#second = Math.floor(clock.now() / 1000)
  }

  /** A request has come. */
  request(): void {
    const slot = this.#slot()
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1
  }

  /** Takes one retry out of the budget; false when there is none left. */
  take(): boolean {
    const slot = this.#slot()
    if (sum(this.#retries) >= share * sum(this.#requests) + perSecond * seconds) return false
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1
    return true
  }

  #slot(): number {
    const second = Math.floor(this.#clock.now() / 1000)
    const passed = Math.min(second - this.#second, seconds)
    for (let i = 1; i <= passed; i++) {
      this.#requests[(this.#second + i) % seconds] = 0
      this.#retries[(this.#second + i) % seconds] = 0
    }
    this.#second = second
    return second % seconds
  }
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0)
}
