import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Odds } from '#lib/balancers/odds.js'
import { createRandomTwo } from '#lib/balancers/random-two.js'
import { make, request, servers, type TestServer, tally } from '../support/candidates.js'
import { scriptedRandom, seededRandom } from '../support/random.js'

test('of the two that are drawn the less loaded one', () => {
  const list = servers('a b c')
  const [a, b, c] = list as [TestServer, TestServer, TestServer]
  ;[a.active, b.active, c.active] = [3, 1, 2]
  const pick = (...chance: number[]) => make(createRandomTwo, scriptedRandom(...chance)).pick(list, request(3))?.id
  assert.equal(pick(0, 0), 'b', 'a and b')
  assert.equal(pick(0, 0.9), 'c', 'a and c')
  assert.equal(pick(0.9, 0.9), 'b', 'c and b')
  b.weight = 0.1
  assert.equal(pick(0.01, 0.01), 'a', 'a and b, by weight')
  assert.equal(pick(0.99, 0.99), 'c', 'c and b, by weight')
})

test('the two are different ones', () => {
  const random = seededRandom(3)
  for (const list of [servers('a b'), servers('a b c d'), servers('a*100 b'), servers('a*7 b c*3 d')]) {
    const odds = new Odds(list)
    for (let count = 0; count < 2000; count++) {
      const first = odds.draw(random.next())
      const second = odds.drawOther(random.next(), first)
      assert.notEqual(first, second)
      assert.ok(list[first] !== undefined && list[second] !== undefined)
    }
  }
})

test('the second is drawn by weight among the others', () => {
  const odds = new Odds(servers('a*5 b*3 c'))
  const random = seededRandom(4)
  let b = 0
  for (let count = 0; count < 10_000; count++) if (odds.drawOther(random.next(), 0) === 1) b++
  assert.ok(Math.abs(b - 7500) < 200)
})

test('ratio: where nobody is busy chance alone decides', () => {
  const list = servers('a*2 b c')
  const balancer = make(createRandomTwo)
  const counts = tally(10_000, () => balancer.pick(list, request(4)))
  assert.ok(Math.abs(counts.get('a')! - 5000) < 200)
})

test('churn: a server that is slow gets less', () => {
  const list = servers('a b c d')
  const balancer = make(createRandomTwo)
  const running: { server: TestServer; end: number }[] = []
  const counts = tally(10_000, (index) => {
    for (const entry of running.filter(({ end }) => end <= index)) {
      entry.server.active--
      running.splice(running.indexOf(entry), 1)
    }
    const server = balancer.pick(list, request(4)) as TestServer
    server.active++
    running.push({ server, end: index + (server.id === 'd' ? 100 : 5) })
    return server
  })
  assert.ok(counts.get('d')! < counts.get('a')! / 3)
})
