/** What a request and its pool say to each other. */

import type { BalancerRequest } from '../balancers/balancer.js'

/** Why a request got no server. `full`: some server is well, but at its limit: wait in the queue. */
export type NoLease = 'none' | 'full'

/** What a request says about itself when it asks for a server. */
export interface PoolRequest extends BalancerRequest {
  /** Filled in by the pool before each pick. */
  slots: number
  /** Set by the pool once the request was given to a server that rests (`FailOpen`); that happens once at most. */
  failedOpen: boolean
  /** The value of the sticky cookie that the client sent; undefined without. */
  stickyToken(): string | undefined
}

/** Why a member gets, or does not get, a request; for `explain` and the status page. */
export type Standing =
  | 'eligible'
  | 'trial'
  | 'offline'
  | 'down'
  | 'draining'
  | 'disabled'
  | 'not connected'
  | 'at its limit'
  | 'waiting as a backup'
