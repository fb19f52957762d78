/**
 * The control of a proxy whose pools are shared: what is changed through it is written to the registry, and takes effect
 * here, as everywhere, when the registry tells of it. Whatever else there is to ask and change is that of this proxy.
 */

import type { Clock } from '../clock.js'
import {
  type Change,
  ChangeError,
  type ChangeResult,
  type Control,
  type Snapshot,
  type StateChange,
} from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { registrySource } from '../pool/source.js'
import { Departures } from './departures.js'
import { findPlaces, onlyPool, type Place, wantedServer } from './places.js'
import { checkedBalancer, checkHealth, parseObject, parsePoolSettings } from './pool-settings.js'
import { type Registry, type RegistryDecision, type RegistryEntry, RegistryError } from './registry.js'
import { parseKey, serverKey, settingsKey } from './registry-keys.js'
import { checkWeight, formatServerEntry, parseServerEntry, plainEntry, type ServerEntry } from './server-entry.js'
import { SharedPools } from './shared-pools.js'

export interface SharedControlParts {
  /** Of this proxy, in however many processes. */
  readonly control: Control
  /** Not started yet; belongs to the shared control from now on. */
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

type Add = Change & { kind: 'add' }
type ServerChange = Change & { kind: 'server' }

export class SharedControl implements Control {
  readonly #control: Control
  readonly #registry: Registry
  readonly #pools: SharedPools
  readonly #departures: Departures

  /**
   * Resolves when the pools of this proxy are as the registry says, or when it is out of reach: then they will be as soon
   * as it is not.
   */
  static async open(parts: SharedControlParts): Promise<SharedControl> {
    const shared = new SharedControl(parts)
    await parts.registry.start()
    await shared.#pools.settled()
    return shared
  }

  private constructor(parts: SharedControlParts) {
    this.#control = parts.control
    this.#registry = parts.registry
    this.#pools = new SharedPools(parts)
    this.#departures = new Departures(parts.control, parts.clock)
  }

  get ready(): boolean {
    return this.#control.ready
  }

  async snapshot(): Promise<Snapshot> {
    return { ...(await this.#control.snapshot()), registry: this.#registry.state }
  }

  async change(change: Change): Promise<ChangeResult> {
    try {
      return await this.#change(change)
    } catch (error) {
      if (error instanceof RegistryError) throw new ChangeError('unavailable', error.message)
      throw error
    }
  }

  async reload(): Promise<void> {
    await this.#control.reload()
    await this.resync()
  }

  /** After a reload that somebody else has made: pools that are new hear what the registry says of them. */
  resync(): Promise<void> {
    return this.#pools.resync()
  }

  configuration(): string {
    return this.#control.configuration()
  }

  watch(listener: (change: StateChange) => void): () => void {
    return this.#control.watch(listener)
  }

  /** Lets the registry go; the proxy goes on with what it was told. Idempotent. */
  async close(): Promise<void> {
    this.#departures.close()
    await this.#registry.close()
    await this.#pools.close()
  }

  #change(change: Change): Promise<ChangeResult> {
    switch (change.kind) {
      case 'add':
        return this.#add(change)
      case 'remove':
        return this.#remove(change)
      case 'server':
        return this.#changeServer(change)
      case 'pool':
        return this.#changePool(change)
      case 'source':
        return this.#control.change(change)
    }
  }

  async #add(change: Add): Promise<ChangeResult> {
    const pool = onlyPool(await this.#control.snapshot(), change.pool)
    const wanted = wantedServer(change)
    const { id } = wanted.address
    const known = pool.servers.find((server) => server.id === id)
    const { lease } = change
    const key = this.#keyOf(pool.name, id)
    let isNew = false
    const decide: RegistryDecision = (before) => {
      const there = this.#read(key, before)
      isNew = there === undefined || there.leaving || (there.override && known === undefined)
      if (there === undefined || there.leaving) return { value: formatServerEntry(wanted), lease }
      const value = there.override ? formatServerEntry({ ...there, override: false }) : before?.value
      return { value, lease }
    }
    const isRenewed = lease !== undefined && !this.#wouldChange(key, decide) && (await this.#registry.renew(key, lease))
    const written = isRenewed ? false : await this.#registry.update(key, decide)
    await this.#pools.settled()
    return { changed: written && isNew, servers: [{ pool: pool.name, server: id }] }
  }

  async #remove(change: Change & { kind: 'remove' }): Promise<ChangeResult> {
    const places = await this.#places(change)
    const named = places.find(({ source }) => source === null)
    if (named !== undefined) {
      const message = `${named.id} stands in the file of each proxy, and can be removed there; or set "state": "disabled"`
      throw new ChangeError('invalid', message)
    }
    await Promise.all(
      places.map((place) => {
        const { source, pool, id } = place
        if (source !== registrySource) return this.#control.change({ ...change, pool, server: id })
        return change.drain === undefined ? this.#delete(place) : this.#drain(place, change.drain)
      }),
    )
    await this.#pools.settled()
    return { changed: true, servers: places.map(({ pool, id }) => ({ pool, server: id })) }
  }

