/**
 * The management of the proxy in this process. A change is checked as a whole before anything is touched. What has been
 * changed is also kept as a list (`Overlay`), which a reload, or another process, applies to the pools that it makes.
 */

import type { Clock } from '../clock.js'
import { unknown } from '../config/suggest.js'
import type { ActiveHealth } from '../pool/active-health.js'
import { parseServer } from '../pool/address.js'
import { healthSettings } from '../pool/health-options.js'
import type { Member } from '../pool/member.js'
import type { Server } from '../pool/server.js'
import { idOf, namedSources, registrySource, type Source } from '../pool/source.js'
import type { Upstream } from '../transports/transport.js'
import {
  checked,
  checkRemovable,
  checkWeight,
  foundServer,
  healthOptions,
  poolSettings,
  serverSpec,
} from './change-checks.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type Experience,
  type LocalControl,
  type Snapshot,
  type StateChange,
  type Verdict,
} from './control.js'
import { Drains, type Place } from './drains.js'
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
  /** The server of an id. */
  readonly find: (id: string) => Server | undefined
  /** Servers that nobody uses any more can be forgotten. */
  readonly sweep: () => void
  readonly onState: (change: StateChange) => void
}

export class ProcessControl implements LocalControl {
  readonly #parts: LocalControlParts
  readonly #overlay = new Overlay()
  readonly #watchers = new Set<(change: StateChange) => void>()
  readonly #drains: Drains

  constructor(parts: LocalControlParts) {
    this.#parts = parts
    this.#drains = new Drains(parts.clock, parts.forwarder, (place) => this.#leave(place))
  }

  get ready(): boolean {
    return !this.#parts.closed()
  }

