import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNaive } from '#lib/balancers/naive.js'
import { make, request, servers } from '../support/candidates.js'

const pick = (list: string, connection: number, left = (_id: string) => true, attempt = 0) => {
  const all = servers(list)
  const slots = all.reduce((count, server) => count + server.slots.length, 0)
  const candidates = all.filter(({ id }) => left(id))
  return make(createNaive).pick(candidates, request(slots, { connection, attempt }))?.id
}

test('the number of the connection names the place', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((connection) => pick('a b c', connection)),
    ['a', 'b', 'c', 'a', 'b'],
  )
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((connection) => pick('a*2 b a', connection)),
    ['a', 'a', 'b', 'a', 'a'],
  )
})

test('a connection keeps its server from request to request', () => {
  const balancer = make(createNaive)
  const list = servers('a b c')
  for (let count = 0; count < 10; count++) assert.equal(balancer.pick(list, request(3, { connection: 1 }))?.id, 'b')
})

test('from a server that is away it goes on to the next', () => {
  const withoutB = (id: string) => id !== 'b'
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((connection) => pick('a b c', connection, withoutB)),
    ['a', 'c', 'c', 'a', 'c'],
  )
  assert.equal(
    pick('a b c', 2, (id) => id !== 'c'),
    'a',
    'behind the last comes the first',
  )
  assert.equal(pick('a b c', 1, withoutB, 1), 'c')
})

test('others keep their server while one is away', () => {
  for (const connection of [0, 2, 3, 5, 6]) {
    assert.equal(
      pick('a b c d', connection, (id) => id !== 'b'),
      pick('a b c d', connection % 4 === 1 ? 2 : connection),
    )
  }
})
