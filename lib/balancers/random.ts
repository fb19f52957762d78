import type { Random } from '../random.js'
import type { Balancer, BalancerContext, BalancerRequest, Candidate } from './balancer.js'
import { KeptOdds } from './odds.js'

/** Any server, with a chance in proportion to its weight. */
class RandomBalancer implements Balancer {
  readonly #random: Random
  readonly #odds = new KeptOdds()

  constructor(random: Random) {
    this.#random = random
  }

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    return candidates[this.#odds.of(candidates, request).draw(this.#random.next())]
  }
}

/** Makes a `Random` balancer. */
export function createRandom({ random }: BalancerContext): Balancer {
  return new RandomBalancer(random)
}
