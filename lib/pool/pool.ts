/**
 * The servers of one entry: who is eligible, and who is picked.
 *
 * The pool keeps the lists of candidates up when a server changes, so that a request only has to ask the balancer. A
 * request that was refused by one server asks again with what it has tried; its candidates are then cut from the same
 * lists for that one pick.
 */

import { createHash } from 'node:crypto'
import type { Balancer, BalancerContext, BalancerRequest } from '../balancers/balancer.js'
import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { ServerAddress, ServerSpec } from './address.js'
import { Lease } from './lease.js'
import { Member } from './member.js'
import type { PoolOptions } from './options.js'
import { Queue } from './queue.js'
import type { Server, ServerDirectory, ServerWatcher } from './server.js'

/** Why a request got no server. `full`: some server is well, but at its limit: wait in the queue. */
export type NoLease = 'none' | 'full'

/** What a request says about itself when it asks for a server. */
export interface PoolRequest extends BalancerRequest {
  /** Filled in by the pool before each pick. */
  slots: number
  /** Set by the pool once the request was given to a server that rests (`FailOpen`); that happens once at most. */
  failedOpen: boolean
  /** The value of the sticky cookie that the client sent; undefined without. */
  stickyToken(): string | undefined
}

/** Why a member gets, or does not get, a request; for `explain` and the status page. */
export type Standing = 'eligible' | 'trial' | 'offline' | 'at its limit' | 'waiting as a backup'

export interface PoolParts<Carrier> {
  readonly name: string
  readonly options: PoolOptions
  readonly directory: ServerDirectory
  readonly clock: Clock
  readonly random: Random
  /** Makes what carries requests to a server of this pool. */
  readonly carrier: (address: ServerAddress) => Carrier
}

export class Pool<Carrier> implements ServerWatcher {
  readonly name: string
  readonly options: PoolOptions
  readonly members: readonly Member<Carrier>[]
  readonly queue: Queue
  readonly #clock: Clock
  readonly #balancer: Balancer
  readonly #backupBalancer: Balancer
  readonly #main: readonly Member<Carrier>[]
  readonly #backups: readonly Member<Carrier>[]
  readonly #byToken = new Map<string, Member<Carrier>>()
  /** How many slots the written lists have. */
  readonly #slots: number
  readonly #backupSlots: number
  readonly #remembers: boolean
  #closed = false
  #eligible: readonly Member<Carrier>[] | undefined
  #eligibleBackups: readonly Member<Carrier>[] | undefined

