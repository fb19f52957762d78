import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Line } from '#lib/balancers/line.js'
import { randomBelow } from '#lib/random.js'
import { seededRandom } from '../support/random.js'

test('first in, first out, as an array does it', () => {
  const random = seededRandom(1)
  const line = new Line<number>(5)
  const model: number[] = []
  for (let step = 0; step < 1000; step++) {
    if (model.length < 5 && randomBelow(random, 2) === 0) {
      line.push(step)
      model.push(step)
    } else {
      assert.equal(line.shift(), model.shift())
    }
    assert.equal(line.length, model.length)
  }
})

test('there is no room beyond its limit', () => {
  const line = new Line<string>(1)
  line.push('a')
  assert.throws(() => line.push('b'), RangeError)
  assert.equal(line.shift(), 'a')
  assert.equal(line.shift(), undefined)
})
