import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { HashRing, pointsPerWeight, type RingMember } from './hash-ring.js'
import { stringHash } from './string-hash.js'
import { KeptTurns } from './turns.js'

/** Servers that are away are dropped from the ring when so few of it are left that walking past them costs. */
const SPARSE = 4

/** The servers of a ring that are candidates, at their indices; undefined for those that are away. */
type Presence = readonly (Candidate | undefined)[]

/**
 * A ring of points for every server. The ring stays when servers leave, and a pick walks on past the points of those
 * who are away: what is found is the same as on a ring without them. It is made anew for a server that it has not seen,
 * for a changed weight, and when most of it is away.
 */
class ConsistentHash implements Balancer {
  #ring = new HashRing([], 0)
  #candidates: readonly Candidate[] | undefined
  #present: Presence = []
  /** Requests without a key have nothing to stay with, and go in turn. */
  readonly #turns = new KeptTurns()
  #keyless = 0

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    const key = request.hashKey()
    if (key === '') return this.#turns.of(candidates, request).from(this.#keyless++ % request.slots)
    const present = candidates === this.#candidates ? this.#present : this.#adopt(candidates, request)
    const ring = this.#ring
    let index = ring.indexOf(stringHash(key))
    for (let left = ring.length; left > 0; left--) {
      const server = present[ring.memberAt(index)]
      if (server !== undefined) return server
      index = index + 1 === ring.length ? 0 : index + 1
    }
    return candidates[0]
  }

  #adopt(candidates: readonly Candidate[], { attempt, slots }: BalancerRequest): Presence {
    const sparse = attempt === 0 && this.#ring.members.length > SPARSE * candidates.length
    const known = new Map<string, RingMember>(sparse ? [] : this.#ring.members.map((member) => [member.id, member]))
    const points = pointsPerWeight(slots)
    const fits =
      points === this.#ring.pointsPerWeight &&
      candidates.every((server) => known.get(server.id)?.weight === server.weight)
    if (!fits) {
      for (const { id, weight } of candidates) known.set(id, { id, weight })
      this.#ring = new HashRing(known.values(), points)
      this.#candidates = undefined
    }
    const byId = new Map(candidates.map((server) => [server.id, server]))
    const present = this.#ring.members.map((member) => byId.get(member.id))
    // The array of a further try is made for that one pick.
    if (attempt === 0) {
      this.#candidates = candidates
      this.#present = present
    }
    return present
  }
}

/** Makes a `Consistent-Hash` balancer. */
export function createConsistentHash(): Balancer {
  return new ConsistentHash()
}
