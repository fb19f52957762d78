import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '#lib/balancers/random.js'
import { make, request, sequence, servers, tally } from '../support/candidates.js'
import { scriptedRandom } from '../support/random.js'

test('a number from 0 to 1 falls into the share of a server', () => {
  const chance = () => scriptedRandom(0, 0.24, 0.25, 0.74, 0.75, 0.999)
  assert.equal(sequence(make(createRandom, chance()), servers('a b*2 c'), 6), 'a a b b c c')
  assert.equal(sequence(make(createRandom, chance()), servers('a b c d'), 6), 'a a b c d d')
})

test('ratio', () => {
  const list = servers('a*6 b*3 c')
  const balancer = make(createRandom)
  const counts = tally(10_000, () => balancer.pick(list, request(10)))
  assert.ok(Math.abs(counts.get('a')! - 6000) < 200)
  assert.ok(Math.abs(counts.get('b')! - 3000) < 200)
})

test('churn: a changed array has new shares, that of a further try is not kept', () => {
  const balancer = make(createRandom, scriptedRandom(0.5))
  const list = servers('a b c')
  assert.equal(balancer.pick(list, request(3))?.id, 'b')
  assert.equal(balancer.pick(list.slice(1), request(3, { attempt: 1 }))?.id, 'c')
  assert.equal(balancer.pick(list, request(3))?.id, 'b')
  list[0]!.weight = 0.1
  assert.equal(balancer.pick([...list], request(3))?.id, 'b')
  list[2]!.weight = 5
  assert.equal(balancer.pick([...list], request(3))?.id, 'c')
})
