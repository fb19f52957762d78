/**
 * What an active check knows about a server:
 *
 *     up ──(HealthFails failures in a row)──▶ down ──(HealthPasses passes in a row)──▶ up
 *
 * A result that goes the other way starts the count again, so that a server that passes and fails in turn stays as it
 * is. Health is per check, not per address: two pools may ask different paths.
 */

import type { StatusTest } from '../config/statuses.js'
import type { ServerAddress } from './address.js'

/** How a server is asked. */
export interface CheckOptions {
  /** Begins with `/`. */
  readonly path: string
  /** Milliseconds from the beginning of one check to that of the next; each is moved by up to 10 %, by chance. */
  readonly interval: number
  /** Milliseconds until the head of the answer has to be there. */
  readonly timeout: number
  /** Failures in a row after which the server is down. */
  readonly fails: number
  /** Passes in a row after which it is up again. */
  readonly passes: number
  readonly status: StatusTest
  /** The codes that pass, as they are written. */
  readonly statusText: string
}

/** The result of one check. */
export interface CheckResult {
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly at: number
  readonly passed: boolean
  /** The status, or what went wrong. */
  readonly result: string
  /** How long it took, in milliseconds. */
  readonly duration: number
}

/** What an active check has found, for processes that do not check by themselves. */
export interface Verdict {
  /** Which check of which server: the same for the same server and settings in every process. */
  readonly check: string
  readonly up: boolean
  /** Why it is as it is; empty as long as no check has changed anything. */
  readonly reason: string
  readonly last: CheckResult | null
}

/** Told when a check turns. */
export interface CheckWatcher {
  checkChanged(check: Check): void
}

/** The check of one server with one set of options, for all pools that want just that. */
export class Check {
  readonly key: string
  readonly address: ServerAddress
  readonly options: CheckOptions
  readonly watchers: Set<CheckWatcher> = new Set()
  /** A new server is used at once. */
  up = true
  /** Why it is as it is; empty as long as no check has changed anything. */
  reason = ''
  last: CheckResult | null = null
  /** When it turned last, in milliseconds since the Unix epoch. */
  since: number | null = null
  /** Results in a row that speak against what it is. */
  #against = 0

  constructor(key: string, address: ServerAddress, options: CheckOptions) {
    this.key = key
    this.address = address
    this.options = options
  }

  get verdict(): Verdict {
    return { check: this.key, up: this.up, reason: this.reason, last: this.last }
  }

  /** Counts a result. True: it turned the check. */
  record(result: CheckResult): boolean {
    this.last = result
    this.#against = result.passed === this.up ? 0 : this.#against + 1
    const { fails, passes } = this.options
    if (this.#against < (this.up ? fails : passes)) return false
    const times = this.#against === 1 ? 'a check' : `${this.#against} checks in a row`
    this.#turn(`${times} ${result.passed ? 'passed' : `failed: ${result.result}`}`, result.at)
    return true
  }

  /** Takes over what another process has found. True: it turned the check. */
  take({ up, reason, last }: Verdict): boolean {
    this.last = last
    if (up === this.up) return false
    this.#turn(reason, last?.at ?? null)
    return true
  }

  #turn(reason: string, at: number | null): void {
    this.up = !this.up
    this.#against = 0
    this.reason = reason
    this.since = at
  }
}
