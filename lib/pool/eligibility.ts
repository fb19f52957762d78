import type { Member } from './member.js'
import type { PoolOptions } from './options.js'
import type { Standing } from './request.js'

/** Who may be given a request now, by the options of a pool. Changes nothing. */
export class Eligibility<Carrier> {
  /** What requests tell about servers counts. */
  readonly remembers: boolean
  readonly #ready: (carrier: Carrier) => boolean

  /** `ready`: what carries requests to a server can do so now. */
  constructor(options: PoolOptions, ready: (carrier: Carrier) => boolean) {
    this.remembers = options.highAvailability && options.offlineTimeOut > 0
    this.#ready = ready
  }

  isEligible(member: Member<Carrier>): boolean {
    return this.isWell(member) && !this.atLimit(member)
  }

  isWell(member: Member<Carrier>): boolean {
    return this.isOpen(member) && (!this.remembers || member.server.health.usable)
  }

  /** Nothing but what requests have told can keep it from them. */
  isOpen(member: Member<Carrier>): boolean {
    return member.available && this.#ready(member.carrier)
  }

  isReady({ carrier }: Member<Carrier>): boolean {
    return this.#ready(carrier)
  }

  atLimit(member: Member<Carrier>): boolean {
    return member.server.active >= member.limit
  }

  /** It would be eligible, had it less to do. */
  isBusy(member: Member<Carrier>): boolean {
    return this.isWell(member) && this.atLimit(member)
  }

  /** How a member stands now. `main`: the servers that backups wait for. */
  standing(member: Member<Carrier>, main: readonly Member<Carrier>[]): Standing {
    if (!member.available) return member.state as 'down' | 'draining' | 'disabled'
    if (!this.isReady(member)) return 'not connected'
    if (!this.isWell(member)) return 'offline'
    if (this.atLimit(member)) return 'at its limit'
    if (member.backup && main.some((other) => this.isEligible(other))) return 'waiting as a backup'
    return member.server.state === 'offline' && this.remembers ? 'trial' : 'eligible'
  }

  /** The same in words, for the log. */
  describe(member: Member<Carrier>, main: readonly Member<Carrier>[]): string {
    const standing = this.standing(member, main)
    const rest = Math.ceil(member.server.health.rest / 1000)
    return `${member.id} ${standing === 'offline' ? `offline for ${rest} s more` : standing}`
  }

  /** Of those that all rest on passive evidence alone the one whose failure is the oldest; none where one is well. */
  oldestFailure(members: readonly Member<Carrier>[], tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    if (!this.remembers) return undefined
    let best: Member<Carrier> | undefined
    for (const member of members) {
      if (tried.has(member) || !this.isOpen(member)) continue
      if (member.server.health.usable) return undefined
      if (this.atLimit(member)) continue
      if (best === undefined || member.server.health.lastFailure < best.server.health.lastFailure) best = member
    }
    return best
  }
}
