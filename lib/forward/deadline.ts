/**
 * Deadlines of requests. Nearly all of them are moved or cleared long before they are due, so moving must cost nothing:
 * deadlines of the same length stand in one list, in the order in which they are due, and a list has one timer, for its
 * head. Setting one appends it to its list; the timer is not touched.
 */

import type { Clock, Timer } from '../clock.js'

/** The deadlines of a proxy. */
export class Deadlines {
  readonly clock: Clock
  readonly #lists = new Map<number, DeadlineList>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The list for a length in milliseconds. */
  of(delay: number): DeadlineList {
    let list = this.#lists.get(delay)
    if (list === undefined) {
      list = new DeadlineList(this.clock, delay)
      this.#lists.set(delay, list)
    }
    return list
  }

  /** Stops the timers. */
  close(): void {
    for (const list of this.#lists.values()) list.stop()
  }
}

/** One deadline, moved again and again. */
export class Deadline {
  due = 0
  /** Called when it has passed. */
  readonly expired: () => void
  list: DeadlineList | undefined
  next: Deadline | undefined
  previous: Deadline | undefined
  readonly #deadlines: Deadlines

  constructor(deadlines: Deadlines, expired: () => void) {
    this.#deadlines = deadlines
    this.expired = expired
  }

  /** Due in `delay` milliseconds, in place of what was set before. 0: never. */
  set(delay: number): void {
    this.list?.remove(this)
    if (delay === 0) return
    this.#deadlines.of(delay).append(this)
  }

  /** Nothing is due any more. */
  clear(): void {
    this.list?.remove(this)
  }
}

/** Deadlines of one length. */
export class DeadlineList {
  readonly #clock: Clock
  readonly #delay: number
  #head: Deadline | undefined
  #tail: Deadline | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, delay: number) {
    this.#clock = clock
    this.#delay = delay
  }

  append(deadline: Deadline): void {
    deadline.due = this.#clock.now() + this.#delay
    deadline.list = this
    deadline.previous = this.#tail
    if (this.#tail === undefined) this.#head = deadline
    else this.#tail.next = deadline
    this.#tail = deadline
    // A timer that stands already fires for a deadline before this one, and is set anew then.
    this.#timer ??= this.#clock.setTimeout(() => this.#fire(), this.#delay)
  }

  remove(deadline: Deadline): void {
    const { previous, next } = deadline
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
    deadline.list = undefined
    deadline.next = undefined
    deadline.previous = undefined
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #fire(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    // Timers of the machine may fire a little early.
    for (let head = this.#head; head !== undefined && head.due - now < 1; head = this.#head) {
      this.remove(head)
      head.expired()
    }
    if (this.#head === undefined) return
    // One that was set meanwhile may be due later than the head.
    this.stop()
    this.#timer = this.#clock.setTimeout(() => this.#fire(), this.#head.due - now)
  }
}