  async #delete({ pool, id }: Place): Promise<void> {
    for (const key of this.#keysOf(pool, id)) await this.#registry.update(key, () => ({ value: undefined }))
  }

  /** Ends with the server gone, unless somebody adds it again. */
  async #drain({ pool, id }: Place, time: number): Promise<void> {
    const keys = this.#keysOf(pool, id)
    // It leaves too if this proxy does before it could remove it.
    const lease = Math.ceil(time / 1000) + 10
    for (const key of keys) {
      await this.#registry.update(key, (before) => {
        const entry = this.#read(key, before)
        return entry && { value: formatServerEntry({ ...entry, state: 'draining', leaving: true }), lease }
      })
    }
    await this.#pools.settled()
    await this.#departures.wait(pool, id, time)
    for (const key of keys) {
      await this.#registry.update(key, (before) =>
        this.#read(key, before)?.leaving ? { value: undefined } : undefined,
      )
    }
  }

  async #changeServer(change: ServerChange): Promise<ChangeResult> {
    const { weight, health, state } = change
    checked(() => {
      if (weight !== undefined) checkWeight(weight)
      if (health !== undefined) checkHealth(health)
    })
    const places = await this.#places(change)
    for (const place of places) {
      const { pool, id, source } = place
      const key = this.#keyOf(pool, id)
      // What DNS tells, and who dials in, is this proxy's own.
      if (source !== null && source !== registrySource) await this.#control.change({ ...change, pool, server: id })
      else {
        await this.#registry.update(key, (before) => {
          const entry = this.#read(key, before) ?? overriding(place)
          if (entry.leaving && state !== undefined) {
            throw new ChangeError('invalid', `${id} is about to be removed; add it again to keep it`)
          }
          return { value: formatServerEntry(merged(entry, change)), lease: 'keep' }
        })
      }
    }
    await this.#pools.settled()
    return { changed: true, servers: places.map(({ pool, id }) => ({ pool, server: id })) }
  }

  async #changePool(change: Change & { kind: 'pool' }): Promise<ChangeResult> {
    const { name } = onlyPool(await this.#control.snapshot(), change.pool)
    const { health } = change
    const loadBalance = checked(() => {
      if (health !== undefined) checkHealth(health)
      return change.loadBalance === undefined ? undefined : checkedBalancer(change.loadBalance)
    })
    await this.#registry.update(settingsKey(name), (before) => {
      const there = before === undefined ? {} : orElse(() => parsePoolSettings(before.value), {})
      const settings = {
        ...(before && orElse(() => parseObject(before.value), {})),
        loadBalance: loadBalance ?? there.loadBalance,
        health: health === undefined ? there.health : { ...there.health, ...health },
      }
      return { value: JSON.stringify(settings), lease: 'keep' }
    })
    await this.#pools.settled()
    return { changed: true, servers: [] }
  }

  async #places({ pool, server }: { readonly pool?: string | undefined; readonly server: string }): Promise<Place[]> {
    return findPlaces(await this.#control.snapshot(), server, pool)
  }

  /** Where a server stands, or would. */
  #keyOf(pool: string, id: string): string {
    const known = this.#pools.registered.servers(pool).find(({ entry }) => entry.address.id === id)
    return known?.key ?? serverKey(pool, id)
  }

  /** All keys with the server. */
  #keysOf(pool: string, id: string): readonly string[] {
    return this.#pools.registered.keysOf(pool, id)
  }

  /** Undefined: nothing that makes sense. */
  #read(key: string, before: RegistryEntry | undefined): ServerEntry | undefined {
    const about = parseKey(key)
    if (before === undefined || about?.kind !== 'server') return undefined
    return orElse(() => parseServerEntry(about.id, before.value), undefined)
  }

  #wouldChange(key: string, decide: RegistryDecision): boolean {
    const before = this.#registry.entries.get(key)
    return decide(before)?.value !== before?.value
  }
}

/** Says nothing of a server in the file yet. */
function overriding({ address }: Place): ServerEntry {
  return { ...plainEntry(address), override: true }
}

function merged(entry: ServerEntry, { weight, state, health }: ServerChange): ServerEntry {
  return {
    ...entry,
    weight: weight ?? entry.weight,
    state: state ?? entry.state,
    health: health === undefined ? entry.health : { ...entry.health, ...health },
  }
}

/** What is found wrong is what is wrong with the change. */
function checked<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new ChangeError('invalid', (error as Error).message)
  }
}

function orElse<T>(action: () => T, otherwise: T): T {
  try {
    return action()
  } catch {
    return otherwise
  }
}
