import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeastConnections } from '#lib/balancers/least-connections.js'
import { randomBelow } from '#lib/random.js'
import { make, request, sequence, servers, type TestServer, tally } from '../support/candidates.js'
import { seededRandom } from '../support/random.js'

const many = (count: number) => servers(Array.from({ length: count }, (_, index) => `s${index}`).join(' '))
const least = (list: readonly TestServer[]) => Math.min(...list.map((server) => server.active / server.weight))

test('ties go in turn', () => {
  assert.equal(sequence(make(createLeastConnections), servers('a b c'), 7), 'a b c a b c a')
  assert.equal(sequence(make(createLeastConnections), servers('a*2 b'), 9), 'a b a a b a a b a')
})

test('ties go in turn among many', () => {
  const list = many(40)
  const ids = list.map(({ id }) => id).join(' ')
  const balancer = make(createLeastConnections)
  assert.equal(sequence(balancer, list, 40), ids)
  assert.equal(sequence(balancer, list, 40), ids)
})

test('the fewest requests relative to weight', () => {
  const [a, b, c] = servers('a*4 b*2 c') as [TestServer, TestServer, TestServer]
  const balancer = make(createLeastConnections)
  const pick = () => balancer.pick([a, b, c], request(7))?.id
  ;[a.active, b.active, c.active] = [3, 1, 1]
  assert.equal(pick(), 'b')
  b.active = 2
  assert.equal(pick(), 'a')
  a.active = 4
  c.active = 0
  assert.equal(pick(), 'c')
})

test('one who was busy is not owed its turns of that time', () => {
  const [a, b] = servers('a b') as [TestServer, TestServer]
  const balancer = make(createLeastConnections)
  a.active = 1
  assert.equal(sequence(balancer, [a, b], 100), Array(100).fill('b').join(' '))
  a.active = 0
  assert.equal(sequence(balancer, [a, b], 6), 'a a b a b a')
})

for (const count of [3, 8, 9, 100]) {
  test(`never more than the least, with ${count} servers and the pool's own requests`, () => {
    const random = seededRandom(count)
    const all = many(count)
    let list = all
    const balancer = make(createLeastConnections)
    const running: TestServer[] = []
    for (let index = 0; index < 5000; index++) {
      if (index % 200 === 199) list = all.filter(() => random.next() < 0.8)
      // Another pool adds requests; those are seen at once.
      if (index % 10 === 0) all[randomBelow(random, count)]!.active++
      const expected = least(list)
      const picked = balancer.pick(list, request(count)) as TestServer
      assert.equal(picked.active / picked.weight, expected)
      picked.active++
      balancer.started?.(picked)
      running.push(picked)
      while (running.length > 2 * count) {
        const [done] = running.splice(randomBelow(random, running.length), 1)
        done!.active--
        balancer.finished?.(done!)
      }
    }
  })
}

test('a server that another pool has set free is found after n / 2 picks', () => {
  const list = many(100)
  for (const server of list) server.active = 5
  const balancer = make(createLeastConnections)
  balancer.pick(list, request(100))
  list[70]!.active = 0
  const picks = Array.from({ length: 51 }, () => balancer.pick(list, request(100)))
  assert.ok(picks.includes(list[70]!))
})

test('a further try takes the least of those that are left', () => {
  const list = many(30)
  const balancer = make(createLeastConnections)
  for (const server of list) server.active = 2
  list[12]!.active = 1
  assert.equal(balancer.pick(list.slice(1), request(30, { attempt: 1 })), list[12])
})

test('ratio: under constant load weights are met', () => {
  const list = servers('a*3 b c')
  const balancer = make(createLeastConnections)
  const running: TestServer[] = []
  const counts = tally(10_000, () => {
    const picked = balancer.pick(list, request(5)) as TestServer
    picked.active++
    running.push(picked)
    if (running.length > 50) {
      const done = running.shift()!
      done.active--
      balancer.finished?.(done)
    }
    return picked
  })
  assert.ok(Math.abs(counts.get('a')! - 6000) < 100)
})

test('among many of different weights ties go by weight, among equals to the one that has been idle for longest', () => {
  const balancer = make(createLeastConnections)
  const unequal = servers(`a*2 ${Array.from({ length: 10 }, (_, index) => `s${index}`).join(' ')}`)
  const counts = tally(1200, () => balancer.pick(unequal, request(12)) as TestServer)
  assert.equal(counts.get('a'), 200)
  assert.equal(counts.get('s3'), 100)

  const equal = many(20)
  const picked = Array.from({ length: 20 }, () => {
    const server = balancer.pick(equal, request(20)) as TestServer
    server.active++
    return server
  })
  for (const index of [7, 3, 12]) {
    picked[index]!.active--
    balancer.finished?.(picked[index]!)
  }
  const next = Array.from({ length: 3 }, () => (balancer.pick(equal, request(20)) as TestServer).id)
  assert.deepEqual(next, ['s7', 's3', 's12'])
})
