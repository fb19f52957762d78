/**
 * The loop around pick, try and answer: one server after the other until one answers, or none is left.
 *
 *     next ──▶ pool.lease ──▶ Attempt ──▶ (answer)
 *       ▲         │ full: wait in the queue
 *       │         │ none: refuse
 *       └─────────┴── a try failed, and another is safe (`retry.ts`)
 */

import { ProxyError } from '../errors.js'
import type { Lease } from '../pool/lease.js'
import type { Member } from '../pool/member.js'
import type { Pool, PoolRequest } from '../pool/pool.js'
import type { Waiter } from '../pool/queue.js'
import type { Upstream } from '../transports/transport.js'
import { Attempt } from './attempt.js'
import type { Exchange } from './exchange.js'
import { hashKey, readCookie } from './hash-key.js'
import { type FailedTry, isStale, nextTry } from './retry.js'

const nobody: ReadonlySet<Member<Upstream>> = new Set()

export class Failover implements PoolRequest, Waiter {
  slots = 0
  failedOpen = false
  /** Tries before the current one. */
  attempt = 0
  /** Tries that were begun. */
  tries = 0
  /** The try under way, or the last one. */
  current: Attempt | undefined
  readonly #exchange: Exchange
  #tried: Set<Member<Upstream>> | undefined
  #lastError: ProxyError | undefined
  /** Where the last try failed, as long as there is no other. */
  #failed: { member: Member<Upstream>; error: ProxyError } | undefined

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  /** Address of the server that was tried last. */
  get server(): string | undefined {
    return this.current?.lease.member.id
  }

  /** Asks for a server, and sends the request there; waits, or gives up. */
  next(): void {
    const { route } = this.#exchange
    const result = this.#lease()
    if (result === 'begun') return
    if (result === 'none') {
      this.refused(new ProxyError('ERR_NO_SERVER', `no server is eligible: ${route.pool.describe()}`))
      return
    }
    try {
      this.#pool.queue.join(this)
    } catch (error) {
      this.refused(asProxyError(error))
    }
  }

  /** A try failed. */
  failed(attempt: Attempt, error: ProxyError): void {
    const { lease } = attempt
    const { options, budget } = this.#exchange.route
    const stale = isStale(attempt, error)
    const next = nextTry(this.#failedTry(error, stale), options, budget)
    if (error.fault === 'server' && !stale) lease.failed(error.message)
    if (next === 'same-server') {
      this.current = new Attempt(this.#exchange, lease, true)
      return
    }
    lease.release()
    if (next === 'none') this.#exchange.refuse(error)
    else this.#again(lease.member, error)
  }

  /** Gives an answer up for that of another server, if there is one that might do better. */
  insteadOf(attempt: Attempt, status: number): boolean {
    const { options, budget, pool } = this.#exchange.route
    const { member } = attempt.lease
    if (!pool.hasOther(member, this.#tried ?? nobody)) return false
    const error = new ProxyError('ERR_RESPONSE_STATUS', `the server answered ${status}`)
    if (nextTry(this.#failedTry(error, false), options, budget) !== 'other-server') return false
    attempt.cancel()
    this.#exchange.outgoing.body?.detach()
    this.#again(member, error)
    return true
  }

  /** Nobody waits for an answer any more. */
  abandon(): void {
    this.#pool.queue.leave(this)
    this.current?.cancel()
  }

  // What the queue says.

  ready(): boolean {
    return this.#lease() === 'begun'
  }

  refused(error: ProxyError): void {
    this.#exchange.refuse(this.#lastError ?? error)
  }

  // What the pool and its balancer may ask.

  connectionNumber(): number {
    return this.#exchange.connectionNumber()
  }

  clientAddress(): string {
    return this.#exchange.outgoing.client.address
  }

  hashKey(): string {
    const { route, req, target } = this.#exchange
    return hashKey(route.pool.options.hashKey, req, target, this.clientAddress())
  }

  stickyToken(): string | undefined {
    const { route, req } = this.#exchange
    const name = route.pool.options.stickyCookie
    return name === undefined ? undefined : readCookie(req, name)
  }

  /** Where its servers come from: where there are none yet, a reload may have put another pool in place. */
  get #pool(): Pool<Upstream> {
    let { route } = this.#exchange
    while (route.successor !== undefined) route = route.successor
    return route.pool
  }

  #lease(): 'begun' | 'none' | 'full' {
    let lease: Lease<Upstream> | 'none' | 'full'
    try {
      lease = this.#pool.lease(this, this.#tried ?? nobody)
    } catch (error) {
      // A balancer of the user's own may throw.
      this.#exchange.refuse(asProxyError(error))
      return 'begun'
    }
    if (typeof lease === 'string') return lease
    if (this.#failed !== undefined) this.#exchange.retrying(this.#failed.member, this.#failed.error)
    this.#failed = undefined
    this.tries++
    this.#exchange.sending(lease.member)
    this.current = new Attempt(this.#exchange, lease, false)
    return 'begun'
  }

  #again(failed: Member<Upstream>, error: ProxyError): void {
    this.#tried ??= new Set()
    this.#tried.add(failed)
    this.#lastError = error
    this.#failed = { member: failed, error }
    this.attempt++
    this.next()
  }

  #failedTry(error: ProxyError, stale: boolean): FailedTry {
    const { req, outgoing, answer } = this.#exchange
    return {
      error,
      method: req.method ?? 'GET',
      tries: this.attempt + 1,
      replayable: outgoing.replayable,
      responseStarted: answer.started,
      stale,
    }
  }
}

/** Anything that was thrown, as an error of the table. */
export function asProxyError(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  return new ProxyError('ERR_INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
}
