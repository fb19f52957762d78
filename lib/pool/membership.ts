/**
 * Which servers a pool has: those of the configuration, and what has been told, added, removed and weighed anew since. It
 * also holds what each of them needs: a carrier, a watch on the server, an active check.
 */

import { createHash } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { ActiveHealth, Probe } from './active-health.js'
import type { ServerAddress, ServerSpec } from './address.js'
import type { CheckWatcher } from './check.js'
import { checkOptions, type HealthOptions } from './health-options.js'
import { List } from './list.js'
import { Member } from './member.js'
import type { PoolOptions } from './options.js'
import type { Server, ServerDirectory, ServerWatcher } from './server.js'
import type { Found } from './source.js'

/** What carries requests to servers, whatever that is. */
export interface Carriers<Carrier> {
  /** What carries requests to a server; taken once for each member, and given back once. */
  take(address: ServerAddress): Carrier
  giveBack(carrier: Carrier): void
  /** Tells apart carriers that reach the same server in different ways: equal in every process. */
  key(address: ServerAddress): string
  /** Asks a server whether it is well. */
  probe(carrier: Carrier, address: ServerAddress): Probe
  /** It can carry requests now. One to a server that has to connect by itself may not be able to. */
  ready(carrier: Carrier): boolean
  /** Requests that it takes at once. */
  limit(carrier: Carrier): number
  /** Calls `changed` whenever `ready` or `limit` has changed; returns how to stop. */
  watch(carrier: Carrier, changed: () => void): () => void
}

export interface MembershipParts<Carrier> {
  /** Name of the pool. */
  readonly name: string
  readonly options: PoolOptions
  readonly directory: ServerDirectory
  readonly checks: ActiveHealth
  readonly clock: Clock
  readonly carriers: Carriers<Carrier>
  readonly watcher: ServerWatcher & CheckWatcher
  /** Called when a weight has changed by itself. */
  readonly onStep: () => void
  /** Called when a server has become able to take requests, or unable. */
  readonly onReady: () => void
}

export class Membership<Carrier> {
  readonly #parts: MembershipParts<Carrier>
  readonly #main: List<Carrier>
  readonly #backups: List<Carrier>
  readonly #byToken = new Map<string, Member<Carrier>>()
  #health: HealthOptions
  #all: readonly Member<Carrier>[] = []
  /** How to stop watching what carries requests to each. */
  readonly #unwatchers = new Map<Member<Carrier>, () => void>()
  #lowestLimit = Number.POSITIVE_INFINITY
  #closed = false

  constructor(parts: MembershipParts<Carrier>) {
    this.#parts = parts
    this.#health = parts.options
    this.#main = new List(parts.options.serverList)
    this.#backups = new List(parts.options.backupList)
    this.#settle()
  }

  get all(): readonly Member<Carrier>[] {
    return this.#all
  }

  get main(): readonly Member<Carrier>[] {
    return this.#main.members
  }

  get backups(): readonly Member<Carrier>[] {
    return this.#backups.members
  }

