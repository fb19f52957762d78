import type { Candidate } from '../balancers/balancer.js'
import type { Clock } from '../clock.js'
import type { Check } from './check.js'
import type { HealthOptions } from './health-options.js'
import type { Server, ServerState, Usage } from './server.js'
import { SlowStart } from './slow-start.js'
import type { Found } from './source.js'

/** What somebody has decided about a server. `draining`: it finishes what it has. `disabled`: the same, and it stays. */
export type AdminState = 'up' | 'draining' | 'disabled'

/** What members of a pool have in common. */
export interface MemberSurroundings {
  /** Name of the pool. */
  readonly pool: string
  readonly clock: Clock
  /** Milliseconds. */
  readonly slowStart: number
  /** Called when a weight has changed by itself. */
  readonly onStep: () => void
}

/** A server's part in one pool: what the balancer sees of it, and what carries requests to it. */
export class Member<Carrier> implements Candidate {
  readonly id: string
  readonly server: Server
  /** Its places in the written list; as many as its weight. */
  slots: readonly number[] = []
  /** Used only while no server of the main list is eligible. */
  readonly backup: boolean
  readonly carrier: Carrier
  /** The value of the sticky cookie for it. */
  readonly token: string
  readonly slowStart: SlowStart
  weight = 0
  /** The source that has told of it; undefined for a server that was named. */
  source: string | undefined
  /** What that, or the registry, says of it. */
  told: Found | undefined
  /** Requests at once that its server may have, of all pools. */
  limit: number = Number.POSITIVE_INFINITY
  admin: AdminState = 'up'
  /** Since when `admin` is what it is, in milliseconds since the Unix epoch; null: from the beginning. */
  adminSince: number | null = null
  /** The active check of it, if there is one. */
  check: Check | undefined
  /** How it is checked, where that is another way than the pool's. */
  health: HealthOptions | undefined
  /** Requests of this pool that are under way there, also from before a reload. */
  readonly usage: Usage

  constructor(server: Server, backup: boolean, carrier: Carrier, token: string, surroundings: MemberSurroundings) {
    this.id = server.address.id
    this.server = server
    this.usage = server.usage(surroundings.pool)
    this.backup = backup
    this.carrier = carrier
    this.token = token
    this.slowStart = new SlowStart(surroundings.clock, surroundings.slowStart, () => {
      this.applyWeight()
      surroundings.onStep()
    })
  }

  get active(): number {
    return this.server.active
  }

  /** What keeps it from requests first of all. */
  get state(): ServerState {
    if (this.admin !== 'up') return this.admin
    return this.check?.up === false ? 'down' : this.server.state
  }

  /** Why it is in its state; empty when nothing ever happened. */
  get reason(): string {
    if (this.admin !== 'up') return 'by request'
    return this.check?.up === false ? this.check.reason : this.server.reason || (this.check?.reason ?? '')
  }

  /** Since when it is in its state, in milliseconds since the Unix epoch; null when nothing ever happened. */
  get since(): number | null {
    if (this.admin !== 'up') return this.adminSince
    if (this.check?.up === false) return this.check.since
    const times = [this.adminSince, this.check?.since ?? null, this.server.since].filter((time) => time !== null)
    return times.length === 0 ? null : Math.max(...times)
  }

  /** Nobody has taken it out, and its check does not fail. What requests tell about it is another matter. */
  get available(): boolean {
    return this.admin === 'up' && this.check?.up !== false
  }

  /** A request begins. */
  enter(): void {
    this.usage.active++
    this.server.enter()
  }

  /** A request is over. */
  leave(): void {
    this.usage.active--
    this.server.leave()
    if (this.usage.active > 0 || this.usage.whenIdle.size === 0) return
    const waiting = [...this.usage.whenIdle]
    this.usage.whenIdle.clear()
    for (const callback of waiting) callback()
  }

  place(slots: readonly number[]): void {
    this.slots = slots
    this.applyWeight()
  }

  applyWeight(): void {
    this.weight = this.slots.length * this.slowStart.factor
  }
}
