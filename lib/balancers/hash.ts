import type { Balancer } from './balancer.js'
import { SlotHash } from './slot-hash.js'

/** Makes a `Hash` balancer: every value of `HashKey` has its server. */
export function createHash(): Balancer {
  return new SlotHash((request) => request.hashKey())
}
