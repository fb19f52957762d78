/**
 * What requests tell about a server:
 *
 *     up ──(AttemptsCount failures in a row)──▶ offline ──(OfflineTimeOut)──▶ due ──(a request is sent)──▶ trial
 *     ▲                                            ▲                            ▲                            │
 *     │                                            └────────── failure ─────────┼────────────────────────────┤
 *     │                                                                         └────── the client left ─────┤
 *     └──────────────────────────── any success, from wherever ──────────────────────────────────────────────┘
 *
 * `offline`, `due` and `trial` are one state to the outside: offline. Exactly one request is the trial; the others go
 * on avoiding the server until it has ended.
 */

import type { Clock, Timer } from '../clock.js'

/** What the entry whose request failed says about going offline. */
export interface OfflinePolicy {
  /** Failures in a row. */
  readonly attemptsCount: number
  /** Milliseconds. */
  readonly offlineTimeOut: number
}

/** Told when a server goes offline, comes back, or may be tried. */
export interface HealthListener {
  healthChanged(from: 'up' | 'offline', to: 'up' | 'offline', reason: string): void
  /** The server may be tried, or a trial has begun: who is eligible has changed, the state has not. */
  trialChanged(): void
}

export class PassiveHealth {
  readonly #clock: Clock
  readonly #listener: HealthListener
  #phase: 'up' | 'offline' | 'due' | 'trial' = 'up'
  #failures = 0
  #lastFailure = 0
  #offlineUntil = 0
  #timer: Timer | undefined

  constructor(clock: Clock, listener: HealthListener) {
    this.#clock = clock
    this.#listener = listener
  }

  get state(): 'up' | 'offline' {
    return this.#phase === 'up' ? 'up' : 'offline'
  }

  /** A request may be sent: the server is up, or waits for its trial. */
  get usable(): boolean {
    return this.#phase === 'up' || this.#phase === 'due'
  }

  /** Failures in a row. */
  get consecutiveFailures(): number {
    return this.#failures
  }

  /** When it last failed, on the clock's scale. */
  get lastFailure(): number {
    return this.#lastFailure
  }

  /** Milliseconds until it may be tried; 0 when it may be used now. */
  get rest(): number {
    return this.usable ? 0 : Math.max(0, this.#offlineUntil - this.#clock.now())
  }

  /** A request is about to be sent. True: it is the trial, and ends it by `succeeded`, `failed` or `abandoned`. */
  begin(): boolean {
    if (this.#phase !== 'due') return false
    this.#phase = 'trial'
    this.#listener.trialChanged()
    return true
  }

  /** The server answered. */
  succeeded(): void {
    this.heardUp('it answered a request')
  }

  /** The server failed a request; `trial` as `begin` returned it. */
  failed(policy: OfflinePolicy, trial: boolean, reason: string): void {
    this.#failures++
    this.#lastFailure = this.#clock.now()
    if (trial && this.#phase === 'trial') {
      this.#rest(policy.offlineTimeOut)
      this.#listener.trialChanged()
    } else if (this.#phase === 'up' && this.#failures >= policy.attemptsCount) {
      this.#rest(policy.offlineTimeOut)
      this.#listener.healthChanged('up', 'offline', reason)
    }
  }

  /** Another process has found it offline, and leaves it alone for `rest` milliseconds more: so does this one. */
  heardOffline(rest: number, reason: string): void {
    if (this.#phase !== 'up') return
    this.#rest(rest)
    this.#listener.healthChanged('up', 'offline', reason)
  }

  /** It has answered, this process or another one. */
  heardUp(reason: string): void {
    this.#failures = 0
    if (this.#phase === 'up') return
    this.#timer?.cancel()
    this.#phase = 'up'
    this.#listener.healthChanged('offline', 'up', reason)
  }

  /** The client of the trial left before there was an answer: the next request is the trial. */
  abandoned(): void {
    if (this.#phase !== 'trial') return
    this.#phase = 'due'
    this.#listener.trialChanged()
  }

  /** Forgets the timer. */
  close(): void {
    this.#timer?.cancel()
  }

  #rest(time: number): void {
    this.#phase = 'offline'
    this.#offlineUntil = this.#clock.now() + time
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimeout(() => this.#due(), time)
  }

  #due(): void {
    if (this.#phase !== 'offline') return
    this.#phase = 'due'
    this.#listener.trialChanged()
  }
}
