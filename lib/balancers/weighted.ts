import type { Balancer, BalancerRequest, Candidate } from './balancer.js'

/** A server, and the credit that decides about it. */
interface Share {
  readonly server: Candidate
  /** The candidates that it now stands among; undefined while it is none. */
  group: Group | undefined
  /** Its credit, but for what its group has gained since time 0. Outside of a group: its credit. */
  credit: number
  /** Index among the candidates. */
  position: number
}

function before(a: Share, b: Share): boolean {
  return a.credit > b.credit || (a.credit === b.credit && a.position < b.position)
}

/** The candidates of one weight, the richest first. */
class Group {
  readonly weight: number
  /** A circle; `#first` is where it begins. */
  readonly #shares: Share[]
  #first = 0

  constructor(weight: number, shares: Share[]) {
    this.weight = weight
    this.#shares = shares.sort((a, b) => (before(a, b) ? -1 : 1))
    for (const share of shares) share.group = this
  }

  get richest(): Share {
    return this.#shares[this.#first]!
  }

  /** The richest has paid. It is nearly always the poorest then, and the circle only has to turn. */
  turn(): void {
    const last = this.#first
    this.#first = this.#at(1)
    const share = this.#shares[last]!
    let place = this.#shares.length - 1
    for (; place > 0 && before(share, this.#shares[this.#at(place - 1)]!); place--) {
      this.#shares[this.#at(place)] = this.#shares[this.#at(place - 1)]!
    }
    this.#shares[this.#at(place)] = share
  }

  /** One that need not be the richest has paid. */
  sort(): void {
    this.#first = 0
    this.#shares.sort((a, b) => (before(a, b) ? -1 : 1))
  }

  #at(place: number): number {
    const index = this.#first + place
    return index < this.#shares.length ? index : index - this.#shares.length
  }
}

/** Time is set back to 0 before sums of fractional weights become inexact. */
const REBASE = 2 ** 24

/**
 * nginx's smooth weighted round-robin: with each pick every server gains its weight as credit, the richest is chosen
 * and pays the sum of all weights. `a*5 b c` gives `a a b a c a a`, where counting down would give `a a a a a b c`.
 *
 * Servers of equal weight gain equally, so their order changes only through payments, and who has paid is the last of
 * them. A pick compares one server of each weight: its cost grows with the number of different weights, not of servers.
 * It is exact for fractional weights too.
 */
class Weighted implements Balancer {
  readonly #shares = new WeakMap<Candidate, Share>()
  #candidates: readonly Candidate[] = []
  #groups: Group[] = []
  /** Sum of the weights. */
  #total = 0
  /** Picks since the credits were last written down. */
  #time = 0

  pick(candidates: readonly Candidate[], request: BalancerRequest): Candidate | undefined {
    if (candidates.length < 2) return candidates[0]
    if (request.attempt > 0) return this.#pickAgain(candidates)
    if (candidates !== this.#candidates || this.#time >= REBASE) this.#regroup(candidates)
    this.#time++
    let best: Share | undefined
    let bestCredit = 0
    for (const group of this.#groups) {
      const share = group.richest
      const credit = share.credit + group.weight * this.#time
      if (best !== undefined && (credit < bestCredit || (credit === bestCredit && share.position > best.position))) {
        continue
      }
      best = share
      bestCredit = credit
    }
    if (best === undefined) return undefined
    best.credit -= this.#total
    best.group?.turn()
    return best.server
  }

  /** The richest of those that are left. It pays as for any turn, so that the others get theirs later. */
  #pickAgain(candidates: readonly Candidate[]): Candidate | undefined {
    let best = this.#share(candidates[0]!)
    for (const server of candidates) {
      const share = this.#share(server)
      if (this.#creditOf(share) > this.#creditOf(best)) best = share
    }
    if (best.group !== undefined) {
      best.credit -= this.#total
      best.group.sort()
    }
    return best.server
  }

  /** Credit stays with a server when others join and leave, so a changed list does not begin anew with the heaviest. */
  #regroup(candidates: readonly Candidate[]): void {
    for (const server of this.#candidates) {
      const share = this.#share(server)
      share.credit = this.#creditOf(share)
      share.group = undefined
    }
    this.#candidates = candidates
    this.#time = 0
    this.#total = candidates.reduce((sum, server) => sum + server.weight, 0)
    const shares = candidates.map((server) => this.#share(server))
    const mean = shares.reduce((sum, share) => sum + share.credit, 0) / shares.length
    const groups = new Map<number, Share[]>()
    for (const [position, share] of shares.entries()) {
      // The sum of the credits is 0 again, and nobody can be owed more than one round.
      share.credit = Math.min(Math.max(share.credit - mean, -this.#total), this.#total)
      share.position = position
      const { weight } = share.server
      const members = groups.get(weight)
      if (members === undefined) groups.set(weight, [share])
      else members.push(share)
    }
    this.#groups = [...groups].map(([weight, members]) => new Group(weight, members))
  }

  #creditOf({ credit, group }: Share): number {
    return group === undefined ? credit : credit + group.weight * this.#time
  }

  #share(server: Candidate): Share {
    let share = this.#shares.get(server)
    if (share === undefined) {
      share = { server, group: undefined, credit: 0, position: 0 }
      this.#shares.set(server, share)
    }
    return share
  }
}

/** Makes a `Weighted` balancer. */
export function createWeighted(): Balancer {
  return new Weighted()
}
