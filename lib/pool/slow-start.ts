import type { Clock, Timer } from '../clock.js'

const steps = 10

/** Lets the share of a server that came back grow from a tenth to all of it, in ten equal steps. */
export class SlowStart {
  readonly #clock: Clock
  readonly #duration: number
  readonly #onStep: () => void
  #step = steps
  #timer: Timer | undefined

  /** `duration` in milliseconds; 0: a server that comes back has its whole share at once. */
  constructor(clock: Clock, duration: number, onStep: () => void) {
    this.#clock = clock
    this.#duration = duration
    this.#onStep = onStep
  }

  /** The part of the share that it has now, from 0.1 to 1. */
  get factor(): number {
    return this.#step / steps
  }

  /** The server has just come back. */
  begin(): void {
    if (this.#duration === 0) return
    this.stop()
    this.#step = 1
    this.#schedule()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#step = steps
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#step++
      if (this.#step < steps) this.#schedule()
      this.#onStep()
    }, this.#duration / steps)
  }
}
