import type { Clock, Timer } from '#lib/clock.js'

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0
  readonly #epoch: number
  readonly #timers = new Set<ManualTimer>()
  #set = 0

  /** `epoch`: the wall time at which the clock begins. */
  constructor(epoch: number = Date.UTC(2024, 0, 1)) {
    this.#epoch = epoch
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#epoch + this.#now
  }

  setTimeout(callback: () => void, delay: number): Timer {
    const timer = new ManualTimer(callback, delay, (each) => {
      this.#timers.delete(each)
      if (each.cancelled) return
      each.due = this.#now + Math.max(0, delay)
      each.order = this.#set++
      this.#timers.add(each)
    })
    timer.refresh()
    return timer
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets `milliseconds` pass: timers that fall due are called in their order, each at its own time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const next = this.#earliest()
      if (next === undefined || next.due > end) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.due)
      next.callback()
    }
    this.#now = end
  }

  #earliest(): ManualTimer | undefined {
    let earliest: ManualTimer | undefined
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.due < earliest.due) earliest = timer
      else if (timer.due === earliest.due && timer.order < earliest.order) earliest = timer
    }
    return earliest
  }
}

class ManualTimer implements Timer {
  readonly callback: () => void
  readonly delay: number
  readonly #place: (timer: ManualTimer) => void
  due = 0
  order = 0
  cancelled = false

  constructor(callback: () => void, delay: number, place: (timer: ManualTimer) => void) {
    this.callback = callback
    this.delay = delay
    this.#place = place
  }

  refresh(): void {
    this.#place(this)
  }

  cancel(): void {
    this.cancelled = true
    this.#place(this)
  }
}
