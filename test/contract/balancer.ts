import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Balancer, BalancerFactory, Candidate } from '#lib/balancers/balancer.js'
import { randomBelow } from '#lib/random.js'
import { make, request, servers, slotCount, type TestServer, tally } from '../support/candidates.js'
import { seededRandom } from '../support/random.js'

/** A case of the suite that a strategy cannot meet by its nature. */
export type ContractCase = 'fair' | 'fair by weight'

/** What every balancer owes to the pool. `skips`: a case, and why this strategy cannot meet it. */
export function testBalancerContract(
  name: string,
  factory: BalancerFactory,
  skips: Partial<Record<ContractCase, string>> = {},
): void {
  /** A request of the index-th client: its own connection, address and key. */
  const client = (index: number, slots: number, attempt = 0) =>
    request(slots, { attempt, connection: index, address: `10.1.${index >> 8}.${index & 255}`, key: `key-${index}` })
  const check = (label: ContractCase, body: () => void) => it(label, { skip: skips[label] ?? false }, body)

  describe(`contract: ${name}`, () => {
    it('none of none', () => {
      assert.equal(make(factory).pick([], request(3)), undefined)
    })

    it('a single candidate is always picked', () => {
      const balancer = make(factory)
      const [, second] = servers('a b c')
      const only = Object.freeze([second!])
      for (let index = 0; index < 100; index++) assert.equal(balancer.pick(only, client(index, 3)), second)
    })

    it('a pick is a candidate, and leaves the array as it was', () => {
      const balancer = make(factory)
      const list = Object.freeze(servers('a b*3 c d*2 a'))
      for (let index = 0; index < 1000; index++)
        assert.ok(list.includes(balancer.pick(list, client(index, 8)) as never))
    })

    it('a request is never given to a server twice, and reaches all of them', () => {
      for (const list of [servers('a b c'), servers('a*5 b c a d*2'), many(40)]) {
        const balancer = make(factory)
        const slots = slotCount(list)
        for (let index = 0; index < 50; index++) {
          let left: readonly Candidate[] = list
          for (let attempt = 0; left.length > 0; attempt++) {
            const picked = balancer.pick(left, client(index, slots, attempt))
            assert.ok(picked !== undefined && left.includes(picked))
            left = Object.freeze(left.filter((server) => server !== picked))
          }
        }
      }
    })

    it('requests without key, address and connection have a server too', () => {
      const balancer = make(factory)
      const list = servers('a b c')
      for (let index = 0; index < 10; index++) assert.ok(list.includes(balancer.pick(list, request(3)) as never))
    })

    check('fair', () => {
      const list = servers('a b c d e')
      const balancer = make(factory)
      const counts = tally(10_000, (index) => balancer.pick(list, client(index, 5)))
      for (const { id } of list) assertNear(counts.get(id), 2000, 0.25)
    })

    check('fair by weight', () => {
      const list = servers('a*3 b c')
      const balancer = make(factory)
      const counts = tally(10_000, (index) => balancer.pick(list, client(index, 5)))
      assertNear(counts.get('a'), 6000, 0.25)
      assertNear(counts.get('b'), 2000, 0.25)
      assertNear(counts.get('c'), 2000, 0.25)
    })

    it('the same seed, the same picks', () => {
      const picks = [1, 1].map((seed) => {
        const balancer = make(factory, seededRandom(seed))
        const list = servers('a b*2 c d')
        return Array.from({ length: 200 }, (_, index) => balancer.pick(list, client(index, 5))?.id).join()
      })
      assert.equal(picks[0], picks[1])
    })

    for (const count of [5, 60]) {
      it(`${count} servers join, leave, change weight and are busy`, () => churn(make(factory), count))
    }
  })

  function churn(balancer: Balancer & { clock: { advance(ms: number): void } }, count: number): void {
    const random = seededRandom(7)
    const all = many(count)
    const slots = slotCount(all)
    let list: readonly TestServer[] = Object.freeze([...all])
    const running: TestServer[] = []
    for (let index = 0; index < 5000; index++) {
      balancer.clock.advance(randomBelow(random, 20))
      const event = randomBelow(random, 20)
      if (event === 0) list = Object.freeze(all.filter(() => random.next() < 0.7))
      if (event === 1) {
        const server = all[randomBelow(random, count)]!
        server.weight = (server.slots.length * (1 + randomBelow(random, 10))) / 10
        list = Object.freeze([...list])
      }
      // Another pool uses the same server.
      if (event === 2) all[randomBelow(random, count)]!.active = randomBelow(random, 5)
      while (running.length > 0 && random.next() < 0.5)
        finish(running.splice(randomBelow(random, running.length), 1)[0]!)
      const attempt = list.length > 1 && event > 16 ? 1 : 0
      const given = attempt === 0 ? list : Object.freeze(list.slice(1))
      const picked = balancer.pick(given, client(index, slots, attempt)) as TestServer | undefined
      assert.equal(picked === undefined, given.length === 0)
      if (picked === undefined) continue
      assert.ok(given.includes(picked))
      picked.active++
      balancer.started?.(picked)
      running.push(picked)
    }

    function finish(server: TestServer): void {
      if (random.next() < 0.9)
        balancer.answered?.(server, { latency: 100 * random.next(), failed: random.next() < 0.1 })
      server.active = Math.max(0, server.active - 1)
      balancer.finished?.(server)
    }
  }
}

function many(count: number): TestServer[] {
  return servers(Array.from({ length: count }, (_, index) => `s${index}*${1 + (index % 3)}`).join(' '))
}

function assertNear(actual: number | undefined, expected: number, tolerance: number): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= expected * tolerance,
    `${actual} is not within ${tolerance} of ${expected}`,
  )
}
