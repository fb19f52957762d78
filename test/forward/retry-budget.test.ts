import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryBudget } from '#lib/forward/retry-budget.js'
import { ManualClock } from '../support/clock.js'

function takes(budget: RetryBudget): number {
  let count = 0
  while (budget.take()) count++
  return count
}

test('ten a second without any request', () => {
  const clock = new ManualClock()
  const budget = new RetryBudget(clock)
  assert.equal(takes(budget), 100)
  clock.advance(9_999)
  assert.equal(takes(budget), 0)
  clock.advance(1)
  assert.equal(takes(budget), 100)
})

test('and a fifth of the requests of the last ten seconds', () => {
  const clock = new ManualClock()
  const budget = new RetryBudget(clock)
  for (let i = 0; i < 1000; i++) budget.request()
  assert.equal(takes(budget), 300)
  clock.advance(5_000)
  for (let i = 0; i < 500; i++) budget.request()
  assert.equal(takes(budget), 100)
  // The first second is forgotten: 500 requests and 100 retries are left.
  clock.advance(5_000)
  assert.equal(takes(budget), 100)
  // A long pause forgets everything, once.
  clock.advance(86_400_000)
  assert.equal(takes(budget), 100)
})
