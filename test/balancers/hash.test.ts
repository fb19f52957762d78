import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHash } from '#lib/balancers/hash.js'
import { make, request, sequence, servers, tally } from '../support/candidates.js'

test('a key stays with its server, whoever asks', () => {
  const list = servers('a b c')
  const balancer = make(createHash)
  for (let index = 0; index < 50; index++) {
    const key = `/page/${index}`
    const first = balancer.pick(list, request(3, { key, address: '10.0.0.1' }))
    assert.equal(balancer.pick([...list], request(3, { key, address: '10.0.0.2' })), first)
  }
})

test('ratio: keys are spread by weight', () => {
  const list = servers('a*3 b')
  const balancer = make(createHash)
  const counts = tally(10_000, (index) => balancer.pick(list, request(4, { key: `user-${index}` })))
  assert.ok(Math.abs(counts.get('a')! - 7500) < 250)
})

test('requests without a key go in turn', () => {
  assert.equal(sequence(make(createHash), servers('a b c'), 5), 'a b c a b')
})

test('churn: fails over deterministically, one of a hundred alone too', () => {
  const list = servers(Array.from({ length: 100 }, (_, index) => `s${index}`).join(' '))
  const pair = [list[3]!, list[50]!]
  const [one, other] = [make(createHash), make(createHash)]
  for (let index = 0; index < 100; index++) {
    const picked = one.pick(pair, request(100, { key: `k${index}` }))
    assert.ok(pair.includes(picked as never))
    assert.equal(other.pick(pair, request(100, { key: `k${index}` })), picked)
  }
})