  get changes(): readonly Change[] {
    const names = new Map(this.#parts.routes().map(({ key, name }) => [key, name]))
    return this.#overlay.changes((key) => names.get(key))
  }

  get sources(): readonly Source[] {
    const lists = this.#parts
      .routes()
      .flatMap(({ pool: { options } }) => [...options.serverList, ...options.backupList])
    return [...new Map(namedSources(lists).map(({ source }) => [source.id, source])).values()]
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
    return this.#apply(change, true)
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

  hear(experiences: readonly Experience[]): void {
    for (const { server, state, rest, reason } of experiences) {
      const health = this.#parts.find(server)?.health
      if (state === 'up') health?.heardUp(reason)
      else if (rest > 0) health?.heardOffline(rest, reason)
    }
  }

  watchVerdicts(listener: (verdict: Verdict) => void): () => void {
    return this.#parts.checks.watch(listener)
  }

  /** A server changed its state, by whatever. */
  told(change: StateChange): void {
    this.#parts.onState(change)
    for (const watcher of this.#watchers) watcher(change)
  }

  /** After a reload: the changes hold for the pools that it made, each since when it did for the `old` ones. */
  carryOver(old: readonly Route[]): void {
    this.restore(this.changes)
    for (const { key, pool } of old) {
      for (const { id, admin, adminSince } of pool.members) {
        if (adminSince === null) continue
        const next = this.#memberOf(key, id)
        if (next?.admin === admin) next.adminSince = adminSince
      }
    }
  }

  restore(changes: readonly Change[]): void {
    for (const change of changes) {
      try {
        void this.#apply(change, false)
      } catch (error) {
        if (!(error instanceof ChangeError)) throw error
      }
    }
  }

  /** `isNew`: it was not made before, in another process or before a reload. */
  #apply(change: Change, isNew: boolean): ChangeResult | Promise<ChangeResult> {
    switch (change.kind) {
      case 'add':
        return this.#add(change)
      case 'remove':
        return this.#remove(change)
      case 'server':
        return this.#changeServer(change, isNew)
      case 'pool':
        return this.#changePool(change)
      case 'source':
        return this.#found(change)
    }
  }

  #add(change: Change & { kind: 'add' }): ChangeResult {
    const route = this.#route(change.pool)
    const { pool, name } = route
    const spec = serverSpec(change.url, change.weight)
    const { id, scheme } = spec.address
    if (scheme === 'worker') throw new ChangeError('invalid', `${id}: a worker joins by itself, and is not added`)
    const health = change.health === undefined ? undefined : healthOptions(pool.health, change.health)
    const known = pool.members.find((member) => member.id === id)
    if (known !== undefined && !this.#drains.has(known)) {
      return { changed: false, servers: [{ pool: name, server: id }] }
    }
    if (known !== undefined) this.#leave({ route, member: known })
    pool.add(spec, change.backup === true, health)
    this.#overlay.added(route.key, id, { ...change, weight: spec.weight, health: health && healthSettings(health) })
    return { changed: true, servers: [{ pool: name, server: id }] }
  }

  #remove(change: Change & { kind: 'remove' }): ChangeResult | Promise<ChangeResult> {
    const places = this.#places(change.server, change.pool)
    for (const { member } of places) checkRemovable(member)
    for (const { route, member } of places) {
      const { serverList, backupList } = route.pool.options
      const isConfigured = [...serverList, ...backupList].some((item) => idOf(item) === member.id)
      this.#overlay.removed(route.key, member.id, isConfigured)
    }
    const servers = places.map(({ route, member }) => ({ pool: route.name, server: member.id }))
    const result = { changed: true, servers }
    if (change.drain === undefined) {
      for (const place of places) this.#leave(place)
      return result
    }
    return Promise.all(places.map((place) => this.#drain(place, change.drain ?? 0))).then(() => result)
  }

  #changeServer(change: Change & { kind: 'server' }, isNew: boolean): ChangeResult {
    const places = this.#places(change.server, change.pool)
    const { weight, state } = change
    if (state !== undefined && places.some(({ member }) => this.#drains.has(member))) {
      throw new ChangeError('invalid', `${change.server} is about to be removed; add it again to keep it`)
    }
    if (weight !== undefined) checkWeight(weight)
    const health = places.map(({ route, member }) =>
      change.health === undefined ? undefined : healthOptions(member.health ?? route.pool.health, change.health),
    )
    for (const [at, { route, member }] of places.entries()) {
      const { pool } = route
      const settings = health[at]
      if (weight !== undefined) pool.reweigh(member, weight)
      if (settings !== undefined) pool.setHealth(settings, member)
      if (state !== undefined && state !== member.admin) this.#setState({ route, member }, state, isNew)
      this.#overlay.server(route.key, member.id, { weight, state, health: settings && healthSettings(settings) })
    }
    this.#parts.checks.sweep()
    return { changed: true, servers: places.map(({ route, member }) => ({ pool: route.name, server: member.id })) }
  }

  #changePool(change: Change & { kind: 'pool' }): ChangeResult {
    const { pool, key } = this.#route(change.pool)
    const written = change.reset ? pool.options : undefined
    const given = poolSettings(change, written ?? pool.health)
    const { loadBalance = written?.loadBalance, health = written } = given
    if (loadBalance !== undefined && loadBalance.name !== pool.loadBalance.name) pool.setLoadBalance(loadBalance)
    if (health !== undefined) pool.setHealth(health)
    this.#parts.checks.sweep()
    const kept = { loadBalance: given.loadBalance?.name, health: given.health && healthSettings(given.health) }
    this.#overlay.pool(key, kept, change.reset === true)
    return { changed: true, servers: [] }
  }

  #found(change: Change & { kind: 'source' }): ChangeResult {
    const { source, pool: name } = change
    const routes = name === undefined ? this.#parts.routes() : [this.#route(name)]
    const fed = routes.filter(({ pool }) => source === registrySource || pool.names(source))
    // All is checked before anything is touched: the pools' own settings for checks may differ.
    const found = fed.map(({ pool }) => change.servers.map((server) => foundServer(pool.health, server)))
    for (const [at, { pool, key }] of fed.entries()) {
      const gone = pool.members.filter((member) => member.source === source)
      pool.found(source, found[at]!)
      for (const { id } of gone) if (!pool.members.some((member) => member.id === id)) this.#overlay.left(key, id)
      this.#overlay.found(key, change)
    }
    this.#parts.checks.sweep()
    this.#parts.sweep()
    return { changed: true, servers: [] }
  }

  #setState({ route, member }: Place, state: 'up' | 'draining' | 'disabled', isNew: boolean): void {
    const from = member.state
    route.pool.setAdmin(member, state)
    if (isNew) this.told({ pool: route.name, server: member.id, from, to: member.state, reason: 'by request' })
  }

  #leave({ route, member }: Place): void {
    route.pool.remove(member)
    this.#parts.checks.sweep()
    this.#parts.sweep()
  }

  #drain(place: Place, time: number): Promise<void> {
    if (place.member.admin !== 'draining') this.#setState(place, 'draining', true)
    return this.#drains.begin(place, time)
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

  #memberOf(key: string, id: string): Member<Upstream> | undefined {
    const route = this.#parts.routes().find((each) => each.key === key)
    return route?.pool.members.find((member) => member.id === id)
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
