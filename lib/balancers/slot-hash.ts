import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { stringHash } from './string-hash.js'
import { KeptTurns } from './turns.js'

/** Tries, after the first, to find an eligible server by another hash; nginx has the same number. */
const REHASHES = 20

/**
 * A key names a place of the list: its hash modulo the length. Places of servers that are no candidates stay in the
 * count, so that the keys of all others keep their server; the keys of a server that is away are hashed again, and so
 * spread over the others in place of falling to its neighbour.
 */
export class SlotHash implements Balancer {
  readonly #key: (request: BalancerRequest) => string
  readonly #turns = new KeptTurns()
  /** Requests without a key have nothing to stay with, and go in turn. */
  #keyless = 0

  constructor(key: (request: BalancerRequest) => string) {
    this.#key = key
  }

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    const { slots } = request
    const turns = this.#turns.of(candidates, request)
    const key = this.#key(request)
    if (key === '') return turns.from(this.#keyless++ % slots)
    const first = stringHash(key) % slots
    let chosen = turns.at(first)
    for (let seed = 1; chosen === undefined && seed <= REHASHES; seed++) {
      chosen = turns.at(stringHash(key, seed) % slots)
    }
    return chosen ?? turns.from(first)
  }
}
