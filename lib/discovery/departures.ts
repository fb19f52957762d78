/** Waits for servers that get nothing new to finish what they have. */

import type { Clock, Timer } from '../clock.js'
import type { Control } from '../forward/control.js'

/** Milliseconds from one look to the next. */
const interval = 100

export class Departures {
  readonly #control: Control
  readonly #clock: Clock
  readonly #waiting = new Map<Timer, () => void>()
  #closed = false

  constructor(control: Control, clock: Clock) {
    this.#control = control
    this.#clock = clock
  }

  /** Resolves when no request of this proxy is under way at a server of a pool, or after `time` milliseconds. */
  async wait(pool: string, server: string, time: number): Promise<void> {
    const end = this.#clock.now() + time
    for (;;) {
      const left = end - this.#clock.now()
      if (left <= 0 || this.#closed || !(await this.#isBusy(pool, server))) return
      await this.#pause(Math.min(left, interval))
    }
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true
    for (const [timer, end] of [...this.#waiting]) {
      timer.cancel()
      end()
    }
  }

  async #isBusy(pool: string, server: string): Promise<boolean> {
    const { pools } = await this.#control.snapshot()
    const found = pools.find(({ name }) => name === pool)?.servers.find(({ id }) => id === server)
    return (found?.connections ?? 0) > 0
  }

  #pause(time: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiting.delete(timer)
        resolve()
      }
      const timer = this.#clock.setTimeout(end, time)
      this.#waiting.set(timer, end)
    })
  }
}
