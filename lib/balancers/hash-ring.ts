import { stringHash } from './string-hash.js'

/** Points of a server for each unit of weight, as ketama and nginx have it: shares come out within some 8 %. */
const POINTS = 160
/** Lists of more places get half as many points for a place, a quarter beyond twice as many, and so on. */
const FULL_LIST = 1024

/** A server on the ring. */
export interface RingMember {
  /** Decides where its points are; the same in every process. */
  readonly id: string
  readonly weight: number
}

/**
 * Points for each unit of weight on the ring of a list of `slots` places. It depends on nothing that differs between
 * processes, and not on who is eligible at the moment.
 */
export function pointsPerWeight(slots: number): number {
  let points = POINTS
  for (let limit = FULL_LIST; limit < slots && points > 1; limit *= 2) points /= 2
  return points
}

/**
 * Points of all servers on a circle of 2^32 (Karger et al., "Consistent Hashing and Random Trees", 1997). A key belongs
 * to the first point at or behind its hash. Points depend on the server alone, so a server that joins takes its share
 * and nothing else moves.
 */
export class HashRing {
  readonly members: readonly RingMember[]
  readonly pointsPerWeight: number
  /** The points, ascending: hash × 2^21 + index of the member, which a number holds exactly (53 bits). */
  readonly #points: Float64Array

  constructor(members: Iterable<RingMember>, pointsPerWeight: number) {
    // In the order of ids, so that two points of one hash come out in the same order everywhere.
    this.members = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
    this.pointsPerWeight = pointsPerWeight
    const counts = this.members.map((member) => Math.max(1, Math.round(member.weight * pointsPerWeight)))
    this.#points = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
    let length = 0
    for (const [index, member] of this.members.entries()) {
      for (let point = 0; point < counts[index]!; point++) {
        this.#points[length++] = stringHash(member.id, point) * 2 ** 21 + index
      }
    }
    this.#points.sort()
  }

  get length(): number {
    return this.#points.length
  }

  /** Index of the point to which this hash belongs. */
  indexOf(hash: number): number {
    const key = hash * 2 ** 21
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#points[middle]! < key) low = middle + 1
      else high = middle
    }
    return low === this.#points.length ? 0 : low
  }

  /** Index, among `members`, of the server of a point. */
  memberAt(index: number): number {
    return this.#points[index]! % 2 ** 21
  }
}
