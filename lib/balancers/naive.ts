import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { KeptTurns } from './turns.js'

/**
 * Every client connection holds a number, and that number names a place of the list: the first connection goes to the
 * first server, a second one beside it to the second. A connection stays with its server without any table, and an
 * idle proxy always uses the first server.
 */
class Naive implements Balancer {
  readonly #turns = new KeptTurns()

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    return this.#turns.of(candidates, request).from(request.connectionNumber() % request.slots)
  }
}

/** Makes a `Naive` balancer. */
export function createNaive(): Balancer {
  return new Naive()
}
