import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from '#lib/cluster/backoff.js'
import { ManualClock } from '../support/clock.js'
import { scriptedRandom } from '../support/random.js'

function delays(backoff: Backoff, clock: ManualClock, count: number, lifetime = 0): number[] {
  return Array.from({ length: count }, () => {
    backoff.begin()
    clock.advance(lifetime)
    return Math.round(backoff.next())
  })
}

test('at once the first time, then 100 ms, doubled with each death up to 10 s', () => {
  const clock = new ManualClock()
  const backoff = new Backoff(clock, scriptedRandom(0.5))
  assert.deepEqual(delays(backoff, clock, 10), [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
})

test('the delay is jittered by a fifth', () => {
  const clock = new ManualClock()
  assert.deepEqual(delays(new Backoff(clock, scriptedRandom(0)), clock, 3), [0, 80, 160])
  assert.deepEqual(delays(new Backoff(clock, scriptedRandom(1)), clock, 3), [0, 120, 240])
})

test('a process that has lived for 10 s is replaced at once again', () => {
  const clock = new ManualClock()
  const backoff = new Backoff(clock, scriptedRandom(0.5))
  assert.deepEqual(delays(backoff, clock, 3, 9_999), [0, 100, 200])
  assert.deepEqual(delays(backoff, clock, 1, 10_000), [0])
  assert.deepEqual(delays(backoff, clock, 1, 0), [100])
})