  constructor(parts: PoolParts<Carrier>) {
    const { name, options, clock, random } = parts
    this.name = name
    this.options = options
    this.#clock = clock
    this.#remembers = options.highAvailability && options.offlineTimeOut > 0
    this.#main = this.#makeMembers(parts, options.serverList, false)
    this.#backups = this.#makeMembers(parts, options.backupList, true)
    this.members = [...this.#main, ...this.#backups]
    this.#slots = slotCount(options.serverList)
    this.#backupSlots = slotCount(options.backupList)
    this.queue = new Queue(clock, options.queueLength, options.queueTimeout)
    // Two instances: what a strategy keeps about one list must not be thrown over by picks from the other.
    this.#balancer = options.loadBalance.factory({ clock, random })
    this.#backupBalancer = options.loadBalance.factory({ clock, random })
    for (const member of this.members) {
      // A server of both lists is stuck to as a server of the main one.
      if (!this.#byToken.has(member.token)) this.#byToken.set(member.token, member)
      member.server.watch(this, options.maxConnections > 0)
    }
  }

  /** Chooses a server that is not in `tried`, and holds it for the request. */
  lease(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Lease<Carrier> | NoLease {
    if (this.queue.mustWait) return 'full'
    const member = this.#sticky(request, tried) ?? this.#pick(request, tried)
    if (member === undefined) return this.#someAtLimit(tried) ? 'full' : 'none'
    const balancer = member.backup ? this.#backupBalancer : this.#balancer
    return new Lease(member, balancer, this.#clock, this.#remembers ? this.options : undefined)
  }

  /** Milliseconds until a server may be tried again; 0 when nothing is known to change. */
  get retryAfter(): number {
    return this.members.reduce((least, { server }) => {
      const { rest } = server.health
      return rest > 0 && (least === 0 || rest < least) ? rest : least
    }, 0)
  }

  /** How each server stands, in words; for the log. */
  describe(): string {
    return this.members.map((member) => `${member.id} ${this.#describe(member)}`).join(', ')
  }

  #describe(member: Member<Carrier>): string {
    const standing = this.standing(member)
    return standing === 'offline' ? `offline for ${Math.ceil(member.server.health.rest / 1000)} s more` : standing
  }

  /** Some server but `member` and those in `tried` would take a request now. */
  hasOther(member: Member<Carrier>, tried: ReadonlySet<Member<Carrier>>): boolean {
    return this.members.some((other) => other !== member && !tried.has(other) && this.#isEligible(other))
  }

  /** How a member stands now. Changes nothing. */
  standing(member: Member<Carrier>): Standing {
    if (!this.#isWell(member)) return 'offline'
    if (this.#atLimit(member)) return 'at its limit'
    if (member.backup && this.#main.some((other) => this.#isEligible(other))) return 'waiting as a backup'
    return member.server.state === 'offline' && this.#remembers ? 'trial' : 'eligible'
  }

  /** How likely each server is picked now: picks of a balancer that is made for the purpose, counted. */
  odds(request: PoolRequest, picks: number, context: BalancerContext): Map<Member<Carrier>, number> {
    const odds = new Map<Member<Carrier>, number>()
    const main = this.#main.filter((member) => this.#isEligible(member))
    const candidates = main.length > 0 ? main : this.#backups.filter((member) => this.#isEligible(member))
    if (candidates.length === 0) {
      const last = this.#failOpen({ ...request }, new Set())
      return last === undefined ? odds : odds.set(last, 1)
    }
    const balancer = this.options.loadBalance.factory(context)
    const slots = main.length > 0 ? this.#slots : this.#backupSlots
    for (let i = 0; i < picks; i++) {
      const picked = this.#ask(balancer, candidates, slots, request)
      odds.set(picked, (odds.get(picked) ?? 0) + 1)
    }
    for (const [member, count] of odds) odds.set(member, count / picks)
    return odds
  }

  /** Takes no part any more, once the requests that wait in its queue have been served. */
  close(): void {
    this.#closed = true
    for (const member of this.members) member.slowStart.stop()
    this.#letGo()
  }

  serverChanged(server: Server, returned: boolean): void {
    this.#forget()
    if (returned && this.#remembers) {
      for (const member of this.members) {
        if (member.server !== server) continue
        member.slowStart.begin()
        member.applyWeight()
      }
    }
    this.serverFreed()
  }

  serverTaken(server: Server): void {
    if (server.active >= this.options.maxConnections) this.#forget()
  }

  serverFreed(): void {
    this.#forget()
    this.queue.serve()
    if (this.#closed) this.#letGo()
  }

  #letGo(): void {
    if (this.queue.size > 0) return
    for (const { server } of this.members) server.unwatch(this)
  }

  #makeMembers(parts: PoolParts<Carrier>, specs: readonly ServerSpec[], backup: boolean): Member<Carrier>[] {
    const slotsById = new Map<string, { address: ServerAddress; slots: number[] }>()
    let slot = 0
    for (const { address, weight } of specs) {
      const known = slotsById.get(address.id) ?? { address, slots: [] }
      slotsById.set(address.id, known)
      for (let i = 0; i < weight; i++) known.slots.push(slot++)
    }
    const slowStart = { clock: parts.clock, duration: parts.options.slowStart, onStep: () => this.#forget() }
    return [...slotsById.values()].map(({ address, slots }) => {
      const server = parts.directory.at(address)
      return new Member(server, slots, backup, parts.carrier(address), stickyToken(parts.name, server), slowStart)
    })
  }

  /** Who is eligible has changed. */
  #forget(): void {
    this.#eligible = undefined
    this.#eligibleBackups = undefined
  }

  #pick(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    this.#eligible ??= this.#main.filter((member) => this.#isEligible(member))
    const main = untried(this.#eligible, tried)
    if (main.length > 0) return this.#ask(this.#balancer, main, this.#slots, request)
    this.#eligibleBackups ??= this.#backups.filter((member) => this.#isEligible(member))
    const backups = untried(this.#eligibleBackups, tried)
    if (backups.length > 0) return this.#ask(this.#backupBalancer, backups, this.#backupSlots, request)
    return this.#failOpen(request, tried)
  }

  #ask(
    balancer: Balancer,
    candidates: readonly Member<Carrier>[],
    slots: number,
    request: PoolRequest,
  ): Member<Carrier> {
    request.slots = slots
    const picked = balancer.pick(candidates, request)
    if (picked instanceof Member) return picked
    throw new TypeError(`the balancer ${this.options.loadBalance.name} returned none of its candidates`)
  }

  #sticky(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    if (this.options.stickyCookie === undefined) return undefined
    const token = request.stickyToken()
    const member = token === undefined ? undefined : this.#byToken.get(token)
    return member !== undefined && !tried.has(member) && this.#isEligible(member) ? member : undefined
  }

  /**
   * All that are left rest on passive evidence alone: the one whose failure is the oldest is the best guess. It counts
   * for a request that has failed elsewhere too, or servers that are restarted one after the other, faster than
   * `OfflineTimeOut`, would cost requests.
   */
  #failOpen(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    if (!this.options.failOpen || !this.#remembers || request.failedOpen) return undefined
    let best: Member<Carrier> | undefined
    for (const member of this.members) {
      if (tried.has(member)) continue
      if (member.server.health.usable) return undefined
      if (this.#atLimit(member)) continue
      if (best === undefined || member.server.health.lastFailure < best.server.health.lastFailure) best = member
    }
    if (best !== undefined) request.failedOpen = true
    return best
  }

  #isEligible(member: Member<Carrier>): boolean {
    return this.#isWell(member) && !this.#atLimit(member)
  }

  #isWell(member: Member<Carrier>): boolean {
    return !this.#remembers || member.server.health.usable
  }

  #atLimit(member: Member<Carrier>): boolean {
    const { maxConnections } = this.options
    return maxConnections > 0 && member.server.active >= maxConnections
  }

  #someAtLimit(tried: ReadonlySet<Member<Carrier>>): boolean {
    return this.members.some((member) => !tried.has(member) && this.#isWell(member) && this.#atLimit(member))
  }
}

/** The value of the sticky cookie for a server: the same in every process, and no address to the client. */
function stickyToken(pool: string, { address }: Server): string {
  return createHash('sha256').update(`${pool}\n${address.id}`).digest('base64url').slice(0, 16)
}

function slotCount(specs: readonly ServerSpec[]): number {
  return specs.reduce((sum, { weight }) => sum + weight, 0)
}

function untried<T>(members: readonly T[], tried: ReadonlySet<T>): readonly T[] {
  return tried.size === 0 ? members : members.filter((member) => !tried.has(member))
}
