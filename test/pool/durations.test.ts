import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addDurations,
  bucketBounds,
  Durations,
  noDurations,
  percentile,
  subtractDurations,
} from '#lib/pool/durations.js'

test('a duration falls into the bucket whose bound it does not exceed', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1_000_000, noNaN: true }), (duration) => {
      const durations = new Durations()
      durations.observe(duration)
      const at = durations.buckets.indexOf(1)
      assert.ok(at === bucketBounds.length || duration <= bucketBounds[at]! * (1 + 1e-9), `${duration} in ${at}`)
      assert.ok(at === 0 || duration > bucketBounds[at - 1]! * (1 - 1e-9), `${duration} in ${at}`)
    }),
  )
  const durations = new Durations()
  for (const bound of bucketBounds) durations.observe(bound)
  assert.deepEqual(durations.buckets, [...bucketBounds.map(() => 1), 0])
})

test('a percentile is known to within a bucket', () => {
  const durations = new Durations()
  for (let i = 1; i <= 1000; i++) durations.observe(i)
  for (const [share, exact] of [
    [0.5, 500],
    [0.9, 900],
    [0.99, 990],
  ] as const) {
    const found = percentile(durations, share) as number
    assert.ok(Math.abs(found - exact) / exact < 0.1, `${found} for ${exact}`)
  }
  assert.equal(percentile(noDurations(), 0.5), null)
  assert.ok((percentile(durations, 1) as number) >= 1000)
})

test('counts are added and subtracted', () => {
  const [a, b] = [new Durations(), new Durations()]
  a.observe(1)
  b.observe(1)
  b.observe(100)
  const sum = addDurations(a, b)
  assert.equal(sum.count, 3)
  assert.equal(sum.sum, 102)
  assert.deepEqual(subtractDurations(sum, a), b.snapshot())
})
