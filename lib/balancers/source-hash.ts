import type { Balancer } from './balancer.js'
import { SlotHash } from './slot-hash.js'

/** Makes a `Source-Hash` balancer: every client address has its server. */
export function createSourceHash(): Balancer {
  return new SlotHash((request) => request.clientAddress())
}
