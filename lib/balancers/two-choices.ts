import type { Random } from '../random.js'
import type { BalancerRequest, Candidate } from './balancer.js'
import { KeptOdds } from './odds.js'

/**
 * Draws two different candidates and takes the cheaper one. Two are enough: the longest queue falls from
 * log n / log log n to log log n (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001), and
 * proxies that do not know of each other do not all run to the same server.
 *
 * What is cheap is for the strategy to say.
 */
export class TwoChoices {
  readonly #random: Random
  readonly #cost: (server: Candidate) => number
  readonly #odds = new KeptOdds()

  constructor(random: Random, cost: (server: Candidate) => number) {
    this.#random = random
    this.#cost = cost
  }

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    const odds = this.#odds.of(candidates, request)
    const index = odds.draw(this.#random.next())
    const first = candidates[index]!
    const second = candidates[odds.drawOther(this.#random.next(), index)]!
    return this.#cost(second) < this.#cost(first) ? second : first
  }
}
