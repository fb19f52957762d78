import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { KeptTurns, type Turns } from './turns.js'

/**
 * The places of the list in turn. The cursor is the number of a place, not an index into the candidates, so the turn
 * goes on where it was when servers join or leave.
 */
class RoundRobin implements Balancer {
  readonly #turns = new KeptTurns()
  /** The place that had the last turn. */
  #last = -1
  readonly #slowStart = new SlowStart()

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    const turns = this.#turns.of(candidates, request)
    const start = turns.indexFrom(this.#last + 1)
    const index = this.#slowStart.firstDue(turns, start)
    this.#last = turns.slots[index]!
    return turns.servers[index]
  }
}

/**
 * While a server starts slowly its weight is less than its number of places. It then lets some of its turns go by: each
 * turn adds that fraction to its credit, and a whole credit is a turn taken.
 */
class SlowStart {
  #turns: Turns | undefined
  /** The largest fraction of its turns that any server gets; undefined if all get the same. */
  #full: number | undefined
  #credits = new WeakMap<Candidate, number>()

  /** The index of the first turn, from `start` on, that is taken. */
  firstDue(turns: Turns, start: number): number {
    if (turns !== this.#turns) this.#look(turns)
    const full = this.#full
    if (full === undefined) return start
    let index = start
    // Ends within one round, because the fullest server takes each of its turns.
    while (!this.#due(turns.servers[index]!, full)) index = index + 1 === turns.length ? 0 : index + 1
    return index
  }

  #look(turns: Turns): void {
    this.#turns = turns
    const fractions = turns.servers.map(fractionOf)
    const full = fractions.reduce((a, b) => Math.max(a, b), 0)
    this.#full = fractions.some((fraction) => fraction < full) ? full : undefined
  }

  #due(server: Candidate, full: number): boolean {
    const fraction = fractionOf(server)
    if (fraction >= full) return true
    const credit = (this.#credits.get(server) ?? 0) + fraction / full
    // Ten times a tenth is a little less than one.
    const due = credit > 1 - 1e-9
    this.#credits.set(server, due ? credit - 1 : credit)
    return due
  }
}

function fractionOf(server: Candidate): number {
  return server.weight / server.slots.length
}

/** Makes a `Round-Robin` balancer. */
export function createRoundRobin(): Balancer {
  return new RoundRobin()
}
