/**
 * The contract of a balancer: it chooses, and decides nothing else.
 *
 * - The pool decides who is eligible. A balancer is handed candidates only: servers that are up, not draining, below
 *   their limit, and not yet tried for this request. It never has to look at health.
 * - No candidates: `pick` returns `undefined`. One or more: it returns one of them, always.
 * - Candidates stand in the order of their first place in the written list.
 * - `candidates` is the same array object from pick to pick until something about it changes (a server joins or
 *   leaves, its state or weight changes), and is never changed in place. What a balancer derives from it (a turn
 *   list, a ring, a heap) it can keep as long as it is handed the same array. For the second and further tries of a
 *   request the array is made for that one pick (`request.attempt > 0`): do not keep anything derived from it.
 * - `Candidate` objects live as long as their server is in the pool; they can be keys of a `WeakMap` or `Map`.
 * - A tie is broken in turn, in the order of the list, unless the strategy is defined by chance.
 * - Cost: a pick is O(1) in the common case, O(log n) where the strategy has to keep an order.
 *   What is derived from a new array may cost O(n).
 */

import type { Clock } from '../clock.js'
import type { Random } from '../random.js'

/** One server, as a balancer sees it. */
export interface Candidate {
  /** Unique within the pool, and the same for the same server in every process: its address. */
  readonly id: string
  /**
   * Its places in the written list, ascending: a server that is listed n times, or with weight `*n`, has n of them.
   * The places of all servers of a pool, eligible or not, run from 0 to `request.slots - 1`.
   */
  readonly slots: readonly number[]
  /** Its share of the work, more than 0. While a server starts slowly this is less than the number of its slots. */
  readonly weight: number
  /** Requests under way to it now. */
  readonly active: number
}

/** What a balancer may know about the request. */
export interface BalancerRequest {
  /** 0 for the first try of this request, 1 for the next … */
  readonly attempt: number
  /** How many slots the written list has, those of servers that are not eligible included. */
  readonly slots: number
  /** The lowest number that no other open client connection holds; kept by this connection until it closes. */
  connectionNumber(): number
  /** The client's address, behind trusted proxies too; empty when there is none. */
  clientAddress(): string
  /** What `HashKey` of the entry names: a header, a cookie, the URI …; empty when the request has none. */
  hashKey(): string
}

/** How a try ended, for balancers that learn from it. */
export interface Outcome {
  /** Milliseconds from the pick to the response's head (or to the failure). */
  readonly latency: number
  /** The server failed: no connection, no or a broken answer, a timeout, a status of `FailStatus`. */
  readonly failed: boolean
}

/** A strategy at work for one pool. */
export interface Balancer {
  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined
  /** A request was given to `server`; its `active` is already counted up. */
  started?(server: Candidate): void
  /** The head of the answer came, or the try failed. Called exactly once for each `started`, unless the client left. */
  answered?(server: Candidate, outcome: Outcome): void
  /** A request to `server` is over; its `active` is already counted down. Called exactly once for each `started`. */
  finished?(server: Candidate): void
}

/** What a balancer is made with. */
export interface BalancerContext {
  readonly clock: Clock
  readonly random: Random
}

/** Makes a balancer for one pool. */
export type BalancerFactory = (context: BalancerContext) => Balancer
