import type { Balancer, BalancerFactory, BalancerRequest, Candidate } from '#lib/balancers/balancer.js'
import type { Random } from '#lib/random.js'
import { ManualClock } from './clock.js'
import { seededRandom } from './random.js'

/** A candidate whose state a test can set. */
export interface TestServer extends Candidate {
  slots: readonly number[]
  weight: number
  active: number
}

/**
 * Servers as a list names them: `servers('a*2 b a')` gives a with places 0, 1 and 3 and b with place 2, each with the
 * weight of its places.
 */
export function servers(list: string): TestServer[] {
  const slots = new Map<string, number[]>()
  let slot = 0
  for (const word of list.split(' ')) {
    const [id = '', weight = '1'] = word.split('*')
    const places = slots.get(id) ?? []
    slots.set(id, places)
    for (let count = Number(weight); count > 0; count--) places.push(slot++)
  }
  return [...slots].map(([id, places]) => ({ id, slots: places, weight: places.length, active: 0 }))
}

/** How many places the list of these servers has. */
export function slotCount(list: readonly Candidate[]): number {
  return list.reduce((count, server) => Math.max(count, ...server.slots.map((slot) => slot + 1)), 0)
}

/** A request, of which only what matters has to be said. */
export function request(
  slots: number,
  given: { attempt?: number; connection?: number; address?: string; key?: string } = {},
): BalancerRequest {
  const { attempt = 0, connection = 0, address = '', key = '' } = given
  return {
    attempt,
    slots,
    connectionNumber: () => connection,
    clientAddress: () => address,
    hashKey: () => key,
  }
}

/** A balancer with a clock and a chance of its own. */
export function make(factory: BalancerFactory, random: Random = seededRandom(1)): Balancer & { clock: ManualClock } {
  const clock = new ManualClock()
  return Object.assign(factory({ clock, random }), { clock })
}

/** The ids of `count` picks, each of which is over before the next. */
export function sequence(balancer: Balancer, candidates: readonly Candidate[], count: number): string {
  const slots = slotCount(candidates)
  const ids = []
  for (let index = 0; index < count; index++) ids.push(balancer.pick(candidates, request(slots))?.id)
  return ids.join(' ')
}

/** Picks by server. */
export function tally(count: number, pick: (index: number) => Candidate | undefined): Map<string, number> {
  const counts = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const id = pick(index)?.id ?? 'none'
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}
