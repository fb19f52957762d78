import type { Candidate } from '../balancers/balancer.js'
import type { Clock } from '../clock.js'
import type { Server } from './server.js'
import { SlowStart } from './slow-start.js'

/** A server's part in one pool: what the balancer sees of it, and what carries requests to it. */
export class Member<Carrier> implements Candidate {
  readonly id: string
  readonly server: Server
  readonly slots: readonly number[]
  /** Used only while no server of the main list is eligible. */
  readonly backup: boolean
  readonly carrier: Carrier
  /** The value of the sticky cookie for it. */
  readonly token: string
  readonly slowStart: SlowStart
  weight: number

  constructor(
    server: Server,
    slots: readonly number[],
    backup: boolean,
    carrier: Carrier,
    token: string,
    slowStart: { clock: Clock; duration: number; onStep: () => void },
  ) {
    this.id = server.address.id
    this.server = server
    this.slots = slots
    this.backup = backup
    this.carrier = carrier
    this.token = token
    this.weight = slots.length
    this.slowStart = new SlowStart(slowStart.clock, slowStart.duration, () => {
      this.applyWeight()
      slowStart.onStep()
    })
  }

  get active(): number {
    return this.server.active
  }

  applyWeight(): void {
    this.weight = this.slots.length * this.slowStart.factor
  }
}
