/**
 * One connection's way to a server, while its client waits:
 *
 *     trying ──(connected)──▶ done
 *       │ ▲
 *       │ └──────(another server of this round)
 *       ▼                                               │
 *     failed ──(none left, retries left)──▶ resting ──(retryDelay)──▶ trying, in a new round
 *       │
 *       └──(no retries left)──▶ done
 */

import type { Socket } from 'node:net'
import { ProxyError } from '../errors.js'
import { Deadline, type Deadlines } from '../forward/deadline.js'
import type { DialWaiter } from '../transports/dial.js'
import type { Destination, ServerWaiter } from './destination.js'
import type { CheckedOptions } from './options.js'
import { dial, type Remote } from './remote.js'

/** Whoever wants a connection to a server. Exactly one of the two is called, once. */
export interface ConnectingEvents {
  connected(server: Socket): void
  unconnected(error: Error): void
}

export class Connecting implements ServerWaiter, DialWaiter {
  readonly #destination: Destination
  readonly #options: CheckedOptions
  readonly #events: ConnectingEvents
  readonly #deadline: Deadline
  #retries = 0
  #resting = false
  #giveUp: (() => void) | undefined
  #cancelled = false
  /** The last server did accept, and closed at once: it would do so again. */
  #pointless = false

  constructor(destination: Destination, options: CheckedOptions, deadlines: Deadlines, events: ConnectingEvents) {
    this.#destination = destination
    this.#options = options
    this.#events = events
    this.#deadline = new Deadline(deadlines, () => this.#expired())
  }

  start(): void {
    this.#destination.next(this)
  }

  /** Gives up. What the destination holds is not given back. */
  cancel(): void {
    this.#cancelled = true
    this.#deadline.clear()
    this.#giveUp?.()
  }

  // What the destination says.

  take(remote: Remote): void {
    if (this.#cancelled) return
    this.#deadline.set(this.#options.connectTimeout)
    this.#giveUp = dial(remote, this)
  }

  none(error: Error, final = false): void {
    if (this.#cancelled) return
    if (final || this.#pointless || this.#retries >= this.#options.connectRetries) {
      this.#events.unconnected(error)
      return
    }
    this.#retries++
    this.#resting = true
    this.#deadline.set(this.#options.retryDelay)
  }

  // What comes of a try.

  connected(server: Socket): void {
    this.#giveUp = undefined
    this.#deadline.clear()
    this.#events.connected(server)
  }

  unconnected(error: Error): void {
    this.#giveUp = undefined
    this.#deadline.clear()
    this.#pointless = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
    this.#destination.failed(error)
    this.#destination.next(this)
  }

  #expired(): void {
    if (this.#resting) {
      this.#resting = false
      this.#destination.newRound()
      this.#destination.next(this)
      return
    }
    this.#giveUp?.()
    this.unconnected(new ProxyError('ERR_CONNECT_TIMEOUT', `no connection within ${this.#options.connectTimeout} ms`))
  }
}
