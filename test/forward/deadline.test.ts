import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadline, Deadlines } from '#lib/forward/deadline.js'
import { ManualClock } from '../support/clock.js'

function setUp(): { clock: ManualClock; deadlines: Deadlines; calls: string[]; make: (name: string) => Deadline } {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const calls: string[] = []
  const make = (name: string): Deadline => new Deadline(deadlines, () => calls.push(`${name}@${clock.now()}`))
  return { clock, deadlines, calls, make }
}

test('each passes at its own time, whatever was set before and after it', () => {
  const { clock, calls, make } = setUp()
  const [a, b, c] = [make('a'), make('b'), make('c')]
  a.set(100)
  clock.advance(10)
  b.set(100)
  clock.advance(10)
  c.set(50)
  clock.advance(200)
  assert.deepEqual(calls, ['c@70', 'a@100', 'b@110'])
  assert.equal(clock.pending, 0)
})

test('one that is moved passes once, at the end', () => {
  const { clock, calls, make } = setUp()
  const a = make('a')
  for (let i = 0; i < 20; i++) {
    a.set(100)
    clock.advance(99)
  }
  assert.deepEqual(calls, [])
  clock.advance(1)
  assert.deepEqual(calls, ['a@1981'])
})

test('moved to another length', () => {
  const { clock, calls, make } = setUp()
  const a = make('a')
  a.set(1000)
  a.set(10)
  clock.advance(10)
  assert.deepEqual(calls, ['a@10'])
  a.set(10)
  a.set(1000)
  clock.advance(999)
  assert.deepEqual(calls, ['a@10'])
  clock.advance(1)
  assert.deepEqual(calls, ['a@10', 'a@1010'])
})

test('0 is never, in place of what was set', () => {
  const { clock, calls, make } = setUp()
  const a = make('a')
  a.set(10)
  a.set(0)
  clock.advance(1_000_000)
  assert.deepEqual(calls, [])
})

test('one that is cleared, from the head, the middle and the end of its list', () => {
  const { clock, calls, make } = setUp()
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => {
    const each = make(name)
    each.set(100)
    clock.advance(1)
    return each
  })
  for (const i of [0, 2, 4]) all[i]?.clear()
  all[0]?.clear()
  clock.advance(200)
  assert.deepEqual(calls, ['b@101', 'd@103'])
})

test('one that is set again as another passes does not hold up those in between', () => {
  const { clock, deadlines, calls, make } = setUp()
  const again: Deadline = new Deadline(deadlines, () => {
    calls.push(`again@${clock.now()}`)
    if (calls.length < 3) again.set(100)
  })
  again.set(100)
  clock.advance(30)
  make('between').set(100)
  clock.advance(300)
  assert.deepEqual(calls, ['again@100', 'between@130', 'again@200'])
})

test('many of one length share a timer; close stops it', () => {
  const { clock, deadlines, calls, make } = setUp()
  for (let i = 0; i < 1000; i++) make(String(i)).set(100)
  assert.equal(clock.pending, 1)
  deadlines.close()
  assert.equal(clock.pending, 0)
  clock.advance(1000)
  assert.deepEqual(calls, [])
})
