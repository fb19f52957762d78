import type { Clock, Timer } from '../clock.js'
import type { Random } from '../random.js'
import { Backoff } from './backoff.js'
import { ServingProcess, type Spawn } from './serving-process.js'

export interface SlotEvents {
  /** A process can be started. */
  waiting(process: ServingProcess): void
  /** A process has ended; the slot is empty. */
  gone(process: ServingProcess, how: string, slot: Slot): void
}

/** One of the N places that are kept filled with a process. */
export class Slot {
  readonly #spawn: Spawn
  readonly #clock: Clock
  readonly #events: SlotEvents
  readonly #backoff: Backoff
  #process: ServingProcess | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(spawn: Spawn, clock: Clock, random: Random, events: SlotEvents) {
    this.#spawn = spawn
    this.#clock = clock
    this.#events = events
    this.#backoff = new Backoff(clock, random)
  }

  /** None while the next one is not due yet. */
  get process(): ServingProcess | undefined {
    return this.#process
  }

  fill(): void {
    this.#backoff.begin()
    const process: ServingProcess = new ServingProcess(this.#spawn(), this.#clock, {
      waiting: () => this.#events.waiting(process),
      gone: (how) => {
        this.#process = undefined
        this.#events.gone(process, how, this)
      },
    })
    this.#process = process
  }

  /** Fills it again as soon as that is due; returns in how many milliseconds. */
  refill(): number {
    const delay = this.#backoff.next()
    if (delay === 0) this.fill()
    else {
      this.#timer = this.#clock.setTimeout(() => {
        if (!this.#closed) this.fill()
      }, delay)
    }
    return delay
  }

  /** Is not filled any more. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
