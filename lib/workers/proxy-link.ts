/**
 * A worker's connections to one proxy: one to each of its processes. They share an address, and the kernel (or the
 * manager of the processes) says which of them takes a connection; so the worker dials until it has met them all.
 *
 *     waiting ──▶ dialling ──(joined)──▶ one more held ──(fewer than there are)──▶ waiting
 *        ▲            └──(held already, unwanted, refused, unreachable)──┐             ▲
 *        └───────────────────────────────────────────────────────────────┘   (lost) ───┘
 */

import type { Clock, Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { Backend } from './backend.js'
import { type JoinRequest, type Outcome, shakeHands } from './handshake.js'
import type { ProxyAddress } from './proxy-address.js'
import { RetryDelay } from './retry-delay.js'
import { type TunnelOwner, TunnelSession } from './tunnel-session.js'
import { WorkerError } from './worker-error.js'

/** Told how the connections to a proxy do. */
export interface LinkOwner extends Pick<TunnelOwner, 'failed' | 'answered'> {
  joined(proxy: ProxyAddress, process: string): void
  /** `reason`: why it broke; undefined when the proxy closed it in order, as it does when it stops. */
  lost(proxy: ProxyAddress, process: string, reason: string | undefined): void
  /** Said again only when it is another one, or after a connection has stood. */
  failing(error: WorkerError): void
}

export interface LinkParts {
  readonly address: ProxyAddress
  readonly join: JoinRequest
  readonly backend: Backend
  readonly clock: Clock
  readonly random: Random
  readonly owner: LinkOwner
}

export class ProxyLink {
  readonly #parts: LinkParts
  readonly #delay: RetryDelay
  /** By the process at their other end: those on which requests come. */
  readonly #held = new Map<string, TunnelSession>()
  /** All that are open, those that end included. */
  readonly #open = new Set<TunnelSession>()
  #wanted = 1
  #timer: Timer | undefined
  #giveUp: (() => void) | undefined
  #told: string | undefined
  #left = false
  #onEmpty: (() => void) | undefined

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#delay = new RetryDelay(parts.clock, parts.random)
    this.#dial()
  }

  /** The processes that it is connected to. */
  get processes(): readonly string[] {
    return [...this.#held.keys()]
  }

  /** Dials no more, and lets the requests end. Resolves when every connection is closed. */
  leave(): Promise<void> {
    this.#left = true
    this.#timer?.cancel()
    this.#giveUp?.()
    for (const session of this.#open) session.drain()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
      this.#checkEmpty()
    })
  }

  /** Cuts what is left. */
  cut(): void {
    for (const session of [...this.#open]) session.destroy()
  }

  #dialIn(delay: number): void {
    if (this.#left || this.#giveUp !== undefined) return
    this.#timer?.cancel()
    this.#timer = this.#parts.clock.setTimeout(() => this.#dial(), delay)
  }

  #dial(): void {
    this.#timer = undefined
    if (this.#left || this.#held.size >= this.#wanted) return
    const { address, join, clock } = this.#parts
    this.#giveUp = shakeHands(address, join, this.processes, clock, (outcome) => {
      this.#giveUp = undefined
      this.#take(outcome)
    })
  }

  #take(outcome: Outcome): void {
    switch (outcome.kind) {
      case 'joined':
        this.#wanted = outcome.processes
        this.#join(outcome)
        if (this.#held.size < this.#wanted) this.#dialIn(this.#delay.afterHeld(this.#wanted))
        break
      case 'held':
        this.#wanted = outcome.processes
        if (this.#held.size < this.#wanted) this.#dialIn(this.#delay.afterHeld(this.#wanted))
        break
      case 'refused':
        this.#fail('ERR_WORKER_REFUSED', `${outcome.text} (${outcome.status})`, outcome.status)
        this.#dialIn(this.#delay.afterRefusal())
        break
      case 'unwanted':
        this.#fail('ERR_WORKER_UNWANTED', `${outcome.text} (${outcome.status})`, outcome.status)
        this.#dialIn(this.#delay.afterFailure())
        break
      case 'unreachable':
        this.#fail('ERR_WORKER_UNREACHABLE', outcome.error.message, undefined, outcome.error)
        this.#dialIn(this.#delay.afterFailure())
    }
  }

  #join({ socket, head, process }: Extract<Outcome, { kind: 'joined' }>): void {
    const { address, backend, clock, random, owner } = this.#parts
    if (this.#held.has(process)) {
      // A proxy that does not look at what the worker holds.
      socket.destroy()
      return
    }
    const lose = (reason: string | undefined): void => {
      if (this.#held.get(process) !== session) return
      this.#held.delete(process)
      owner.lost(address, process, reason)
      this.#dialIn(this.#delay.afterLoss())
    }
    const session = new TunnelSession({
      socket,
      head,
      backend,
      clock,
      random,
      owner: {
        draining: () => lose(undefined),
        closed: (reason) => {
          this.#open.delete(session)
          lose(reason)
          this.#checkEmpty()
        },
        failed: (error) => owner.failed(error),
        answered: () => owner.answered(),
      },
    })
    this.#told = undefined
    this.#delay.joined()
    this.#held.set(process, session)
    this.#open.add(session)
    owner.joined(address, process)
  }

  #fail(code: WorkerError['code'], problem: string, status: number | undefined, cause?: Error): void {
    const { address, owner } = this.#parts
    if (this.#told === problem) return
    this.#told = problem
    const what = code === 'ERR_WORKER_UNREACHABLE' ? 'cannot reach' : 'not taken by'
    owner.failing(new WorkerError(code, `${what} ${address.text}: ${problem}`, address.text, status, cause))
  }

  #checkEmpty(): void {
    if (this.#left && this.#open.size === 0) this.#onEmpty?.()
  }
}
