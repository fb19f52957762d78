import { Agenda } from './queues.mjs'

/**
 * The time of a simulation. It stands still until the simulation moves it.
 *
 * @implements {import('../../dist/clock.js').Clock}
 */
export class VirtualClock {
  /** Milliseconds. */
  time = 0
  /** @type {Agenda<VirtualTimer>} */
  #timers = new Agenda()

  /** As new. Timers that are set are forgotten. */
  reset() {
    this.time = 0
    this.#timers = new Agenda()
  }

  now() {
    return this.time
  }

  wallTime() {
    return this.time
  }

  /**
   * @param {() => void} callback
   * @param {number} delay
   */
  setTimeout(callback, delay) {
    return new VirtualTimer(this, this.#timers, callback, delay)
  }

  /** When the next timer is due; Infinity without one. */
  get due() {
    return this.#timers.time
  }

  /** Lets the timer that is due run. */
  fire() {
    const timer = this.#timers.shift()
    if (timer.due === this.time) timer.run()
  }
}

class VirtualTimer {
  due = Number.NaN
  #clock
  #timers
  #callback
  #delay

  constructor(clock, timers, callback, delay) {
    this.#clock = clock
    this.#timers = timers
    this.#callback = callback
    this.#delay = delay
    this.refresh()
  }

  refresh() {
    this.due = this.#clock.time + this.#delay
    this.#timers.push(this.due, this)
  }

  /** It stays on the agenda, where nothing comes of it. */
  cancel() {
    this.due = Number.NaN
  }

  run() {
    this.due = Number.NaN
    this.#callback()
  }
}
