import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Experiences } from '#lib/cluster/experiences.js'
import { ManualClock } from '../support/clock.js'

const change = { pool: 'web', server: 'http://a:80', reason: 'it refused' } as const

test('what one process finds out is told to the others, and to those that begin later, for as long as it holds', () => {
  const clock = new ManualClock()
  const experiences = new Experiences(clock)
  assert.deepEqual(experiences.learn({ ...change, from: 'up', to: 'offline', rest: 1000 }), {
    server: 'http://a:80',
    state: 'offline',
    rest: 1000,
    reason: 'it refused',
  })
  clock.advance(400)
  assert.deepEqual(experiences.current, [{ server: 'http://a:80', state: 'offline', rest: 600, reason: 'it refused' }])
  clock.advance(600)
  assert.deepEqual(experiences.current, [])
  experiences.learn({ ...change, from: 'up', to: 'offline', rest: 1000 })
  const up = experiences.learn({ ...change, from: 'offline', to: 'up', reason: 'it answered a request' })
  assert.deepEqual(up, { server: 'http://a:80', state: 'up', rest: 0, reason: 'it answered a request' })
  assert.deepEqual(experiences.current, [])
})

test('checks and requests of the management are no experience', () => {
  const experiences = new Experiences(new ManualClock())
  for (const [from, to] of [
    ['up', 'down'],
    ['down', 'up'],
    ['up', 'draining'],
    ['draining', 'up'],
  ] as const) {
    assert.equal(experiences.learn({ ...change, from, to }), undefined)
  }
})
