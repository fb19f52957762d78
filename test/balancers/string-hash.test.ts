import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringHash } from '#lib/balancers/string-hash.js'

test('the values, which must not change between versions', () => {
  assert.deepEqual(
    ['', 'a', 'key-1', 'ü', '/path?x=1'].map((text) => stringHash(text)),
    [2872998923, 444641715, 1675941015, 134528209, 454000916],
  )
  assert.notEqual(stringHash('a', 1), stringHash('a', 2))
})

test('a changed character changes half of the bits', () => {
  let bits = 0
  for (let index = 0; index < 1000; index++) {
    let difference = stringHash(`10.0.0.${index}`) ^ stringHash(`10.0.0.${index + 1}`)
    for (; difference !== 0; difference &= difference - 1) bits++
  }
  assert.ok(Math.abs(bits / 1000 - 16) < 0.5, String(bits / 1000))
})
