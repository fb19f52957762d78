/**
 * The contract of a registry: a map of keys to texts that several proxies share, wherever it is kept.
 *
 * A registry keeps a copy of the map in this process, and keeps it as it is in the store for as long as it is connected.
 * While it is not, the copy stays as it was: whoever reads it goes on with what was known last. What the keys and texts
 * mean is no concern of a registry (`registry-keys.ts`, `server-entry.ts`), so another store has only this to do.
 */

import type { RegistrySnapshot } from '../forward/control.js'

/** What stands under a key. */
export interface RegistryEntry {
  readonly value: string
  /** Grows with every write, all keys together. */
  readonly revision: bigint
  /** It leaves by itself unless somebody renews its lease. */
  readonly leased: boolean
}

/** What is to stand under a key. */
export interface RegistryWrite {
  /** Undefined: nothing; the key is deleted. */
  readonly value: string | undefined
  /**
   * Seconds, a whole number from 2: the entry leaves after that time, unless it is written or renewed with a lease
   * again. `keep`: as long as before. Left out: for good.
   */
  readonly lease?: number | 'keep' | undefined
}

/** Says what is to stand under a key from what stands there; undefined: as it is. Called again if somebody else writes. */
export type RegistryDecision = (before: RegistryEntry | undefined) => RegistryWrite | undefined

export interface Registry {
  /** How it stands. */
  readonly state: RegistrySnapshot
  /** What is known, by keys such as `pools/web/settings`. */
  readonly entries: ReadonlyMap<string, RegistryEntry>
  /**
   * Begins to connect, and goes on to try for as long as it takes. Resolves with the first answer, good or bad: how it
   * ended is told by `state`.
   */
  start(): Promise<void>
  /** Calls `listener` with the keys that have changed, after each change of `entries`; returns how to stop. */
  watch(listener: (keys: readonly string[]) => void): () => void
  /**
   * Writes one key, as one step: nobody else's write is lost. Resolves once `entries` show it, with whether anything was
   * written. Rejects with a {@link RegistryError}, or with what `decide` throws.
   */
  update(key: string, decide: RegistryDecision): Promise<boolean>
  /**
   * Lets the lease of an entry begin anew. False, and nothing done: the entry has none of this length any more, in
   * seconds. Rejects with a {@link RegistryError}.
   */
  renew(key: string, lease: number): Promise<boolean>
  /** Lets everything go; `entries` stay. Idempotent. */
  close(): Promise<void>
}

/** Why the store could not be asked or written. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
}
