import type { Balancer, BalancerContext, BalancerRequest, Candidate } from './balancer.js'
import { TwoChoices } from './two-choices.js'

/** Of two random servers the one with fewer requests in flight relative to its weight. */
class RandomTwo implements Balancer {
  readonly #choices: TwoChoices

  constructor({ random }: BalancerContext) {
    this.#choices = new TwoChoices(random, (server) => server.active / server.weight)
  }

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    return this.#choices.pick(candidates, request)
  }
}

/** Makes a `Random-Two` balancer. */
export function createRandomTwo(context: BalancerContext): Balancer {
  return new RandomTwo(context)
}
