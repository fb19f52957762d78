import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFirstAlive } from '#lib/balancers/first-alive.js'
import { make, request, sequence, servers } from '../support/candidates.js'

test('always the first of the list', () => {
  const balancer = make(createFirstAlive)
  const [a, b, c] = servers('a b c')
  assert.equal(sequence(balancer, [a!, b!, c!], 4), 'a a a a')
  assert.equal(sequence(balancer, [b!, c!], 2), 'b b')
  assert.equal(balancer.pick([c!], request(3, { attempt: 2 })), c)
  assert.equal(sequence(balancer, [a!, c!], 2), 'a a', 'back to the first as soon as it is there')
})

test('weight and load do not count', () => {
  const list = servers('a b*5')
  list[0]!.active = 100
  assert.equal(sequence(make(createFirstAlive), list, 3), 'a a a')
})
