import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryDelay } from '#lib/workers/retry-delay.js'
import { ManualClock } from '../support/clock.js'
import { scriptedRandom } from '../support/random.js'

test('failures double the delay, from 100 ms to 2 s, each drawn from the upper half', () => {
  const low = new RetryDelay(new ManualClock(), scriptedRandom(0))
  const delays = Array.from({ length: 9 }, () => low.afterFailure())
  assert.deepEqual(delays, [50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000])
  const high = new RetryDelay(new ManualClock(), scriptedRandom(0.999_999))
  for (const delay of delays) assert.equal(high.afterFailure(), 2 * delay - 1)
})

test('a lost connection is made again at once, and one that falls at once only later', () => {
  const clock = new ManualClock()
  const delay = new RetryDelay(clock, scriptedRandom(0.5))
  delay.joined()
  clock.advance(60_000)
  assert.equal(delay.afterLoss(), 50)
  // It was taken, and fell at once, again and again.
  const delays = Array.from({ length: 4 }, () => {
    delay.joined()
    clock.advance(100)
    return delay.afterLoss()
  })
  assert.deepEqual(delays, [150, 300, 600, 1_200])
  delay.joined()
  clock.advance(10_000)
  assert.equal(delay.afterLoss(), 50)
})

test('a refusal is asked about again after half a minute at the earliest', () => {
  assert.equal(new RetryDelay(new ManualClock(), scriptedRandom(0)).afterRefusal(), 30_000)
  assert.equal(new RetryDelay(new ManualClock(), scriptedRandom(0.5)).afterRefusal(), 37_500)
})

test('the next process is asked at once, until it seems that it is not there', () => {
  const delay = new RetryDelay(new ManualClock(), scriptedRandom(0.5))
  for (let i = 0; i < 16; i++) assert.equal(delay.afterHeld(2), 10)
  assert.deepEqual([delay.afterHeld(2), delay.afterHeld(2), delay.afterHeld(2)], [150, 300, 600])
  delay.joined()
  assert.equal(delay.afterHeld(2), 10)
})
