/**
 * A client's first bytes, and what the route decides on them:
 *
 *     heading ──(header of the PROXY protocol, where one has to be)──▶ waiting
 *     waiting ──(more bytes)──▶ asking ──(a decision)──▶ decided
 *        ▲                        │
 *        └────────(noop)──────────┘
 *
 * `asking` lasts as long as a promise of the route's does. In `asking` and `decided` the client is read up to `maxBuffer`,
 * and then no more. An error leads to `over`.
 */

import { messageOf } from '../config/section.js'
import { parseProxyHeader } from '../proxy-protocol/parse.js'
import type { Client } from './client.js'
import { type Checked, checkDecision, type Route } from './decision.js'
import { TcpError, type TcpErrorCode } from './errors.js'
import type { CheckedOptions } from './options.js'
import { Received } from './received.js'

/** A decision that does not ask for more. */
export type Decided = Exclude<Checked, { kind: 'wait' }>

/** Told how it ends: one of them is called, once, unless it is stopped before. */
export interface DecidingEvents {
  decided(decision: Decided): void
  failed(error: TcpError): void
  /** The client has ended before there was a decision. */
  left(): void
}

export class Deciding {
  readonly #client: Client
  readonly #route: Route
  readonly #options: CheckedOptions
  readonly #events: DecidingEvents
  readonly #received = new Received()
  #state: 'heading' | 'waiting' | 'asking' | 'decided' | 'over'
  /** How many bytes the route was called with last. */
  #shown = 0
  #ended = false

  constructor(client: Client, route: Route, options: CheckedOptions, events: DecidingEvents) {
    this.#client = client
    this.#route = route
    this.#options = options
    this.#events = events
    this.#state = options.acceptProxyProtocol ? 'heading' : 'waiting'
  }

  /** The bytes that the decision was made on. */
  get shown(): Buffer {
    return this.#received.head(this.#shown)
  }

  /** Those that came later. */
  get rest(): Buffer {
    return this.#received.after(this.#shown)
  }

  start(): void {
    if (this.#state === 'waiting' && this.#options.decideAtOnce) this.#ask()
  }

  /** Bytes came. They are kept after the decision too. */
  take(chunk: Buffer): void {
    if (this.#state === 'over') return
    this.#received.add(chunk)
    if (this.#state === 'heading') this.#readHeader()
    else if (this.#state === 'waiting') this.#ask()
    const full = this.#received.length >= this.#options.maxBuffer
    if (full && (this.#state === 'asking' || this.#state === 'decided')) this.#client.socket.pause()
  }

  /** No more will come. */
  end(): void {
    this.#ended = true
    if (this.#state === 'heading' || this.#state === 'waiting') this.#leave()
  }

  /** Nobody needs the bytes, or a decision, any more. */
  stop(): void {
    this.#state = 'over'
    this.#received.clear()
  }

  #readHeader(): void {
    try {
      const header = parseProxyHeader(this.#received.bytes)
      if (header === 'more') return
      this.#client.beginsWith(header)
      this.#received.drop(header.length)
    } catch (error) {
      this.#fail('ERR_TCP_PROXY_HEADER', messageOf(error), error)
      return
    }
    this.#state = 'waiting'
    if (this.#received.length > 0 || this.#options.decideAtOnce) this.#ask()
  }

  #ask(): void {
    this.#state = 'asking'
    this.#shown = this.#received.length
    let decision: unknown
    let promise: Promise<unknown> | undefined
    try {
      decision = this.#route(this.#received.bytes, this.#client)
      // Looking at what it returned may throw too.
      if (isThenable(decision)) promise = Promise.resolve(decision)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (promise === undefined) {
      this.#decided(decision)
      return
    }
    promise.then(
      (each) => this.#decided(each),
      (error: unknown) => this.#refuse(error),
    )
  }

  #refuse(error: unknown): void {
    if (this.#state === 'asking') this.#fail('ERR_TCP_ROUTE', `the route threw: ${messageOf(error)}`, error)
  }

  #decided(value: unknown): void {
    // A promise may come too late.
    if (this.#state !== 'asking') return
    let decision: Checked
    try {
      decision = checkDecision(value, this.#client)
    } catch (error) {
      this.#fail('ERR_TCP_ROUTE', messageOf(error))
      return
    }
    if (decision.kind === 'wait') {
      this.#wait()
      return
    }
    this.#state = 'decided'
    this.#events.decided(decision)
  }

  #wait(): void {
    const { length } = this.#received
    if (length > this.#options.maxBuffer) {
      this.#fail('ERR_TCP_BUFFER_FULL', `no decision after ${length} bytes`)
      return
    }
    this.#state = 'waiting'
    if (length > this.#shown) this.#ask()
    else if (this.#ended) this.#leave()
    else this.#client.socket.resume()
  }

  #fail(code: TcpErrorCode, message: string, cause?: unknown): void {
    this.stop()
    this.#events.failed(new TcpError(code, message, cause === undefined ? undefined : { cause }))
  }

  #leave(): void {
    this.stop()
    this.#events.left()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
