/**
 * Time, passed in wherever something is timed, so that tests can state exact sequences.
 * No other file of the library reads the time or sets a timer by itself.
 */
export interface Clock {
  /** Milliseconds on a monotonic scale; only differences have a meaning. */
  now(): number
  /** Milliseconds since the Unix epoch, for dates that people read. */
  wallTime(): number
  /** Calls `callback` once after `delay` milliseconds. The timer never keeps the process alive. */
  setTimeout(callback: () => void, delay: number): Timer
}

/** A timer that was set through a {@link Clock}. */
export interface Timer {
  /** Starts the full delay again, from now. */
  refresh(): void
  /** Forgets the timer; harmless when it has already fired. */
  cancel(): void
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout

  constructor(callback: () => void, delay: number) {
    // Node fires at once, with a warning, beyond 2^31 - 1 ms.
    this.#handle = setTimeout(callback, Math.min(delay, 0x7fffffff))
    this.#handle.unref()
  }

  refresh(): void {
    this.#handle.refresh()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimeout: (callback, delay) => new SystemTimer(callback, delay),
}
