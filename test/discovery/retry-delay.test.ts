import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryDelay } from '#lib/discovery/retry-delay.js'
import { ManualClock } from '../support/clock.js'
import { scriptedRandom } from '../support/random.js'

/** The delays of attempts that fail at once. */
function delays(count: number, members: number, chance: number): number[] {
  const delay = new RetryDelay(new ManualClock(), scriptedRandom(chance))
  return Array.from({ length: count }, () => {
    delay.begin()
    delay.failed(false)
    return delay.next(members)
  })
}

test('each round takes twice as long, up to five seconds, less a part by chance', () => {
  assert.deepEqual(delays(8, 1, 0), [50, 100, 200, 400, 800, 1600, 2500, 2500])
  assert.deepEqual(delays(3, 1, 0.5), [75, 150, 300])
  assert.deepEqual(delays(7, 3, 0), [50, 50, 50, 100, 100, 100, 200])
})

test('one that has refused is left alone for long, one that had held is asked at once', () => {
  const clock = new ManualClock()
  const delay = new RetryDelay(clock, scriptedRandom(0))
  delay.begin()
  delay.failed(true)
  assert.equal(delay.next(1), 15_000)
  delay.begin()
  delay.failed(false)
  assert.equal(delay.next(1), 100)
  delay.begin()
  clock.advance(9_999)
  delay.failed(false)
  assert.equal(delay.next(1), 200)
  delay.begin()
  clock.advance(10_000)
  delay.failed(false)
  assert.equal(delay.next(1), 50)
})
