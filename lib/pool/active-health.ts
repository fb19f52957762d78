/**
 * The active checks of a proxy. Each asks its server again and again, as long as a pool wants it; what it knows
 * outlives a reload.
 */

import type { Clock, Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { ServerAddress } from './address.js'
import { Check, type CheckOptions, type CheckWatcher, type Verdict } from './check.js'

/** Up to this part of an interval a check comes earlier or later, so that a hundred proxies do not beat as one. */
const jitter = 0.1

/**
 * Asks a server once, and tells the result unless it was cancelled. Returns how to cancel; undefined where the server
 * cannot be asked at the moment, which says nothing about it.
 */
export type Probe = (options: CheckOptions, done: (passed: boolean, result: string) => void) => (() => void) | undefined

export interface ActiveHealthParts {
  readonly clock: Clock
  readonly random: Random
  /** Whether this process asks a server; otherwise it takes the verdicts of another one. */
  readonly asks: (address: ServerAddress) => boolean
}

interface Running {
  readonly check: Check
  readonly asks: boolean
  probe: Probe
  timer: Timer | undefined
  cancel: (() => void) | undefined
}

export class ActiveHealth {
  readonly #parts: ActiveHealthParts
  readonly #running = new Map<string, Running>()
  readonly #listeners = new Set<(verdict: Verdict) => void>()
  #closed = false

  constructor(parts: ActiveHealthParts) {
    this.#parts = parts
  }

  /** What is known, of every check. */
  get verdicts(): readonly Verdict[] {
    return [...this.#running.values()].map(({ check }) => check.verdict)
  }

  /**
   * Wants the check of a server. `key` tells apart what is asked in different ways; `probe` asks. A check that runs
   * already is shared, and asks by the latest `probe`.
   */
  want(key: string, address: ServerAddress, options: CheckOptions, probe: Probe, watcher: CheckWatcher): Check {
    const known = this.#running.get(key)
    if (known !== undefined) {
      known.probe = probe
      known.check.watchers.add(watcher)
      return known.check
    }
    const asks = this.#parts.asks(address)
    const running: Running = {
      check: new Check(key, address, options),
      asks,
      probe,
      timer: undefined,
      cancel: undefined,
    }
    running.check.watchers.add(watcher)
    this.#running.set(key, running)
    // The first comes soon, but not those of all servers at once.
    if (asks) this.#schedule(running, options.interval * jitter * this.#parts.random.next())
    return running.check
  }

  /** The watcher does not want it any more. */
  release(check: Check, watcher: CheckWatcher): void {
    check.watchers.delete(watcher)
  }

  /** Ends the checks that nobody wants any more. A reload wants its checks before the old ones are released. */
  sweep(): void {
    for (const [key, running] of this.#running) {
      if (running.check.watchers.size > 0) continue
      stop(running)
      this.#running.delete(key)
    }
  }

  /** Takes over verdicts of another process; those of checks that are not known here, or run here, are left out. */
  apply(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      const running = this.#running.get(verdict.check)
      if (running?.asks === false && running.check.take(verdict)) this.#turned(running.check)
    }
  }

  /** Calls `listener` after each check; returns how to stop. */
  watch(listener: (verdict: Verdict) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Ends all checks, those under way too. */
  close(): void {
    this.#closed = true
    for (const running of this.#running.values()) stop(running)
  }

  #schedule(running: Running, delay: number): void {
    running.timer = this.#parts.clock.setTimeout(() => this.#ask(running), delay)
  }

  #ask(running: Running): void {
    const { clock, random } = this.#parts
    const { check } = running
    const begun = clock.now()
    const timeout = clock.setTimeout(() => {
      running.cancel?.()
      finish(false, `no answer within ${check.options.timeout} ms`)
    }, check.options.timeout)
    let over = false
    const finish = (passed: boolean, result: string): void => {
      if (over) return
      over = true
      timeout.cancel()
      running.cancel = undefined
      if (this.#closed || this.#running.get(check.key) !== running) return
      const duration = clock.now() - begun
      const turned = check.record({ at: clock.wallTime(), passed, result, duration })
      const interval = check.options.interval * (1 - jitter + 2 * jitter * random.next())
      this.#schedule(running, Math.max(0, interval - duration))
      if (turned) this.#turned(check)
      for (const listener of this.#listeners) listener(check.verdict)
    }
    const cancel = running.probe(check.options, finish)
    if (cancel === undefined) {
      over = true
      timeout.cancel()
      this.#schedule(running, check.options.interval)
      return
    }
    running.cancel = () => {
      timeout.cancel()
      cancel()
    }
    // It may have failed at once.
    if (over) running.cancel = undefined
  }

  #turned(check: Check): void {
    for (const watcher of check.watchers) watcher.checkChanged(check)
  }
}

function stop(running: Running): void {
  running.timer?.cancel()
  running.cancel?.()
}
