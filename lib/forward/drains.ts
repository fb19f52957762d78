/** Servers that leave their entry once their last request is over, or their time has passed. */

import type { Clock, Timer } from '../clock.js'
import type { Member } from '../pool/member.js'
import type { Upstream } from '../transports/transport.js'
import type { Forwarder } from './forwarder.js'
import type { Route } from './route.js'

/** A server of an entry. */
export interface Place {
  readonly route: Route
  readonly member: Member<Upstream>
}

export class Drains {
  readonly #clock: Clock
  readonly #forwarder: Forwarder
  readonly #leave: (place: Place) => void
  readonly #leaving = new Set<Member<Upstream>>()

  /** `leave` takes a server out of its entry. */
  constructor(clock: Clock, forwarder: Forwarder, leave: (place: Place) => void) {
    this.#clock = clock
    this.#forwarder = forwarder
    this.#leave = leave
  }

  /** It is about to leave. */
  has(member: Member<Upstream>): boolean {
    return this.#leaving.has(member)
  }

  /** Resolves when it has left, at the latest after `time` milliseconds: what is under way then is cut. */
  begin(place: Place, time: number): Promise<void> {
    const { route, member } = place
    const { usage } = member
    this.#leaving.add(member)
    // It may come back meanwhile, and its new requests are not to be cut.
    const begun = this.#forwarder.leasesOf(usage)
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const leave = (): void => {
        timer?.cancel()
        usage.whenIdle.delete(leave)
        this.#leaving.delete(member)
        // A reload may have made the pool anew, or somebody else has removed it.
        if (route.pool.members.includes(member)) this.#leave(place)
        resolve()
      }
      if (usage.active === 0) return leave()
      usage.whenIdle.add(leave)
      timer = this.#clock.setTimeout(() => {
        usage.whenIdle.delete(leave)
        this.#forwarder.cut(begun)
        leave()
      }, time)
    })
  }
}
