/** What is known of the keys of an etcd below one prefix. */

import type { Clock, Timer } from '../clock.js'
import type { KeyValue, RangeResponse, WatchResponse } from './etcd-api.js'
import { type RegistryEntry, RegistryError } from './registry.js'

/** How long a write may take to come back by the watch, in milliseconds. */
const echoTimeout = 5_000

export interface EtcdEntry extends RegistryEntry {
  /** `0`: none. */
  readonly lease: string
}

interface Waiter {
  readonly revision: bigint
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

export class EtcdCopy {
  readonly #prefix: string
  readonly #clock: Clock
  readonly #entries = new Map<string, EtcdEntry>()
  readonly #listeners = new Set<(keys: readonly string[]) => void>()
  readonly #waiters = new Set<Waiter>()
  /** All writes up to this one are in `entries`. */
  #revision = 0n
  #cluster: string | undefined
  #held = false

  constructor(prefix: string, clock: Clock) {
    this.#prefix = prefix
    this.#clock = clock
  }

  get entries(): ReadonlyMap<string, EtcdEntry> {
    return this.#entries
  }

  /**
   * The store has come back without its data: `entries` are those from before. That is no deletion, which would have been
   * told as one, and leave the revision of the store higher than it was.
   */
  get isHeld(): boolean {
    return this.#held
  }

  watch(listener: (keys: readonly string[]) => void): () => void {
    const watcher = (keys: readonly string[]): void => listener(keys)
    this.#listeners.add(watcher)
    return () => void this.#listeners.delete(watcher)
  }

  /** All keys, as they were listed. Returns the revision of the list. */
  replace({ header, kvs }: RangeResponse): bigint {
    const revision = BigInt(header.revision)
    const isAnother = this.#cluster !== undefined && (header.clusterId !== this.#cluster || revision < this.#revision)
    this.#held = kvs.length === 0 && this.#entries.size > 0 && (isAnother || this.#held)
    if (this.#held) return revision
    this.#cluster = header.clusterId
    this.#revision = revision
    const changed: string[] = []
    const listed = new Map(kvs.map((kv) => [this.keyOf(kv), entryOf(kv)]))
    for (const [key, entry] of listed) {
      const before = this.#entries.get(key)
      if (before?.revision !== entry.revision || before.value !== entry.value) changed.push(key)
      this.#entries.set(key, entry)
    }
    for (const key of [...this.#entries.keys()]) {
      if (listed.has(key)) continue
      this.#entries.delete(key)
      changed.push(key)
    }
    this.#tell(changed)
    return revision
  }

  /** What has happened since. */
  apply(events: WatchResponse['events']): void {
    const changed = new Set<string>()
    for (const { type, kv } of events) {
      const key = this.keyOf(kv)
      if (type === 'DELETE') this.#entries.delete(key)
      else this.#entries.set(key, entryOf(kv))
      changed.add(key)
      // Not that of the header, which may be ahead of the events that have come so far.
      const revision = BigInt(kv.modRevision)
      if (revision > this.#revision) this.#revision = revision
    }
    this.#tell([...changed])
  }

  /** Resolves when the write with this revision is in `entries`. Rejects with a {@link RegistryError} if it takes too long. */
  seen(revision: bigint): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new RegistryError('the registry took it, but has not told of it yet'))
      }, echoTimeout)
      const waiter = { revision, resolve, reject, timer }
      this.#waiters.add(waiter)
    })
  }

  close(): void {
    for (const { timer, reject } of this.#waiters) {
      timer.cancel()
      reject(new RegistryError('the registry is closed'))
    }
    this.#waiters.clear()
  }

  /** Without the prefix. */
  keyOf({ key }: KeyValue): string {
    return key.toString().slice(this.#prefix.length)
  }

  #tell(keys: readonly string[]): void {
    if (keys.length > 0) for (const listener of [...this.#listeners]) listener(keys)
    for (const waiter of [...this.#waiters]) {
      if (waiter.revision > this.#revision) continue
      this.#waiters.delete(waiter)
      waiter.timer.cancel()
      waiter.resolve()
    }
  }
}

export function entryOf({ value, modRevision, lease }: KeyValue): EtcdEntry {
  return { value: value.toString(), revision: BigInt(modRevision), leased: lease !== '0', lease }
}
