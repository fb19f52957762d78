import type { Balancer, BalancerRequest, Candidate } from './balancer.js'
import { Heap, type HeapNode } from './heap.js'
import { Line } from './line.js'

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
  /** The pass by which the heap has placed it. */
  placedPass: number
  /** Index among the candidates. */
  position: number
  /** It stands in the line of idle servers. */
  inLine: boolean
}

function before(a: Standing, b: Standing): boolean {
  if (a.load !== b.load) return a.load < b.load
  return a.placedPass < b.placedPass || (a.placedPass === b.placedPass && a.position < b.position)
}

function loadOf(server: Candidate): number {
  return server.active / server.weight
}

/**
 * The fewest requests in flight relative to weight.
 *
 * Of a few servers each pick looks at all. Of many, with equal weights, it takes the one that has been idle for longest
 * from a line, in constant time; only while none is idle, or the weights differ, a heap is asked, in O(log n).
 *
 * Servers are shared with other pools, so `active` also changes where no hook tells of it. The heap's keys may be
 * stale in two directions. Too low (another pool, or a pick from the line, has started a request): seen in time,
 * because the top is compared with the server before it is used, and sinks until a top is true. Too high (another pool
 * has finished one): harmless but unfair to that server, and put right by looking at a few further servers with each
 * pick, at the latest after n / 2. A server in the line that is idle no more is passed over.
 */
class LeastConnections implements Balancer {
  readonly #standings = new WeakMap<Candidate, Standing>()
  readonly #heap = new Heap<Standing>(before)
  #idle: Line<Standing> | undefined
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
    return standing.server
  }

  finished(server: Candidate): void {
    const standing = this.#standings.get(server)
    if (standing === undefined || standing.place < 0) return
    if (server.active === 0) this.#enqueue(standing)
    // One that the heap takes for busier than it is would wait for its turn.
    if (loadOf(server) < standing.load) this.#refresh(standing)
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
      const standing = nodes[this.#swept]!
      if (standing.server.active === 0) this.#enqueue(standing)
      if (loadOf(standing.server) !== standing.load) this.#refresh(standing)
    }
    for (let idle = this.#dequeue(); idle !== undefined; idle = this.#dequeue()) {
      if (idle.server.active === 0) return idle
    }
    while (this.#refresh(nodes[0]!));
    return nodes[0]!
  }

  #fill(candidates: readonly Candidate[]): void {
    this.#candidates = candidates
    // Those of the lists before stand in no line.
    for (let idle = this.#dequeue(); idle !== undefined; idle = this.#dequeue());
    const standings = candidates.map((server) => this.#standing(server))
    for (const [position, standing] of standings.entries()) {
      standing.load = loadOf(standing.server)
      standing.placedPass = standing.pass
      standing.position = position
    }
    this.#heap.fill(standings)
    const { weight } = candidates[0]!
    const equal = candidates.every((server) => server.weight === weight)
    this.#idle = equal ? new Line(candidates.length) : undefined
    const idle = standings.filter(({ server }) => server.active === 0)
    for (const standing of idle.sort((a, b) => a.pass - b.pass || a.position - b.position)) this.#enqueue(standing)
  }

  #enqueue(standing: Standing): void {
    if (this.#idle === undefined || standing.inLine) return
    standing.inLine = true
    this.#idle.push(standing)
  }

  #dequeue(): Standing | undefined {
    const standing = this.#idle?.shift()
    if (standing !== undefined) standing.inLine = false
    return standing
  }

  /** Looks at the server again. True: it stands elsewhere now. */
  #refresh(standing: Standing): boolean {
    const load = loadOf(standing.server)
    if (load === standing.load && standing.pass === standing.placedPass) return false
    standing.load = load
    standing.placedPass = standing.pass
    this.#heap.moved(standing)
    return true
  }

  #standing(server: Candidate): Standing {
    let standing = this.#standings.get(server)
    if (standing === undefined) {
      standing = { server, load: 0, pass: 0, placedPass: 0, position: 0, inLine: false, place: -1 }
      this.#standings.set(server, standing)
    }
    return standing
  }
}

/** Makes a `Least-Connections` balancer. */
export function createLeastConnections(): Balancer {
  return new LeastConnections()
}