  /** How many slots the list of the member has. */
  slots(backup: boolean): number {
    return (backup ? this.#backups : this.#main).slots
  }

  /** No server has a limit below this one. */
  get lowestLimit(): number {
    return this.#lowestLimit
  }

  byToken(token: string): Member<Carrier> | undefined {
    return this.#byToken.get(token)
  }

  /** How servers are checked that have no way of their own. */
  get health(): HealthOptions {
    return this.#health
  }

  add(spec: ServerSpec, backup: boolean, health: HealthOptions | undefined): Member<Carrier> {
    const list = backup ? this.#backups : this.#main
    list.add(spec)
    this.#settle(health)
    return list.members.find(({ id }) => id === spec.address.id)!
  }

  remove(member: Member<Carrier>): void {
    if (this.#closed) return
    const list = member.backup ? this.#backups : this.#main
    list.remove(member.id)
    this.#settle()
  }

  reweigh(member: Member<Carrier>, weight: number): void {
    const list = member.backup ? this.#backups : this.#main
    list.reweigh(member.id, weight)
    list.arrange(list.servers, list.members)
  }

  /** Whether a list names the source. */
  names(source: string): boolean {
    return this.#main.names(source) || this.#backups.names(source)
  }

  /**
   * What a source tells, in place of what it told before. One that only `BackupList` names tells of backups alone.
   */
  found(source: string, found: readonly Found[]): void {
    if (this.#closed) return
    const namedAsBackup = this.#backups.names(source) && !this.#main.names(source)
    if (!namedAsBackup)
      this.#main.tell(
        source,
        found.filter((each) => this.#belongs(each, false)),
      )
    this.#backups.tell(source, namedAsBackup ? found : found.filter((each) => this.#belongs(each, true)))
    this.#settle()
  }

  /** Whether what was found is of the backups, or of the main list. */
  #belongs({ address: { id }, backup }: Found, toBackups: boolean): boolean {
    if (backup !== undefined) return backup === toBackups
    return toBackups ? this.#backups.has(id) : this.#main.has(id) || !this.#backups.has(id)
  }

  /** Another way to check the servers that have none of their own. */
  setHealth(health: HealthOptions): void {
    this.#health = health
    for (const member of this.#all) if (member.health === undefined) this.#check(member)
  }

  /** A way of its own to check one server; undefined: as all others. */
  setMemberHealth(member: Member<Carrier>, health: HealthOptions | undefined): void {
    member.health = health
    this.#check(member)
  }

  /** Lets everything go. The members stay, for requests that are under way. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const { watcher, carriers, checks } = this.#parts
    for (const member of this.#all) {
      const { slowStart, server, carrier, check } = member
      slowStart.stop()
      this.#unwatchers.get(member)?.()
      server.unwatch(watcher)
      carriers.giveBack(carrier)
      if (check !== undefined) checks.release(check, watcher)
    }
  }

  #make(address: ServerAddress, backup: boolean, health: HealthOptions | undefined): Member<Carrier> {
    const { name, directory, carriers, clock, onStep, onReady, options, watcher } = this.#parts
    const server = directory.at(address)
    const surroundings = { pool: name, clock, slowStart: options.slowStart, onStep }
    const member = new Member(server, backup, carriers.take(address), stickyToken(name, server), surroundings)
    member.health = health
    let wasReady = carriers.ready(member.carrier)
    const turned = (): void => {
      const isReady = carriers.ready(member.carrier)
      // What the requests of a connection that was lost have told says nothing about the next one.
      if (isReady && !wasReady) server.health.heardUp('it has connected anew')
      wasReady = isReady
      this.#limit(member)
      onReady()
    }
    this.#unwatchers.set(member, carriers.watch(member.carrier, turned))
    server.watch(watcher, options.maxConnections > 0)
    this.#limit(member)
    this.#check(member)
    return member
  }

  /** As many requests at once as the options say, or as the server takes where that is less. */
  #limit(member: Member<Carrier>): void {
    const { carriers, options, watcher } = this.#parts
    const own = carriers.limit(member.carrier)
    member.limit = Math.min(own, options.maxConnections > 0 ? options.maxConnections : Number.POSITIVE_INFINITY)
    if (own < Number.POSITIVE_INFINITY) member.server.watch(watcher, true)
    this.#lowestLimit = Math.min(this.#lowestLimit, member.limit)
  }

  #check(member: Member<Carrier>): void {
    const { checks, carriers, watcher } = this.#parts
    const before = member.check
    const { address } = member.server
    const options = checkOptions(member.health ?? this.#health)
    member.check = undefined
    if (options !== undefined) {
      const { path, interval, timeout, fails, passes, statusText } = options
      const parts = [address.id, path, interval, timeout, fails, passes, statusText, carriers.key(address)]
      const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22)
      member.check = checks.want(key, address, options, carriers.probe(member.carrier, address), watcher)
    }
    if (before !== undefined && before !== member.check) this.#unwatch(before)
  }

  #drop(member: Member<Carrier>): void {
    const { server, slowStart, carrier, check } = member
    slowStart.stop()
    this.#unwatchers.get(member)?.()
    this.#unwatchers.delete(member)
    // A server of both lists stays, as long as one of them has it.
    if (!this.#all.some((other) => other !== member && other.server === server)) server.unwatch(this.#parts.watcher)
    this.#parts.carriers.giveBack(carrier)
    member.check = undefined
    if (check !== undefined) this.#unwatch(check)
  }

  #unwatch(check: NonNullable<Member<Carrier>['check']>): void {
    if (this.#all.some((member) => member.check === check)) return
    this.#parts.checks.release(check, this.#parts.watcher)
  }

  /**
   * Makes the members that the lists want, and lets those go that they do not want any more. `health`: how those are
   * checked that are made now, where the lists do not say.
   */
  #settle(health?: HealthOptions): void {
    const before = this.#all
    this.#arrange(this.#main, false, health)
    this.#arrange(this.#backups, true, health)
    this.#all = [...this.#main.members, ...this.#backups.members]
    this.#byToken.clear()
    // A server of both lists is stuck to as a server of the main one.
    for (const member of this.#all) if (!this.#byToken.has(member.token)) this.#byToken.set(member.token, member)
    const stay = new Set(this.#all)
    for (const member of before) if (!stay.has(member)) this.#drop(member)
  }

  #arrange(list: List<Carrier>, backup: boolean, health: HealthOptions | undefined): void {
    const known = new Map(list.members.map((member) => [member.id, member]))
    const { servers } = list
    const members = new Map<string, Member<Carrier>>()
    for (const { address, source, told } of servers) {
      const member =
        members.get(address.id) ?? known.get(address.id) ?? this.#make(address, backup, told?.health ?? health)
      members.set(address.id, member)
      member.source = source
      member.told = told
    }
    list.arrange(servers, [...members.values()])
  }
}

/** The value of the sticky cookie for a server: the same in every process, and no address to the client. */
function stickyToken(pool: string, { address }: Server): string {
  return createHash('sha256').update(`${pool}\n${address.id}`).digest('base64url').slice(0, 16)
}
