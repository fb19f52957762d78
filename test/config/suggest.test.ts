import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearest, unknown } from '#lib/config/suggest.js'

test('the distance of two words', () => {
  const distances: [string, string, number][] = [
    ['', '', 0],
    ['abc', '', 3],
    ['', 'ab', 2],
    ['match', 'match', 0],
    ['mtach', 'match', 1],
    ['mach', 'match', 1],
    ['matcch', 'match', 1],
    ['batch', 'match', 1],
    ['kitten', 'sitting', 3],
  ]
  for (const [from, to, distance] of distances) assert.equal(editDistance(from, to), distance, `${from} ${to}`)
})

test('what was probably meant', () => {
  assert.equal(nearest('round-robbin', ['Random', 'Round-Robin']), 'Round-Robin')
  assert.equal(nearest('MATCH', ['Match']), 'Match')
  assert.equal(nearest('xyz', ['Match', 'Host']), undefined)
  assert.equal(nearest('o', ['On', 'Off']), 'On')
  assert.equal(unknown('thing', 'zzzz', ['Match', 'Host']), 'unknown thing "zzzz"; known: Match, Host')
})
