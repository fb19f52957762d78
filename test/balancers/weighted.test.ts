import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Candidate } from '#lib/balancers/balancer.js'
import { createWeighted } from '#lib/balancers/weighted.js'
import { make, request, sequence, servers, type TestServer, tally } from '../support/candidates.js'
import { seededRandom } from '../support/random.js'

/** nginx's algorithm as it is written down, with a look at every server for every pick. */
function nginx(list: readonly TestServer[], count: number): string {
  const current = new Map(list.map((server) => [server, 0]))
  const total = list.reduce((sum, server) => sum + server.weight, 0)
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    let best = list[0]!
    for (const server of list) {
      current.set(server, current.get(server)! + server.weight)
      if (current.get(server)! > current.get(best)!) best = server
    }
    current.set(best, current.get(best)! - total)
    ids.push(best.id)
  }
  return ids.join(' ')
}

test("nginx's example", () => {
  assert.equal(sequence(make(createWeighted), servers('a*5 b c'), 14), 'a a b a c a a a a b a c a a')
})

test('equal weights go in turn', () => {
  assert.equal(sequence(make(createWeighted), servers('a b c'), 7), 'a b c a b c a')
})

test('the same as nginx for any weights', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 12 })
  fc.assert(
    fc.property(weights, (given) => {
      const list = servers(given.map((weight, index) => `s${index}*${weight}`).join(' '))
      assert.equal(sequence(make(createWeighted), list, 200), nginx(list, 200))
    }),
  )
})

test('a round gives each its weight exactly, with 1000 servers too', () => {
  const list = servers(Array.from({ length: 1000 }, (_, index) => `s${index}*${1 + (index % 5)}`).join(' '))
  const balancer = make(createWeighted)
  const counts = tally(3000, () => balancer.pick(list, request(3000)))
  for (const { id, weight } of list) assert.equal(counts.get(id), weight)
})

test('fractional weights', () => {
  const list = servers('a b c')
  list[2]!.weight = 0.1
  const balancer = make(createWeighted)
  const counts = tally(2100, () => balancer.pick(list, request(3)))
  assert.deepEqual([...counts].sort(), [
    ['a', 1000],
    ['b', 1000],
    ['c', 100],
  ])
})

test('a list that changes with every pick is as fair as one that stays', () => {
  const list = servers('a*5 b c')
  const balancer = make(createWeighted)
  const ids = Array.from({ length: 14 }, () => balancer.pick([...list], request(7))?.id)
  assert.equal(ids.join(' '), 'a a b a c a a a a b a c a a')
})

test('churn: nobody is flooded who comes back', () => {
  const list = servers('a*3 b*2 c')
  const [a, b, c] = list
  const balancer = make(createWeighted)
  sequence(balancer, list, 6)
  const pair = [b!, c!]
  for (let index = 0; index < 300; index++) balancer.pick(pair, request(6))
  const row = sequence(balancer, list, 12)
  assert.ok(!/a a a a/.test(row), row)
  const counts = tally(6000, () => balancer.pick(list, request(6)))
  assert.deepEqual([counts.get(a!.id), counts.get('b'), counts.get('c')], [3000, 2000, 1000])
})

test('a further try goes to the richest of the rest, and counts as its turn', () => {
  const balancer = make(createWeighted)
  const list = servers('a*2 b c')
  assert.equal(balancer.pick(list, request(4))?.id, 'a')
  assert.equal(balancer.pick(list.slice(1), request(4, { attempt: 1 }))?.id, 'b')
  assert.equal(sequence(balancer, list, 2), 'c a')
})

test('churn: always the richest, by a plain account of the credits', () => {
  const random = seededRandom(5)
  const all = servers('a*4 b*4 c*4 d*2 e*2 f g h')
  const balancer = make(createWeighted)
  const credits = new Map<Candidate, number>(all.map((server) => [server, 0]))
  let list: TestServer[] = []
  let total = 0
  for (let index = 0; index < 20_000; index++) {
    if (index % 7 === 0) {
      list = all.filter(() => random.next() < 0.8)
      if (list.length < 3) list = [...all]
      total = list.reduce((sum, server) => sum + server.weight, 0)
      const mean = list.reduce((sum, server) => sum + credits.get(server)!, 0) / list.length
      for (const server of list) {
        credits.set(server, Math.min(Math.max(credits.get(server)! - mean, -total), total))
      }
    }
    // The first pick from a new list is a first try, as it is in a pool.
    const again = index % 7 > 0 && random.next() < 0.2
    const given = again ? list.slice(1) : list
    if (!again) for (const server of list) credits.set(server, credits.get(server)! + server.weight)
    const richest = Math.max(...given.map((server) => credits.get(server)!))
    const picked = balancer.pick(given, request(19, { attempt: again ? 1 : 0 }))!
    assert.ok(credits.get(picked)! > richest - 1e-6, `pick ${index}`)
    credits.set(picked, credits.get(picked)! - total)
  }
})
