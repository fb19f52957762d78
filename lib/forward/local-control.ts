/**
 * The management of the proxy in this process. A change is checked as a whole before anything is touched. What has been
 * changed is also kept as a list (`Overlay`), which a reload, or another process, applies to the pools that it makes.
 */

import { balancerNames, canonicalBalancerName, findBalancer } from '../balancers/registry.js'
import type { Clock, Timer } from '../clock.js'
import { unknown } from '../config/suggest.js'
import type { ActiveHealth } from '../pool/active-health.js'
import { parseServer, type ServerSpec } from '../pool/address.js'
import { changedHealth, type HealthOptions } from '../pool/health-options.js'
import type { Member } from '../pool/member.js'
import type { Upstream } from '../transports/transport.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type HealthSettings,
  type LocalControl,
  type Snapshot,
  type StateChange,
  type Verdict,
} from './control.js'
import type { Forwarder } from './forwarder.js'
import { Overlay } from './overlay.js'
import type { Route } from './route.js'
import { takeSnapshot } from './snapshot.js'

export interface LocalControlParts {
  readonly clock: Clock
  readonly forwarder: Forwarder
  readonly checks: ActiveHealth
  readonly routes: () => readonly Route[]
  readonly reload: () => Promise<void>
  readonly configuration: () => string
  readonly closed: () => boolean
  /** Servers that nobody uses any more can be forgotten. */
  readonly sweep: () => void
  readonly onState: (change: StateChange) => void
}

/** A server of an entry. */
interface Place {
  readonly route: Route
  readonly member: Member<Upstream>
}

export class ProcessControl implements LocalControl {
  readonly #parts: LocalControlParts
  readonly #overlay = new Overlay()
  readonly #watchers = new Set<(change: StateChange) => void>()

  constructor(parts: LocalControlParts) {
    this.#parts = parts
  }

  get ready(): boolean {
    return !this.#parts.closed()
  }

  get changes(): readonly Change[] {
    return this.#overlay.changes
  }

  get verdicts(): readonly Verdict[] {
    return this.#parts.checks.verdicts
  }

  async snapshot(): Promise<Snapshot> {
    const { routes, forwarder, clock } = this.#parts
    return takeSnapshot(routes(), forwarder, clock)
  }

  async change(change: Change): Promise<ChangeResult> {
    if (this.#parts.closed()) throw new ChangeError('invalid', 'the proxy is closed')
    return this.#apply(change)
  }

  reload(): Promise<void> {
    return this.#parts.reload()
  }

  configuration(): string {
    return this.#parts.configuration()
  }

  watch(listener: (change: StateChange) => void): () => void {
    this.#watchers.add(listener)
    return () => this.#watchers.delete(listener)
  }

  apply(verdicts: readonly Verdict[]): void {
    this.#parts.checks.apply(verdicts)
  }

  watchVerdicts(listener: (verdict: Verdict) => void): () => void {
    return this.#parts.checks.watch(listener)
  }

  /** A server changed its state, by whatever. */
  told(change: StateChange): void {
    this.#parts.onState(change)
    for (const watcher of this.#watchers) watcher(change)
  }

  restore(changes: readonly Change[]): void {
    for (const change of changes) {
      try {
        void this.#apply(change)
      } catch (error) {
        if (!(error instanceof ChangeError)) throw error
      }
    }
  }

  #apply(change: Change): ChangeResult | Promise<ChangeResult> {
    switch (change.kind) {
      case 'add':
        return this.#add(change)
      case 'remove':
        return this.#remove(change)
      case 'server':
        return this.#changeServer(change)
      case 'pool':
        return this.#changePool(change)
    }
  }

  #add(change: Change & { kind: 'add' }): ChangeResult {
    const route = this.#route(change.pool)
    const { pool, name } = route
    const spec = serverSpec(change.url, change.weight)
    const { id } = spec.address
    const health = change.health === undefined ? undefined : this.#health(pool.health, change.health)
    const known = pool.members.find((member) => member.id === id)
    if (known !== undefined) return { changed: false, servers: [{ pool: name, server: id }] }
    pool.add(spec, change.backup === true, health)
    this.#overlay.added(name, id, { ...change, pool: name, weight: spec.weight })
    return { changed: true, servers: [{ pool: name, server: id }] }
  }

