/** What the keys of a registry say, by pools. Each value is read once; what makes no sense is reported once, and left out. */

import { messageOf } from '../config/section.js'
import type { Logger } from '../forward/events.js'
import { type PoolSettings, parsePoolSettings } from './pool-settings.js'
import type { Registry, RegistryEntry } from './registry.js'
import { parseKey, settingsKey } from './registry-keys.js'
import { parseServerEntry, type ServerEntry } from './server-entry.js'

/** A server of a registry, and where it stands there. */
export interface RegisteredServer {
  readonly key: string
  readonly entry: ServerEntry
  readonly revision: bigint
}

/** What was read; undefined: it makes no sense. */
interface Read {
  readonly value: string
  readonly meaning: unknown
}

export class RegisteredServers {
  readonly #registry: Registry
  readonly #logger: Logger
  /** Keys of servers, by pools. */
  readonly #keys = new Map<string, Set<string>>()
  readonly #read = new Map<string, Read>()
  readonly #strange = new Set<string>()

  constructor(registry: Registry, logger: Logger) {
    this.#registry = registry
    this.#logger = logger
    this.changed([...registry.entries.keys()])
  }

  /** All pools of which something is said. */
  get pools(): readonly string[] {
    const keys = [...this.#registry.entries.keys()]
    return [...new Set(keys.flatMap((key) => parseKey(key)?.pool ?? []))]
  }

  /** Takes up what has happened to some keys; returns the pools that it concerns. */
  changed(keys: readonly string[]): readonly string[] {
    const pools = new Set<string>()
    for (const key of keys) {
      const isThere = this.#registry.entries.has(key)
      if (!isThere) this.#read.delete(key)
      const about = parseKey(key)
      if (about === undefined) {
        this.#reportKey(key, isThere)
        continue
      }
      pools.add(about.pool)
      if (about.kind === 'server') this.#index(about.pool, key, isThere)
    }
    return [...pools]
  }

  /** The servers of a pool, in order of their addresses, each once: see {@link preferred}. */
  servers(pool: string): readonly RegisteredServer[] {
    const byAddress = new Map<string, RegisteredServer>()
    for (const found of this.#all(pool)) {
      const { id } = found.entry.address
      const known = byAddress.get(id)
      byAddress.set(id, known === undefined ? found : preferred(known, found))
    }
    return [...byAddress.values()].sort((a, b) => (a.entry.address.id < b.entry.address.id ? -1 : 1))
  }

  /** Every key of a pool that holds the server. */
  keysOf(pool: string, id: string): readonly string[] {
    return this.#all(pool).flatMap(({ key, entry }) => (entry.address.id === id ? key : []))
  }

  #all(pool: string): readonly RegisteredServer[] {
    return [...(this.#keys.get(pool) ?? [])].flatMap((key) => {
      const stored = this.#registry.entries.get(key)
      const about = parseKey(key)
      if (stored === undefined || about?.kind !== 'server') return []
      const entry = this.#parse(key, stored, (value) => parseServerEntry(about.id, value))
      return entry === undefined ? [] : { key, entry, revision: stored.revision }
    })
  }

  /** `none`: the registry says nothing; `bad`: what it says makes no sense. */
  settings(pool: string): PoolSettings | 'none' | 'bad' {
    const key = settingsKey(pool)
    const stored = this.#registry.entries.get(key)
    if (stored === undefined) return 'none'
    return this.#parse(key, stored, parsePoolSettings) ?? 'bad'
  }

  #index(pool: string, key: string, isThere: boolean): void {
    const keys = this.#keys.get(pool) ?? new Set()
    if (isThere) this.#keys.set(pool, keys.add(key))
    else if (keys.delete(key) && keys.size === 0) this.#keys.delete(pool)
  }

  #parse<Result>(key: string, { value }: RegistryEntry, parse: (value: string) => Result): Result | undefined {
    const known = this.#read.get(key)
    if (known?.value === value) return known.meaning as Result | undefined
    let meaning: Result | undefined
    try {
      meaning = parse(value)
    } catch (error) {
      this.#warn(`${key} is left out: ${messageOf(error)}`)
    }
    this.#read.set(key, { value, meaning })
    return meaning
  }

  #reportKey(key: string, isThere: boolean): void {
    if (!isThere) this.#strange.delete(key)
    else if (!this.#strange.has(key)) {
      this.#strange.add(key)
      this.#warn(`${key} is left out: it is no key of a pool`)
    }
  }

  #warn(text: string): void {
    this.#logger.warn(`registry: ${oneLine(text)}`)
  }
}

/** Of two keys with the same server that which adds it; of two that do, what was written last. */
function preferred(one: RegisteredServer, other: RegisteredServer): RegisteredServer {
  if (one.entry.override !== other.entry.override) return one.entry.override ? other : one
  return other.revision > one.revision ? other : one
}

/** Whoever can write to the registry is not to write lines of the log. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
  })
}
