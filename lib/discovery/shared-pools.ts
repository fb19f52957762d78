/**
 * Pools as a registry describes them, told to the control of this proxy: the servers of each as those of the source
 * `registry`, and its settings. Pools that this proxy does not have are left out until it has them.
 */

import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../config/section.js'
import { type Change, ChangeError, type Control, type FoundServer, type PoolSnapshot } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { type PoolSettings, parsePoolSettings, settingsOf } from './pool-settings.js'
import type { Registry } from './registry.js'
import { parseKey, settingsKey } from './registry-keys.js'
import { foundServer, parseServerEntry, type ServerEntry } from './server-entry.js'

/** How pools call what a registry tells. */
export const registrySource = 'registry'

/** A server of a registry, and where it stands there. */
export interface RegisteredServer {
  readonly key: string
  readonly entry: ServerEntry
  readonly revision: bigint
}

export interface SharedPoolsParts {
  readonly registry: Registry
  readonly control: Control
  readonly logger: Logger
}

export class SharedPools {
  readonly #parts: SharedPoolsParts
  readonly #unwatch: () => void
  /** Pools of which something has changed. */
  readonly #changed = new Set<string>()
  readonly #told = new Map<string, readonly FoundServer[]>()
  readonly #settings = new Map<string, PoolSettings>()
  /** How pools were before the registry said something of them. */
  readonly #original = new Map<string, PoolSettings>()
  /** Values that make no sense, and were reported. */
  readonly #reported = new Map<string, string>()
  #working: Promise<void> | undefined

  constructor(parts: SharedPoolsParts) {
    this.#parts = parts
    this.#unwatch = parts.registry.watch((keys) => this.#hear(keys))
  }

  /** The servers of a pool, each address once: see {@link preferred}. */
  servers(pool: string): readonly RegisteredServer[] {
    const byAddress = new Map<string, RegisteredServer>()
    for (const [key, { value, revision }] of this.#parts.registry.entries) {
      const about = parseKey(key)
      if (about?.kind !== 'server' || about.pool !== pool) continue
      const entry = this.#parse(key, value, () => parseServerEntry(about.id, value))
      if (entry === undefined) continue
      const { id } = entry.address
      const found = { key, entry, revision }
      const known = byAddress.get(id)
      byAddress.set(id, known === undefined ? found : preferred(known, found))
    }
    return [...byAddress.values()].sort((a, b) => (a.entry.address.id < b.entry.address.id ? -1 : 1))
  }

  /** Everything that is known now has been told. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** Tells everything once more, to a control that has read its file again. */
  resync(): Promise<void> {
    for (const pool of this.#told.keys()) this.#changed.add(pool)
    this.#settings.clear()
    this.#hear([...this.#parts.registry.entries.keys()], true)
    return this.settled()
  }

  /** Tells nothing more. Idempotent. */
  async close(): Promise<void> {
    this.#unwatch()
    this.#changed.clear()
    await this.settled()
  }

  #hear(keys: readonly string[], again = false): void {
    for (const key of keys) {
      const about = parseKey(key)
      if (about === undefined) this.#reportKey(key)
      else this.#changed.add(about.pool)
      if (!this.#parts.registry.entries.has(key)) this.#reported.delete(key)
    }
    if (again) this.#told.forEach((_, pool) => this.#told.set(pool, unknownServers))
    if (this.#changed.size > 0) this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    try {
      while (this.#changed.size > 0) {
        const { pools } = await this.#parts.control.snapshot()
        const changed = pools.filter(({ name }) => this.#changed.has(name))
        this.#changed.clear()
        for (const pool of changed) await this.#tell(pool)
      }
    } catch (error) {
      this.#parts.logger.error(`registry: ${messageOf(error)}`)
    } finally {
      this.#working = undefined
    }
  }

  async #tell(pool: PoolSnapshot): Promise<void> {
    await this.#tellSettings(pool)
    const named = new Set(pool.servers.filter(({ source }) => source !== registrySource).map(({ id }) => id))
    // What is said of a server in the file is said to those who have it there.
    const servers = this.servers(pool.name)
      .filter(({ entry }) => !entry.override || named.has(entry.address.id))
      .map(({ entry }) => foundServer(entry))
    if (isDeepStrictEqual(servers, this.#told.get(pool.name) ?? [])) return
    await this.#change({ kind: 'source', pool: pool.name, source: registrySource, servers })
    this.#told.set(pool.name, servers)
  }

  async #tellSettings(pool: PoolSnapshot): Promise<void> {
    const { name } = pool
    const key = settingsKey(name)
    const { value } = this.#parts.registry.entries.get(key) ?? {}
    const parsed = value === undefined ? undefined : this.#parse(key, value, () => parsePoolSettings(value))
    // A bad value leaves it as it is; no value leads back to how it was.
    if (parsed === undefined && value !== undefined) return
    const settings = parsed ?? this.#original.get(name)
    if (settings === undefined || isDeepStrictEqual(settings, this.#settings.get(name))) return
    if (!this.#original.has(name)) this.#original.set(name, settingsOf(pool))
    await this.#change({ kind: 'pool', pool: name, ...settings })
    if (parsed === undefined) {
      this.#original.delete(name)
      this.#settings.delete(name)
    } else this.#settings.set(name, settings)
  }

  async #change(change: Change & { pool: string }): Promise<void> {
    try {
      await this.#parts.control.change(change)
    } catch (error) {
      // A reload may have dropped the pool.
      if (error instanceof ChangeError && error.code === 'not-found') return
      this.#parts.logger.error(`registry: the pool ${change.pool} does not take what it says: ${messageOf(error)}`)
    }
  }

  /** Undefined: it makes no sense, which is said once. */
  #parse<Result>(key: string, value: string, parse: () => Result): Result | undefined {
    try {
      const result = parse()
      this.#reported.delete(key)
      return result
    } catch (error) {
      if (this.#reported.get(key) !== value) {
        this.#parts.logger.warn(`registry: ${key} is left out: ${messageOf(error)}`)
      }
      this.#reported.set(key, value)
      return undefined
    }
  }

  #reportKey(key: string): void {
    if (this.#reported.has(key)) return
    this.#reported.set(key, '')
    this.#parts.logger.warn(`registry: ${key} is no key of a pool, and is left out`)
  }
}

/** Equal to no list of servers. */
const unknownServers: readonly FoundServer[] = [{ url: '' }]

/** Of two keys with the same server that which adds it; of two that do, what was written last. */
function preferred(one: RegisteredServer, other: RegisteredServer): RegisteredServer {
  if (one.entry.override !== other.entry.override) return one.entry.override ? other : one
  return other.revision > one.revision ? other : one
}
