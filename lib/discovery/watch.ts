/**
 * One source, looked up again and again:
 *
 *     asking ──(servers)──▶ known ◀──────────── servers ─────────────┐
 *       │                    │  ▲                                     │
 *       │                    │  └── servers ── missing ──(for 30 s)──▶ empty
 *       │                    │                   ▲  │                  ▲
 *       │                    ├──(none)───────────┘  └─(a failure)─┐    │
 *       │                    └──(a failure)──▶ failing ◀──────────┘    │
 *       ├──(a failure)──▶ failing, with no servers yet                 │
 *       └──(none)──────────────────────────────────────────────────────┘
 *
 * `known` waits for the TTL; all others ask again after 1 s, then twice as long each time, up to 30 s. `missing` and
 * `failing` keep the servers that were known. A failure is no evidence that the servers are gone, so the 30 s of
 * `missing` begin anew after one.
 */

import type { Clock, Timer } from '../clock.js'
import { messageOf } from '../config/section.js'
import type { Logger } from '../forward/events.js'
import type { Found, Source } from '../pool/source.js'
import type { Random } from '../random.js'
import type { Outcome } from './lookup.js'
import type { OnFound } from './source.js'

/** Milliseconds. A TTL of 0 would ask all the time, one of a week would never see a change. */
const shortestTtl = 1_000
const longestTtl = 3_600_000
/** Milliseconds between the tries after a failure: the first, doubled each time up to the longest. */
const firstDelay = 1_000
const longestDelay = 30_000
/** Milliseconds for which a name has to be without servers before that is believed. */
const holdTime = 30_000
/** How much earlier than it must a question may be asked, so that a hundred proxies do not ask as one. */
const jitter = 0.1

export interface WatchParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly found: OnFound
  readonly lookup: () => Promise<Outcome>
}

export class SourceWatch {
  readonly #source: Source
  readonly #parts: WatchParts
  #timer: Timer | undefined
  #stopped = false
  /** What was told last; undefined before the first time. */
  #told: readonly Found[] | undefined
  /** Look-ups in a row that ended without a full answer. */
  #failures = 0
  /** Since when there have been no servers, on the clock's scale. */
  #missingSince: number | undefined

  /** Begins at once. */
  constructor(source: Source, parts: WatchParts) {
    this.#source = source
    this.#parts = parts
    void this.#ask()
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #ask(): Promise<void> {
    const outcome = await this.#parts.lookup().catch((error: unknown) => messageOf(error))
    if (this.#stopped) return
    const delay = this.#take(outcome)
    // Set before anything is told, which may stop this.
    this.#timer = this.#parts.clock.setTimeout(() => void this.#ask(), delay)
    if (typeof outcome === 'string') return
    if (outcome.kind === 'found') this.#tell(outcome.servers)
    else if (this.#missingSince === undefined) this.#tell([])
  }

  /** Takes an outcome, or the message of a failure, to account; returns the milliseconds until the next question. */
  #take(outcome: Outcome | string): number {
    if (typeof outcome === 'string') {
      this.#missingSince = undefined
      return this.#failed(`cannot be looked up (${outcome})`)
    }
    if (outcome.kind === 'none') return this.#missed(outcome.reason)
    this.#missingSince = undefined
    const ttl = Math.min(longestTtl, Math.max(shortestTtl, outcome.ttl * 1000))
    if (outcome.failure !== undefined) {
      return Math.min(this.#early(ttl), this.#failed(`cannot be looked up (${outcome.failure})`))
    }
    if (this.#failures > 0) this.#log('info', `is looked up again: ${countText(outcome.servers)}`)
    this.#failures = 0
    return this.#early(ttl)
  }

  #missed(reason: string): number {
    const { clock } = this.#parts
    // Nothing to lose, the first time.
    if (this.#told === undefined || this.#told.length === 0) return this.#failed(`leads to no servers (${reason})`)
    if (this.#missingSince === undefined) {
      this.#missingSince = clock.now()
      return this.#failed(`leads to no servers any more (${reason})`)
    }
    const left = this.#missingSince + holdTime - clock.now()
    const delay = this.#failed(reason)
    if (left > 0) return Math.min(delay, left)
    this.#missingSince = undefined
    this.#log('warn', `has led to no servers for ${holdTime / 1000} s (${reason}); it has none now`)
    return delay
  }

  /** Counts, and says so the first time; returns the milliseconds until the next try. */
  #failed(what: string): number {
    if (this.#failures === 0) {
      const kept = this.#told?.length ? `; ${countText(this.#told)} kept` : '; it has no servers'
      this.#log('warn', what + kept)
    }
    return this.#early(Math.min(longestDelay, firstDelay * 2 ** Math.min(this.#failures++, 10)))
  }

  #early(delay: number): number {
    return delay * (1 - jitter * this.#parts.random.next())
  }

  #tell(servers: readonly Found[]): void {
    if (this.#told !== undefined && isSame(this.#told, servers)) return
    this.#told = servers
    this.#parts.found(this.#source, servers)
  }

  #log(level: 'info' | 'warn', text: string): void {
    this.#parts.logger[level](`${this.#source.id} ${text}`)
  }
}

function isSame(before: readonly Found[], now: readonly Found[]): boolean {
  if (before.length !== now.length) return false
  return before.every(({ address, weight, backup }, index) => {
    const other = now[index]!
    return address.id === other.address.id && weight === other.weight && backup === other.backup
  })
}

function countText({ length }: readonly Found[]): string {
  return `${length} ${length === 1 ? 'server' : 'servers'}`
}
