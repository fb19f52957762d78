import type { BalancerRequest, Candidate } from './balancer.js'

/**
 * The places of the written list whose servers are candidates, ascending: the order in which `Round-Robin` and the
 * strategies that go "on from there" walk.
 */
export class Turns {
  /** Numbers of the places. */
  readonly slots: readonly number[]
  /** Whose place it is; as long as `slots`. */
  readonly servers: readonly Candidate[]
  /** Places 0, 1, 2 … without a gap: a place is its own index. */
  readonly #dense: boolean

  constructor(candidates: readonly Candidate[]) {
    const places: { readonly slot: number; readonly server: Candidate }[] = []
    for (const server of candidates) {
      for (const slot of server.slots) places.push({ slot, server })
    }
    places.sort((a, b) => a.slot - b.slot)
    this.slots = places.map((place) => place.slot)
    this.servers = places.map((place) => place.server)
    this.#dense = this.slots.at(-1) === places.length - 1
  }

  get length(): number {
    return this.slots.length
  }

  /** Index of the first place at or behind `slot`; behind the last place comes the first again. */
  indexFrom(slot: number): number {
    if (this.#dense) return slot < this.slots.length ? slot : 0
    let low = 0
    let high = this.slots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.slots[middle]! < slot) low = middle + 1
      else high = middle
    }
    return low === this.slots.length ? 0 : low
  }

  /** The server of the first place at or behind `slot`. */
  from(slot: number): Candidate {
    return this.servers[this.indexFrom(slot)]!
  }

  /** The server of exactly this place, if it is a candidate. */
  at(slot: number): Candidate | undefined {
    const index = this.indexFrom(slot)
    return this.slots[index] === slot ? this.servers[index] : undefined
  }
}

/** Keeps the turns of a candidate array as long as the pool hands out that array. */
export class KeptTurns {
  #candidates: readonly Candidate[] | undefined
  #turns = new Turns([])

  of(candidates: readonly Candidate[], request: BalancerRequest): Turns {
    if (candidates === this.#candidates) return this.#turns
    const turns = new Turns(candidates)
    // The array of a further try is made for that one pick.
    if (request.attempt === 0) {
      this.#candidates = candidates
      this.#turns = turns
    }
    return turns
  }
}
