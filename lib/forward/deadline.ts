import type { Clock, Timer } from '../clock.js'

/**
 * One deadline of one request, moved again and again. Moving it only writes down when it is due; the timer behind it
 * is set anew when it fires too early, or stands too late.
 */
export class Deadline {
  readonly #clock: Clock
  #timer: Timer | undefined
  #firesAt = 0
  #due = Number.POSITIVE_INFINITY
  #expired: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `expired` in `delay` milliseconds, in place of what was set before. 0: never. */
  set(delay: number, expired: () => void): void {
    if (delay === 0) {
      this.#due = Number.POSITIVE_INFINITY
      return
    }
    this.#expired = expired
    this.#due = this.#clock.now() + delay
    if (this.#timer !== undefined && this.#firesAt <= this.#due) return
    this.#timer?.cancel()
    this.#start(delay)
  }

  /** Nothing is due any more. */
  clear(): void {
    this.#due = Number.POSITIVE_INFINITY
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #start(delay: number): void {
    this.#firesAt = this.#clock.now() + delay
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      if (this.#due === Number.POSITIVE_INFINITY) return
      const rest = this.#due - this.#clock.now()
      // Timers of the machine may fire a little early.
      if (rest > 1) this.#start(rest)
      else this.#expired()
    }, delay)
  }
}
