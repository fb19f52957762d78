import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Candidate } from '#lib/balancers/balancer.js'
import { createConsistentHash } from '#lib/balancers/consistent-hash.js'
import { pointsPerWeight } from '#lib/balancers/hash-ring.js'
import { make, request, sequence, servers, slotCount, tally } from '../support/candidates.js'

const keys = Array.from({ length: 2000 }, (_, index) => `key-${index}`)
const choices = (list: readonly Candidate[], slots = slotCount(list), balancer = make(createConsistentHash)) =>
  keys.map((key) => balancer.pick(list, request(slots, { key }))!.id)

test('a key stays with its server, in every process and in any order of the list', () => {
  const first = choices(servers('a b c d'))
  assert.deepEqual(choices(servers('a b c d')), first)
  assert.deepEqual(choices(servers('d c b a')), first)
})

test('ratio: by weight', () => {
  const counts = tally(2000, (index) => ({ id: choices(servers('a*3 b'))[index] ?? '' }) as Candidate)
  assert.ok(Math.abs(counts.get('a')! - 1500) < 150, [...counts].join(' '))
})

test('a server that leaves moves only its own keys, and gets them back', () => {
  const list = servers('a b c d')
  const balancer = make(createConsistentHash)
  const before = choices(list, 4, balancer)
  const during = choices(list.slice(1), 4, balancer)
  for (const [index, id] of before.entries()) if (id !== 'a') assert.equal(during[index], id)
  assert.deepEqual(choices(list.slice(1), 4), during, 'the same without having known it')
  assert.deepEqual(choices(list, 4, balancer), before)
})

test('a server that joins takes its share from all, and nothing else moves', () => {
  const balancer = make(createConsistentHash)
  const before = choices(servers('a b c d'), 4, balancer)
  const after = choices(servers('a b c d e'), 5, balancer)
  const moved = after.filter((id, index) => id !== before[index])
  assert.deepEqual([...new Set(moved)], ['e'])
  assert.ok(Math.abs(moved.length - 400) < 120, String(moved.length))
})

test('a weight that grows only takes', () => {
  const list = servers('a b c')
  list[0]!.weight = 0.1
  const balancer = make(createConsistentHash)
  let before = choices([...list], 3, balancer)
  for (const weight of [0.4, 0.7, 1]) {
    list[0]!.weight = weight
    const after = choices([...list], 3, balancer)
    for (const [index, id] of after.entries()) if (id !== before[index]) assert.equal(id, 'a')
    before = after
  }
  assert.deepEqual(before, choices(servers('a b c')))
})

test('a further try goes where the key would go without the first server', () => {
  const list = servers('a b c d')
  const balancer = make(createConsistentHash)
  for (const key of keys.slice(0, 200)) {
    const first = balancer.pick(list, request(4, { key }))
    const rest = list.filter((server) => server !== first)
    const second = balancer.pick(rest, request(4, { key, attempt: 1 }))
    assert.equal(make(createConsistentHash).pick(rest, request(4, { key })), second)
  }
})

test('a pool of which most is away', () => {
  const list = servers(Array.from({ length: 100 }, (_, index) => `s${index}`).join(' '))
  const balancer = make(createConsistentHash)
  const before = choices(list, 100, balancer)
  assert.deepEqual(choices(list.slice(0, 3), 100, balancer), choices(list.slice(0, 3), 100))
  assert.deepEqual(choices(list, 100, balancer), before)
})

test('long lists have fewer points for a place', () => {
  assert.deepEqual([1, 1024, 1025, 2049].map(pointsPerWeight), [160, 160, 80, 40])
})

test('requests without a key go in turn', () => {
  assert.equal(sequence(make(createConsistentHash), servers('a b c'), 5), 'a b c a b')
})
