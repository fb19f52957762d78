import {
  type Registry,
  type RegistryDecision,
  type RegistryEntry,
  RegistryError,
  type RegistryWrite,
} from '#lib/discovery/registry.js'
import type { RegistrySnapshot } from '#lib/forward/control.js'

interface Stored extends RegistryEntry {
  readonly lease: number | undefined
}

/** What several registries of a test share, in memory. */
export class MemoryStore {
  readonly entries = new Map<string, Stored>()
  readonly registries = new Set<MemoryRegistry>()
  #revision = 0n

  /** As somebody writes it with other means. */
  put(key: string, value: string | object, lease?: number): void {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    this.entries.set(key, { value: text, revision: ++this.#revision, leased: lease !== undefined, lease })
    for (const registry of this.registries) registry.tell([key])
  }

  delete(key: string): void {
    this.entries.delete(key)
    for (const registry of this.registries) registry.tell([key])
  }

  /** The lease of a key ends. */
  expire(key: string): void {
    if (this.entries.get(key)?.leased) this.delete(key)
  }
}

/** A registry that needs no server: the contract, with nothing behind it. */
export class MemoryRegistry implements Registry {
  readonly store: MemoryStore
  readonly #listeners = new Set<(keys: readonly string[]) => void>()
  state: RegistrySnapshot = { url: 'memory://here/p', connected: false, reason: 'not connected yet', since: 0 }
  closed = false
  /** Writes that were made. */
  writes = 0
  renewed = 0
  /** Called before the next write only: somebody else is faster. */
  meanwhile: (() => void) | undefined

  constructor(store: MemoryStore = new MemoryStore()) {
    this.store = store
    store.registries.add(this)
  }

  get entries(): ReadonlyMap<string, RegistryEntry> {
    return this.store.entries
  }

  get listeners(): number {
    return this.#listeners.size
  }

  async start(): Promise<void> {
    this.connect()
    this.tell([...this.entries.keys()])
  }

  connect(): void {
    this.state = { ...this.state, connected: true, reason: '' }
  }

  disconnect(reason: string): void {
    this.state = { ...this.state, connected: false, reason }
  }

  tell(keys: readonly string[]): void {
    if (keys.length > 0) for (const listener of [...this.#listeners]) listener(keys)
  }

  watch(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async update(key: string, decide: RegistryDecision): Promise<boolean> {
    if (!this.state.connected) throw new RegistryError(`out of reach: ${this.state.reason}`)
    const { meanwhile } = this
    this.meanwhile = undefined
    if (meanwhile !== undefined) decide(this.entries.get(key))
    meanwhile?.()
    const before = this.store.entries.get(key)
    const write: RegistryWrite | undefined = decide(before)
    if (write === undefined || (write.value === undefined && before === undefined)) return false
    const lease = write.lease === 'keep' ? before?.lease : write.lease
    if (write.value === before?.value && typeof write.lease !== 'number' && lease === before?.lease) return false
    this.writes++
    if (write.value === undefined) this.store.delete(key)
    else this.store.put(key, write.value, lease)
    return true
  }

  async renew(key: string, lease: number): Promise<boolean> {
    if (!this.state.connected) throw new RegistryError(`out of reach: ${this.state.reason}`)
    const isSame = this.store.entries.get(key)?.lease === lease
    if (isSame) this.renewed++
    return isSame
  }

  async close(): Promise<void> {
    this.closed = true
    this.store.registries.delete(this)
  }
}
