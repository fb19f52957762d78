import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { Heap, type HeapNode } from './heap.js'

/** Up to so many servers, looking at all of them costs no more than keeping an order. */
const SCAN_LIMIT = 8
/** How many servers each pick looks at again, in rotation. */
const SWEEP = 2

/** A server, and what decides about it. */
interface Standing extends HeapNode {
  readonly server: Candidate
  /** Requests in flight relative to weight, when they were last looked at. */
  load: number
  /** Grows by 1/weight with each pick. Among equal loads the smallest is next, so ties go in turn, by weight. */
  pass: number
  /** Index among the candidates. */
  position: number
}

function before(a: Standing, b: Standing): boolean {
  return a.load < b.load || (a.load === b.load && (a.pass < b.pass || (a.pass === b.pass && a.position < b.position)))
}

function loadOf(server: Candidate): number {
  return server.active / server.weight
}

/**
 * The fewest requests in flight relative to weight.
 *
 * Servers are shared with other pools, so `active` also changes where no hook tells of it. The heap's keys may be
 * stale in two directions. Too low (another pool has started a request): seen in time, because the top is compared with
 * the server before it is used, and sinks until a top is true. Too high (another pool has finished one): harmless but
 * unfair to that server, and put right by looking at a few further servers with each pick, at the latest after n / 2.
 */
class LeastConnections implements Balancer {
  readonly #standings = new WeakMap<Candidate, Standing>()
  readonly #heap = new Heap<Standing>(before)
  #candidates: readonly Candidate[] | undefined
  /** Where the rotation is, an index into the heap. */
  #swept = 0
  /** The pass of the latest pick: one who was away is not owed the turns of that time. */
  #pass = 0

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    const standing =
      request.attempt > 0 || candidates.length <= SCAN_LIMIT ? this.#scan(candidates) : this.#first(candidates)
    this.#pass = Math.max(this.#pass, standing.pass)
    standing.pass = this.#pass + 1 / standing.server.weight
    if (standing.place >= 0) this.#heap.moved(standing)
    return standing.server
  }

  finished(server: Candidate): void {
    const standing = this.#standings.get(server)
    if (standing !== undefined && standing.place >= 0) this.#refresh(standing)
  }

  #scan(candidates: readonly Candidate[]): Standing {
    let best = this.#standing(candidates[0]!)
    let bestLoad = loadOf(best.server)
    for (let index = 1; index < candidates.length; index++) {
      const server = candidates[index]!
      const load = loadOf(server)
      if (load > bestLoad) continue
      const standing = this.#standing(server)
      if (load < bestLoad || standing.pass < best.pass) {
        best = standing
        bestLoad = load
      }
    }
    return best
  }

  #first(candidates: readonly Candidate[]): Standing {
    if (candidates !== this.#candidates) this.#fill(candidates)
    const { nodes } = this.#heap
    for (let count = 0; count < SWEEP; count++) {
      this.#swept = this.#swept + 1 < nodes.length ? this.#swept + 1 : 0
      this.#refresh(nodes[this.#swept]!)
    }
    while (this.#refresh(nodes[0]!));
    return nodes[0]!
  }

  #fill(candidates: readonly Candidate[]): void {
    this.#candidates = candidates
    const standings = candidates.map((server) => this.#standing(server))
    for (const [position, standing] of standings.entries()) {
      standing.load = loadOf(standing.server)
      standing.position = position
    }
    this.#heap.fill(standings)
  }

  /** Looks at the server again. True: its load had changed. */
  #refresh(standing: Standing): boolean {
    const load = loadOf(standing.server)
    if (load === standing.load) return false
    standing.load = load
    this.#heap.moved(standing)
    return true
  }

  #standing(server: Candidate): Standing {
    let standing = this.#standings.get(server)
    if (standing === undefined) {
      standing = { server, load: 0, pass: 0, position: 0, place: -1 }
      this.#standings.set(server, standing)
    }
    return standing
  }
}

/** Makes a `Least-Connections` balancer. */
export function createLeastConnections(): Balancer {
  return new LeastConnections()
}
