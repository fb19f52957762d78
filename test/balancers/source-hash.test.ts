import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSourceHash } from '#lib/balancers/source-hash.js'
import { make, request, servers, tally } from '../support/candidates.js'

const addresses = Array.from({ length: 1000 }, (_, index) => `192.168.${index >> 8}.${index & 255}`)

test('a client stays with its server, whatever else it asks for', () => {
  const list = servers('a b c')
  const balancer = make(createSourceHash)
  for (const address of addresses.slice(0, 50)) {
    const first = balancer.pick(list, request(3, { address, key: '/1', connection: 1 }))
    assert.equal(balancer.pick([...list], request(3, { address, key: '/2', connection: 2 })), first)
    assert.equal(make(createSourceHash).pick(list, request(3, { address })), first, 'in every process')
  }
})

test('the exact choice, which must not change between versions', () => {
  const list = servers('a b c')
  const balancer = make(createSourceHash)
  const pick = (address: string) => balancer.pick(list, request(3, { address }))?.id
  assert.deepEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '::1'].map(pick), ['a', 'a', 'c', 'a', 'b'])
})

test('ratio: neighbouring addresses are spread', () => {
  const list = servers('a b c d')
  const balancer = make(createSourceHash)
  const counts = tally(1000, (index) => balancer.pick(list, request(4, { address: addresses[index]! })))
  for (const count of counts.values()) assert.ok(Math.abs(count - 250) < 60, [...counts].join(' '))
})

test('churn: only the clients of a server that is away move, and they come back', () => {
  const list = servers('a b c d')
  const balancer = make(createSourceHash)
  const before = addresses.map((address) => balancer.pick(list, request(4, { address }))!.id)
  const without = list.slice(1)
  const during = addresses.map((address) => balancer.pick(without, request(4, { address }))!.id)
  for (const [index, id] of before.entries()) if (id !== 'a') assert.equal(during[index], id)
  const moved = new Set(during.filter((_, index) => before[index] === 'a'))
  assert.equal(moved.size, 3, 'they are spread over all others')
  const retried = make(createSourceHash)
  for (const [index, address] of addresses.entries()) {
    assert.equal(
      retried.pick(without, request(4, { address, attempt: 1 }))?.id,
      during[index],
      'a retry goes there too',
    )
  }
})
