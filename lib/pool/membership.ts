/**
 * Which servers a pool has: those of the configuration, and what has been added, removed and weighed anew since. It
 * also holds what each of them needs: a carrier, a watch on the server, an active check.
 */

import { createHash } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { ActiveHealth, Probe } from './active-health.js'
import type { ServerAddress, ServerSpec } from './address.js'
import type { CheckWatcher } from './check.js'
import { checkOptions, type HealthOptions } from './health-options.js'
import { Member } from './member.js'
import type { PoolOptions } from './options.js'
import type { Server, ServerDirectory, ServerWatcher } from './server.js'

/** What carries requests to servers, whatever that is. */
export interface Carriers<Carrier> {
  /** What carries requests to a server; taken once for each member, and given back once. */
  take(address: ServerAddress): Carrier
  giveBack(carrier: Carrier): void
  /** Tells apart carriers that reach the same server in different ways: equal in every process. */
  key(address: ServerAddress): string
  /** Asks a server whether it is well. */
  probe(carrier: Carrier, address: ServerAddress): Probe
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
}

/** The servers of one of the two lists. */
class List<Carrier> {
  readonly #specs: ServerSpec[]
  members: readonly Member<Carrier>[] = []
  /** How many slots the list has. */
  slots = 0

  constructor(specs: readonly ServerSpec[]) {
    this.#specs = [...specs]
  }

  /** The address of each server, once. */
  get addresses(): readonly ServerAddress[] {
    return [...new Map(this.#specs.map(({ address }) => [address.id, address])).values()]
  }

  join(spec: ServerSpec, member: Member<Carrier>): void {
    this.#specs.push(spec)
    this.members = [...this.members, member]
  }

  leave(member: Member<Carrier>): void {
    this.members = this.members.filter((other) => other !== member)
    this.#keep(({ address }) => address.id !== member.id)
  }

  /** The server stands in the list once, at its first place, with this weight. */
  reweigh({ id }: Member<Carrier>, weight: number): void {
    const first = this.#specs.findIndex(({ address }) => address.id === id)
    const spec = this.#specs[first]
    if (spec !== undefined) this.#specs[first] = { ...spec, weight }
    this.#keep(({ address }, at) => at === first || address.id !== id)
  }

  /** Numbers the slots anew. */
  number(): void {
    const slots = new Map<string, number[]>()
    this.slots = 0
    for (const { address, weight } of this.#specs) {
      const known = slots.get(address.id) ?? []
      for (let i = 0; i < weight; i++) known.push(this.slots++)
      slots.set(address.id, known)
    }
    for (const member of this.members) member.place(slots.get(member.id) ?? [])
  }

  #keep(wanted: (spec: ServerSpec, at: number) => boolean): void {
    const kept = this.#specs.filter(wanted)
    this.#specs.splice(0, this.#specs.length, ...kept)
  }
}

export class Membership<Carrier> {
  readonly #parts: MembershipParts<Carrier>
  readonly #main: List<Carrier>
  readonly #backups: List<Carrier>
  readonly #byToken = new Map<string, Member<Carrier>>()
  #health: HealthOptions
  #all: readonly Member<Carrier>[] = []
  #closed = false

  constructor(parts: MembershipParts<Carrier>) {
    this.#parts = parts
    this.#health = parts.options
    this.#main = new List(parts.options.serverList)
    this.#backups = new List(parts.options.backupList)
    for (const list of [this.#main, this.#backups]) {
      list.members = list.addresses.map((address) => this.#make(address, list === this.#backups, undefined))
    }
    this.#changed()
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

  byToken(token: string): Member<Carrier> | undefined {
    return this.#byToken.get(token)
  }

  /** How servers are checked that have no way of their own. */
  get health(): HealthOptions {
    return this.#health
  }

  add(spec: ServerSpec, backup: boolean, health: HealthOptions | undefined): Member<Carrier> {
    const list = backup ? this.#backups : this.#main
    const member = this.#make(spec.address, backup, health)
    list.join(spec, member)
    this.#changed()
    return member
  }

  remove(member: Member<Carrier>): void {
    if (this.#closed) return
    const list = member.backup ? this.#backups : this.#main
    list.leave(member)
    this.#changed()
    this.#drop(member)
  }

  reweigh(member: Member<Carrier>, weight: number): void {
    const list = member.backup ? this.#backups : this.#main
    list.reweigh(member, weight)
    list.number()
  }

  /** Another way to check the servers that have none of their own. */
  setHealth(health: HealthOptions): void {
    this.#health = health
    for (const member of this.#all) if (member.health === undefined) this.#check(member)
  }

  /** A way of its own to check one server. */
  setMemberHealth(member: Member<Carrier>, health: HealthOptions): void {
    member.health = health
    this.#check(member)
  }

  /** Lets everything go. The members stay, for requests that are under way. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const { watcher, carriers, checks } = this.#parts
    for (const { slowStart, server, carrier, check } of this.#all) {
      slowStart.stop()
      server.unwatch(watcher)
      carriers.giveBack(carrier)
      if (check !== undefined) checks.release(check, watcher)
    }
  }

  #make(address: ServerAddress, backup: boolean, health: HealthOptions | undefined): Member<Carrier> {
    const { name, directory, carriers, clock, onStep, options, watcher } = this.#parts
    const server = directory.at(address)
    const surroundings = { pool: name, clock, slowStart: options.slowStart, onStep }
    const member = new Member(server, backup, carriers.take(address), stickyToken(name, server), surroundings)
    member.health = health
    server.watch(watcher, options.maxConnections > 0)
    this.#check(member)
    return member
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

  #changed(): void {
    this.#main.number()
    this.#backups.number()
    this.#all = [...this.#main.members, ...this.#backups.members]
    this.#byToken.clear()
    // A server of both lists is stuck to as a server of the main one.
    for (const member of this.#all) if (!this.#byToken.has(member.token)) this.#byToken.set(member.token, member)
  }
}

/** The value of the sticky cookie for a server: the same in every process, and no address to the client. */
function stickyToken(pool: string, { address }: Server): string {
  return createHash('sha256').update(`${pool}\n${address.id}`).digest('base64url').slice(0, 16)
}
