import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  balancerAliases,
  balancerNames,
  canonicalBalancerName,
  findBalancer,
  registerBalancer,
} from '#lib/balancers/registry.js'

test('names without case, spaces, "-" and "_"', () => {
  for (const name of ['Round-Robin', 'RoundRobin', 'round robin', 'ROUND_ROBIN', 'Lockless-Round-Robin']) {
    assert.equal(canonicalBalancerName(name), 'Round-Robin', name)
    assert.equal(findBalancer(name), findBalancer('Locking-Round-Robin'))
  }
  assert.equal(canonicalBalancerName('weighted round robin'), 'Weighted')
  assert.equal(canonicalBalancerName('Round-Robbin'), undefined)
  assert.equal(findBalancer(''), undefined)
  assert.deepEqual(balancerAliases('round robin'), ['Lockless-Round-Robin', 'Locking-Round-Robin'])
  assert.deepEqual(balancerAliases('nobody'), [])
})

test('the names that the configuration knows', () => {
  const own = balancerNames().slice(0, 11)
  assert.deepEqual(own, [
    'Naive',
    'First-Alive',
    'Round-Robin',
    'Least-Connections',
    'Weighted',
    'Random',
    'Random-Two',
    'Peak-EWMA',
    'Source-Hash',
    'Hash',
    'Consistent-Hash',
  ])
})

test('one of your own', () => {
  const factory = () => ({ pick: () => undefined })
  registerBalancer('Test-Own', factory)
  assert.equal(findBalancer('test own'), factory)
  assert.equal(balancerNames().at(-1), 'Test-Own')
  assert.throws(() => registerBalancer('TestOwn', factory), /"TestOwn" is taken by "Test-Own"/)
  assert.throws(() => registerBalancer('locking round robin', factory), /taken by "Round-Robin"/)
})

test('what cannot be registered', () => {
  const factory = () => ({ pick: () => undefined })
  assert.throws(() => registerBalancer('Broken', {} as never), /"Broken" needs a factory/)
  for (const name of ['', '-x', 'a/b', '*3', 42 as never]) {
    assert.throws(() => registerBalancer(name, factory), TypeError, String(name))
  }
})
