import type { Clock } from '../clock.js'
import type { Experience, StateChange } from '../forward/control.js'

/**
 * What requests have told single processes about servers, for the others: one process finds out, and all leave the
 * server alone; it answers one of them, and all come back.
 */
export class Experiences {
  readonly #clock: Clock
  /** Servers that are offline, until when on the clock's scale, and why. */
  readonly #offline = new Map<string, { until: number; reason: string }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A process has found out by itself; what the others are to hear of it, if anything. */
  learn({ server, from, to, reason, rest = 0 }: StateChange): Experience | undefined {
    if (to === 'offline' && rest > 0) {
      this.#offline.set(server, { until: this.#clock.now() + rest, reason })
      return { server, state: 'offline', rest, reason }
    }
    if (from !== 'offline' || to !== 'up') return undefined
    this.#offline.delete(server)
    return { server, state: 'up', rest: 0, reason }
  }

  /** Servers that are no longer there are forgotten. */
  keep(stays: (server: string) => boolean): void {
    for (const server of this.#offline.keys()) if (!stays(server)) this.#offline.delete(server)
  }

  /** What a process that begins has to know. */
  get current(): readonly Experience[] {
    const now = this.#clock.now()
    for (const [server, { until }] of this.#offline) if (until <= now) this.#offline.delete(server)
    return [...this.#offline].map(([server, { until, reason }]) => ({
      server,
      state: 'offline',
      rest: until - now,
      reason,
    }))
  }
}
