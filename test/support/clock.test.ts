import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from './clock.js'

test('timers are called in their order, each at its time', () => {
  const clock = new ManualClock(1000)
  const calls: string[] = []
  const set = (name: string, delay: number) => clock.setTimeout(() => calls.push(`${name}@${clock.now()}`), delay)
  set('late', 30)
  const early = set('early', 10)
  set('same', 30)
  const cancelled = set('cancelled', 5)
  cancelled.cancel()
  clock.setTimeout(() => set('nested', 5), 10)
  clock.advance(5)
  early.refresh()
  clock.advance(95)
  assert.deepEqual(calls, ['early@15', 'nested@15', 'late@30', 'same@30'])
  assert.equal(clock.now(), 100)
  assert.equal(clock.wallTime(), 1100)
  early.refresh()
  clock.advance(10)
  assert.equal(calls.at(-1), 'early@110')
  assert.equal(clock.pending, 0)
})
