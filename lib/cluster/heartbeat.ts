import type { Clock, Timer } from '../clock.js'
import type { ServingProcess } from './serving-process.js'

/** Milliseconds between two questions. */
const interval = 2_000

/**
 * Asks every process again and again how it stands. So one that hangs is noticed though nobody changes anything, and
 * what the others have counted is known, but for the last two seconds, when they die.
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #processes: () => readonly ServingProcess[]
  #timer: Timer | undefined

  constructor(clock: Clock, processes: () => readonly ServingProcess[]) {
    this.#clock = clock
    this.#processes = processes
  }

  begin(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer?.refresh()
      for (const process of this.#processes()) if (process.started) process.beat(interval)
    }, interval)
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