  #remove(change: Change & { kind: 'remove' }): ChangeResult | Promise<ChangeResult> {
    const places = this.#places(change.server, change.pool)
    for (const { route, member } of places) this.#overlay.removed(route.name, member.id)
    const servers = places.map(({ route, member }) => ({ pool: route.name, server: member.id }))
    const result = { changed: true, servers }
    if (change.drain === undefined) {
      for (const place of places) this.#leave(place)
      return result
    }
    return Promise.all(places.map((place) => this.#drain(place, change.drain ?? 0))).then(() => result)
  }

  #changeServer(change: Change & { kind: 'server' }): ChangeResult {
    const places = this.#places(change.server, change.pool)
    const { weight, state } = change
    if (weight !== undefined) checkWeight(weight)
    const health = places.map(({ route, member }) =>
      change.health === undefined ? undefined : this.#health(member.health ?? route.pool.health, change.health),
    )
    for (const [at, { route, member }] of places.entries()) {
      const { pool, name } = route
      if (weight !== undefined) pool.reweigh(member, weight)
      if (health[at] !== undefined) pool.setHealth(health[at], member)
      if (state !== undefined && state !== member.admin) this.#setState({ route, member }, state)
      this.#overlay.server(name, member.id, { weight, state, health: change.health })
    }
    return { changed: true, servers: places.map(({ route, member }) => ({ pool: route.name, server: member.id })) }
  }

  #changePool(change: Change & { kind: 'pool' }): ChangeResult {
    const { pool, name } = this.#route(change.pool)
    const loadBalance = change.loadBalance === undefined ? undefined : namedBalancer(change.loadBalance)
    const health = change.health === undefined ? undefined : this.#health(pool.health, change.health)
    if (loadBalance !== undefined && loadBalance.name !== pool.loadBalance.name) pool.setLoadBalance(loadBalance)
    if (health !== undefined) pool.setHealth(health)
    this.#parts.checks.sweep()
    this.#overlay.pool(name, { loadBalance: loadBalance?.name, health: change.health })
    return { changed: true, servers: [] }
  }

  #setState(place: Place, state: 'up' | 'draining' | 'disabled'): void {
    const { route, member } = place
    const from = member.state
    route.pool.setAdmin(member, state)
    this.told({ pool: route.name, server: member.id, from, to: member.state, reason: 'by request' })
  }

  #leave({ route, member }: Place): void {
    route.pool.remove(member)
    this.#parts.checks.sweep()
    this.#parts.sweep()
  }

  /** Resolves once the last request is over, or the time has passed. */
  #drain(place: Place, time: number): Promise<void> {
    const { route, member } = place
    const { usage } = member
    if (member.admin !== 'draining') this.#setState(place, 'draining')
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const leave = (): void => {
        timer?.cancel()
        usage.whenIdle.delete(leave)
        // A reload may have made the pool anew, or somebody else has removed it.
        if (route.pool.members.includes(member)) this.#leave(place)
        resolve()
      }
      if (usage.active === 0) return leave()
      usage.whenIdle.add(leave)
      timer = this.#parts.clock.setTimeout(() => {
        usage.whenIdle.delete(leave)
        this.#parts.forwarder.cut(usage)
        leave()
      }, time)
    })
  }

  #health(before: HealthOptions, settings: HealthSettings): HealthOptions {
    return checked(() => changedHealth(before, settings))
  }

  #route(name: string | undefined): Route {
    const routes = this.#parts.routes()
    const names = routes.map((route) => route.name)
    if (name === undefined) {
      const [only, ...more] = routes
      if (only !== undefined && more.length === 0) return only
      throw new ChangeError('invalid', `there are ${names.length} pools: say which one: ${names.join(', ')}`)
    }
    const route = routes.find((each) => each.name === name)
    if (route === undefined) throw new ChangeError('not-found', unknown('pool', name, names))
    return route
  }

  /** Every place of a server, or that in one pool. */
  #places(server: string, pool: string | undefined): Place[] {
    const id = checked(() => parseServer(server)).address.id
    const routes = pool === undefined ? this.#parts.routes() : [this.#route(pool)]
    const places = routes.flatMap((route) =>
      route.pool.members.filter((member) => member.id === id).map((member) => ({ route, member })),
    )
    if (places.length > 0) return places
    throw new ChangeError('not-found', `no server ${server} in ${pool === undefined ? 'any pool' : `the pool ${pool}`}`)
  }
}

function serverSpec(url: string, weight: number | undefined): ServerSpec {
  const spec = checked(() => parseServer(url.replace(/(?<=^[a-z]+:\/\/[^/]*)\/$/i, '')))
  if (weight === undefined) return spec
  checkWeight(weight)
  return { ...spec, weight }
}

function checkWeight(weight: number): void {
  if (Number.isInteger(weight) && weight >= 1 && weight <= 1000) return
  throw new ChangeError('invalid', `bad weight ${weight}; a weight is a whole number from 1 to 1000`)
}

function namedBalancer(name: string): { name: string; factory: NonNullable<ReturnType<typeof findBalancer>> } {
  const factory = findBalancer(name)
  if (factory === undefined) throw new ChangeError('invalid', unknown('balancer', name, balancerNames()))
  return { name: canonicalBalancerName(name) ?? name, factory }
}

/** What the configuration's own checks find wrong is what is wrong with the change. */
function checked<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new ChangeError('invalid', (error as Error).message)
  }
}
