import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRoundRobin } from '#lib/balancers/round-robin.js'
import { make, request, sequence, servers, tally } from '../support/candidates.js'

test('in turn, in the order of the list', () => {
  assert.equal(sequence(make(createRoundRobin), servers('a b c'), 7), 'a b c a b c a')
})

test('a server listed n times has n turns, at its places', () => {
  const list = servers('127.0.0.1:80 127.0.0.1:81 127.0.0.1:80 127.0.0.1:82 127.0.0.1:80 127.0.0.1:81')
  const balancer = make(createRoundRobin)
  const round = '127.0.0.1:80 127.0.0.1:81 127.0.0.1:80 127.0.0.1:82 127.0.0.1:80 127.0.0.1:81'
  assert.equal(sequence(balancer, list, 6), round)
  assert.equal(sequence(balancer, list, 6), round)
})

test('the turn goes on when servers leave and join', () => {
  const balancer = make(createRoundRobin)
  const all = servers('a b c d')
  const [a, b, c, d] = all as [never, never, never, never]
  const next = (...list: never[]) => balancer.pick(list, request(4))?.id
  assert.equal(next(a, b, c, d), 'a')
  assert.equal(next(a, b, c, d), 'b')
  assert.equal(next(a, b, d), 'd', 'c is away')
  assert.equal(next(a, b, d), 'a')
  assert.equal(next(a, b, c, d), 'b', 'c is back')
  assert.equal(next(a, b, c, d), 'c')
  assert.equal(next(a, b), 'a')
  assert.equal(next(b, c), 'b')
  assert.equal(next(c), 'c')
})

test('a further try takes the next turn', () => {
  const balancer = make(createRoundRobin)
  const list = servers('a b c')
  assert.equal(balancer.pick(list, request(3))?.id, 'a')
  assert.equal(balancer.pick(list.slice(1), request(3, { attempt: 1 }))?.id, 'b')
  assert.equal(balancer.pick(list, request(3))?.id, 'c')
  assert.equal(sequence(balancer, list, 3), 'a b c')
})

test('strictly fair over any number of rounds', () => {
  const balancer = make(createRoundRobin)
  const list = servers('a b*2 c a')
  const counts = tally(5000, () => balancer.pick(list, request(5)))
  assert.deepEqual([...counts].sort(), [
    ['a', 2000],
    ['b', 2000],
    ['c', 1000],
  ])
})

test('a server that starts slowly takes a part of its turns', () => {
  const list = servers('a b c')
  list[1]!.weight = 0.5
  assert.equal(sequence(make(createRoundRobin), list, 10), 'a c a b c a c a b c')
  list[1]!.weight = 0.1
  const balancer = make(createRoundRobin)
  const counts = tally(2100, () => balancer.pick(list, request(3)))
  assert.deepEqual([...counts].sort(), [
    ['a', 1000],
    ['b', 100],
    ['c', 1000],
  ])
})

test('where all start slowly, all take their turns', () => {
  const list = servers('a b')
  for (const server of list) server.weight = 0.1
  assert.equal(sequence(make(createRoundRobin), list, 4), 'a b a b')
})

test('churn: while a server comes and goes the others stay even', () => {
  const balancer = make(createRoundRobin)
  const all = servers('a b c d')
  const without = all.filter(({ id }) => id !== 'c')
  const counts = tally(8000, (index) => balancer.pick(Math.floor(index / 50) % 2 === 0 ? all : without, request(4)))
  for (const id of ['a', 'b', 'd']) assert.ok(Math.abs(counts.get(id)! - 2333) < 60, `${id}: ${counts.get(id)}`)
})
