/**
 * Pools as a registry describes them, told to the control of this proxy: the servers of each as those of the source
 * `registry`, and its settings. Pools that this proxy does not have are left out until it has them.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '../clock.js'
import { messageOf } from '../config/section.js'
import { type Change, ChangeError, type Control, type FoundServer, type PoolSnapshot } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { registrySource } from '../pool/source.js'
import type { PoolSettings } from './pool-settings.js'
import { RegisteredServers } from './registered-servers.js'
import type { Registry } from './registry.js'
import { foundServer } from './server-entry.js'

/** Milliseconds until the control is asked again that could not answer. */
const retryDelay = 1_000

export interface SharedPoolsParts {
  readonly registry: Registry
  /** Of this proxy. */
  readonly control: Control
  readonly logger: Logger
  readonly clock: Clock
}

export class SharedPools {
  readonly registered: RegisteredServers
  readonly #control: Control
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #unwatch: () => void
  /** Pools of which something has changed. */
  readonly #changed = new Set<string>()
  /** What pools were told. */
  readonly #told = new Map<string, readonly FoundServer[]>()
  readonly #settings = new Map<string, PoolSettings>()
  /** Pools that may have forgotten what they were told. */
  readonly #stale = new Set<string>()
  #working: Promise<void> | undefined
  #retry: Timer | undefined

  constructor({ registry, control, logger, clock }: SharedPoolsParts) {
    this.registered = new RegisteredServers(registry, logger)
    this.#control = control
    this.#logger = logger
    this.#clock = clock
    this.#unwatch = registry.watch((keys) => this.#turn(this.registered.changed(keys)))
    this.#turn(this.registered.pools)
  }

  /** Everything that is known now has been told. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** Tells everything once more, to a control that has read its file again. */
  resync(): Promise<void> {
    const pools = [...this.#told.keys(), ...this.#settings.keys(), ...this.registered.pools]
    for (const pool of pools) this.#stale.add(pool)
    this.#turn(pools)
    return this.settled()
  }

  /** Tells nothing more. Idempotent. */
  async close(): Promise<void> {
    this.#unwatch()
    this.#retry?.cancel()
    this.#changed.clear()
    await this.settled()
  }

  #turn(pools: readonly string[]): void {
    for (const pool of pools) this.#changed.add(pool)
    if (this.#changed.size > 0) this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    try {
      while (this.#changed.size > 0) {
        const { pools } = await this.#control.snapshot()
        const changed = pools.filter(({ name }) => this.#changed.has(name))
        this.#changed.clear()
        for (const pool of changed) await this.#tell(pool)
      }
    } catch (error) {
      this.#logger.error(`registry: ${messageOf(error)}`)
      this.#retry = this.#clock.setTimeout(() => this.#turn([]), retryDelay)
    } finally {
      this.#working = undefined
    }
  }

  async #tell(pool: PoolSnapshot): Promise<void> {
    const { name } = pool
    await this.#tellSettings(name)
    const named = new Set(pool.servers.filter(({ source }) => source === null).map(({ id }) => id))
    // What is said of a server in the file is said to those who have it there.
    const servers = this.registered
      .servers(name)
      .filter(({ entry }) => !entry.override || named.has(entry.address.id))
      .map(({ entry }) => foundServer(entry))
    if (isDeepStrictEqual(servers, this.#told.get(name) ?? []) && !this.#stale.has(name)) return
    const change: Change = { kind: 'source', pool: name, source: registrySource, servers }
    if (!(await this.#change(change, name))) return
    this.#told.set(name, servers)
    this.#stale.delete(name)
  }

  async #tellSettings(name: string): Promise<void> {
    const given = this.registered.settings(name)
    const before = this.#settings.get(name)
    // A bad value leaves all as it is.
    if (given === 'bad' || (given === 'none' && before === undefined)) return
    const settings = given === 'none' ? {} : given
    if (isDeepStrictEqual(settings, before) && !this.#stale.has(name)) return
    // What is not said, or no more, is as each proxy has it in its file.
    if (!(await this.#change({ kind: 'pool', pool: name, ...settings, reset: true }, name))) return
    if (given === 'none') this.#settings.delete(name)
    else this.#settings.set(name, settings)
  }

  /** False: it was not taken. */
  async #change(change: Change, pool: string): Promise<boolean> {
    try {
      await this.#control.change(change)
      return true
    } catch (error) {
      // A reload may have dropped the pool; it is told again once it is there.
      if (error instanceof ChangeError && error.code === 'not-found') return false
      this.#logger.error(`registry: the pool ${pool} does not take what is said of it: ${messageOf(error)}`)
      return false
    }
  }
}
