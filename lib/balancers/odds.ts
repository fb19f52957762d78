import type { BalancerRequest, Candidate } from './balancer.js'

/** A draw among candidates by weight: prefix sums, made once, and a binary search for each draw. */
export class Odds {
  readonly #candidates: readonly Candidate[]
  /** `#sums[i]` is the weight of all candidates before `i`; one more than candidates. Undefined if all weigh the same. */
  readonly #sums: Float64Array | undefined

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates
    const weight = candidates[0]?.weight
    if (candidates.every((server) => server.weight === weight)) return
    const sums = new Float64Array(candidates.length + 1)
    for (const [index, server] of candidates.entries()) sums[index + 1] = sums[index]! + server.weight
    this.#sums = sums
  }

  /** The index of a candidate, for a number from 0 (included) to 1 (excluded). */
  draw(chance: number): number {
    const last = this.#candidates.length - 1
    if (this.#sums === undefined) return Math.floor(chance * (last + 1))
    return this.#search(chance * this.#sums[last + 1]!)
  }

  /** The index of a candidate other than `first`; there have to be at least two. */
  drawOther(chance: number, first: number): number {
    const last = this.#candidates.length - 1
    if (this.#sums === undefined) {
      const other = Math.floor(chance * last)
      return other < first ? other : other + 1
    }
    const start = this.#sums[first]!
    const width = this.#sums[first + 1]! - start
    const point = chance * (this.#sums[last + 1]! - width)
    const other = this.#search(point < start ? point : point + width)
    // Only where the sums were rounded.
    if (other === first) return first < last ? first + 1 : first - 1
    return other
  }

  /** The last index whose sum is not above `point`. */
  #search(point: number): number {
    const sums = this.#sums!
    let low = 0
    let high = this.#candidates.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (sums[middle]! <= point) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Keeps the odds of a candidate array as long as the pool hands out that array. */
export class KeptOdds {
  #candidates: readonly Candidate[] | undefined
  #odds = new Odds([])

  of(candidates: readonly Candidate[], request: BalancerRequest): Odds {
    if (candidates === this.#candidates) return this.#odds
    const odds = new Odds(candidates)
    // The array of a further try is made for that one pick.
    if (request.attempt === 0) {
      this.#candidates = candidates
      this.#odds = odds
    }
    return odds
  }
}
