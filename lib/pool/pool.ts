/**
 * The servers of one entry: who is eligible, and who is picked.
 *
 * The pool keeps the lists of candidates up when a server changes, so that a request only has to ask the balancer. A
 * request that was refused by one server asks again with what it has tried; its candidates are then cut from the same
 * lists for that one pick.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Balancer, BalancerContext } from '../balancers/balancer.js'
import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { ServerSpec } from './address.js'
import type { Check, CheckWatcher } from './check.js'
import { Eligibility } from './eligibility.js'
import type { HealthOptions } from './health-options.js'
import { Lease } from './lease.js'
import { type AdminState, Member } from './member.js'
import { Membership } from './membership.js'
import type { NamedBalancer, PoolOptions } from './options.js'
import type { PoolParts } from './parts.js'
import { Queue } from './queue.js'
import type { NoLease, PoolRequest, Standing } from './request.js'
import type { Server, ServerStateChange, ServerWatcher } from './server.js'
import type { Found } from './source.js'

export type { NoLease, PoolParts, PoolRequest, Standing }

export class Pool<Carrier> implements ServerWatcher, CheckWatcher {
  readonly name: string
  readonly options: PoolOptions
  readonly queue: Queue
  readonly #clock: Clock
  readonly #random: Random
  readonly #onChange: (change: ServerStateChange) => void
  readonly #membership: Membership<Carrier>
  readonly #eligibility: Eligibility<Carrier>
  #loadBalance: NamedBalancer
  #balancer: Balancer
  #backupBalancer: Balancer
  #closed = false
  #eligible: readonly Member<Carrier>[] | undefined
  #eligibleBackups: readonly Member<Carrier>[] | undefined

  constructor(parts: PoolParts<Carrier>) {
    const { name, options, clock, random } = parts
    this.name = name
    this.options = options
    this.#clock = clock
    this.#random = random
    this.#onChange = parts.onChange
    this.#eligibility = new Eligibility(options, parts.carriers.ready)
    this.queue = new Queue(clock, options.queueLength, options.queueTimeout)
    this.#loadBalance = options.loadBalance
    // Two instances: what a strategy keeps about one list must not be thrown over by picks from the other.
    this.#balancer = options.loadBalance.factory({ clock, random })
    this.#backupBalancer = options.loadBalance.factory({ clock, random })
    this.#membership = new Membership({
      ...parts,
      watcher: this,
      onStep: () => this.#forget(),
      onReady: () => this.serverFreed(),
    })
  }

  get members(): readonly Member<Carrier>[] {
    return this.#membership.all
  }

  /** The balancer in force. */
  get loadBalance(): NamedBalancer {
    return this.#loadBalance
  }

  /** How servers are checked that have no way of their own. */
  get health(): HealthOptions {
    return this.#membership.health
  }

  /** Chooses a server that is not in `tried`, and holds it for the request. */
  lease(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Lease<Carrier> | NoLease {
    if (this.queue.mustWait) return 'full'
    const member = this.#sticky(request, tried) ?? this.#pick(request, tried)
    if (member === undefined) return this.#mayCome(tried) ? 'full' : 'none'
    const balancer = member.backup ? this.#backupBalancer : this.#balancer
    return new Lease(member, balancer, this.#clock, this.#eligibility.remembers ? this.options : undefined)
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
    return this.members.map((member) => this.#eligibility.describe(member, this.#membership.main)).join(', ')
  }

  /** Some server but `member` and those in `tried` would take a request now. */
  hasOther(member: Member<Carrier>, tried: ReadonlySet<Member<Carrier>>): boolean {
    return this.members.some((other) => other !== member && !tried.has(other) && this.#eligibility.isEligible(other))
  }

  /** How a member stands now. Changes nothing. */
  standing(member: Member<Carrier>): Standing {
    return this.#eligibility.standing(member, this.#membership.main)
  }

  /** How likely each server is picked now: picks of a balancer that is made for the purpose, counted. */
  odds(request: PoolRequest, picks: number, context: BalancerContext): Map<Member<Carrier>, number> {
    const odds = new Map<Member<Carrier>, number>()
    const main = this.#membership.main.filter((member) => this.#eligibility.isEligible(member))
    const backups = this.#membership.backups.filter((member) => this.#eligibility.isEligible(member))
    const candidates = main.length > 0 ? main : backups
    if (candidates.length === 0) {
      const last = this.#failOpen({ ...request }, new Set())
      return last === undefined ? odds : odds.set(last, 1)
    }
    const balancer = this.#loadBalance.factory(context)
    const slots = this.#membership.slots(main.length === 0)
    for (let i = 0; i < picks; i++) {
      const picked = this.#ask(balancer, candidates, slots, request)
      odds.set(picked, (odds.get(picked) ?? 0) + 1)
    }
    for (const [member, count] of odds) odds.set(member, count / picks)
    return odds
  }

  // What is changed while it runs.

  /** Takes a server in; `health`: a way of its own to check it. */
  add(spec: ServerSpec, backup: boolean, health: HealthOptions | undefined): Member<Carrier> {
    const member = this.#membership.add(spec, backup, health)
    this.serverFreed()
    return member
  }

  /** Whether a list names the source. */
  names(source: string): boolean {
    return this.#membership.names(source)
  }

  /** What a source tells, in place of what it told before. */
  found(source: string, found: readonly Found[]): void {
    const before = new Map(this.members.map((member) => [member, member.told]))
    this.#membership.found(source, found)
    for (const member of this.members) {
      const [was, is] = [before.get(member), member.told]
      if (is?.admin !== was?.admin && (is?.admin ?? 'up') !== member.admin) this.setAdmin(member, is?.admin ?? 'up')
      if (before.has(member) && !isDeepStrictEqual(is?.health, was?.health)) this.setHealth(is?.health, member)
    }
    this.serverFreed()
  }

  /** Lets a server go. What is under way there goes on. */
  remove(member: Member<Carrier>): void {
    this.#membership.remove(member)
    this.#forget()
  }

  reweigh(member: Member<Carrier>, weight: number): void {
    this.#membership.reweigh(member, weight)
    this.#forget()
  }

  setAdmin(member: Member<Carrier>, state: AdminState): void {
    if (state === 'up' && member.admin !== 'up') this.#beginSlowly((other) => other === member)
    member.admin = state
    member.adminSince = this.#clock.wallTime()
    this.serverFreed()
  }

  setLoadBalance(loadBalance: NamedBalancer): void {
    const context = { clock: this.#clock, random: this.#random }
    const balancer = loadBalance.factory(context)
    this.#backupBalancer = loadBalance.factory(context)
    this.#balancer = balancer
    this.#loadBalance = loadBalance
  }

  /** Another way to check the servers, or those that have none of their own. */
  setHealth(health: HealthOptions | undefined, member?: Member<Carrier>): void {
    if (member !== undefined) this.#membership.setMemberHealth(member, health)
    else if (health !== undefined) this.#membership.setHealth(health)
    this.serverFreed()
  }

  /** Takes no part any more, once the requests that wait in its queue have been served. */
  close(): void {
    this.#closed = true
    for (const member of this.members) member.slowStart.stop()
    this.#letGo()
  }

  serverChanged(server: Server, returned: boolean): void {
    this.#forget()
    if (returned && this.#eligibility.remembers) this.#beginSlowly((member) => member.server === server)
    this.serverFreed()
  }

  checkChanged(check: Check): void {
    this.#forget()
    if (check.up) this.#beginSlowly((member) => member.check === check)
    for (const { id, check: own, admin, server, state } of this.members) {
      // Of one that was taken out by hand the state stays as it is.
      if (own !== check || admin !== 'up') continue
      const from = check.up ? 'down' : server.state
      this.#onChange({ server: id, from, to: state, reason: check.reason })
    }
    this.serverFreed()
  }

  serverTaken(server: Server): void {
    if (server.active >= this.#membership.lowestLimit) this.#forget()
  }

  serverFreed(): void {
    this.#forget()
    this.queue.serve()
    if (this.#closed) this.#letGo()
  }

  #beginSlowly(returned: (member: Member<Carrier>) => boolean): void {
    for (const member of this.members) {
      if (!returned(member)) continue
      member.slowStart.begin()
      member.applyWeight()
    }
  }

  #letGo(): void {
    if (this.queue.size === 0) this.#membership.close()
  }

  /** Who is eligible has changed. */
  #forget(): void {
    this.#eligible = undefined
    this.#eligibleBackups = undefined
  }

  #pick(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    this.#eligible ??= this.#membership.main.filter((member) => this.#eligibility.isEligible(member))
    const main = untried(this.#eligible, tried)
    if (main.length > 0) return this.#ask(this.#balancer, main, this.#membership.slots(false), request)
    this.#eligibleBackups ??= this.#membership.backups.filter((member) => this.#eligibility.isEligible(member))
    const backups = untried(this.#eligibleBackups, tried)
    if (backups.length > 0) return this.#ask(this.#backupBalancer, backups, this.#membership.slots(true), request)
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
    throw new TypeError(`the balancer ${this.#loadBalance.name} returned none of its candidates`)
  }

  #sticky(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    if (this.options.stickyCookie === undefined) return undefined
    const token = request.stickyToken()
    const member = token === undefined ? undefined : this.#membership.byToken(token)
    return member !== undefined && !tried.has(member) && this.#eligibility.isEligible(member) ? member : undefined
  }

  /**
   * All that are left rest on passive evidence alone: the one whose failure is the oldest is the best guess. It counts
   * for a request that has failed elsewhere too, or servers that are restarted one after the other, faster than
   * `OfflineTimeOut`, would cost requests.
   */
  #failOpen(request: PoolRequest, tried: ReadonlySet<Member<Carrier>>): Member<Carrier> | undefined {
    if (!this.options.failOpen || request.failedOpen) return undefined
    const best = this.#eligibility.oldestFailure(this.members, tried)
    if (best !== undefined) request.failedOpen = true
    return best
  }

  /** It is fed from outside, and there is no server yet that could take a request. */
  get waitsForServers(): boolean {
    return !this.members.some((member) => this.#eligibility.isReady(member))
  }

  /** A server may be free soon: one is at its limit, or the pool still waits for servers. */
  #mayCome(tried: ReadonlySet<Member<Carrier>>): boolean {
    if (this.waitsForServers) return true
    return this.members.some((member) => !tried.has(member) && this.#eligibility.isBusy(member))
  }
}

function untried<T>(members: readonly T[], tried: ReadonlySet<T>): readonly T[] {
  return tried.size === 0 ? members : members.filter((member) => !tried.has(member))
}
