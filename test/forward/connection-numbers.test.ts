import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { ConnectionNumbers } from '#lib/forward/connection-numbers.js'

function on(connection: EventEmitter): IncomingMessage {
  return { socket: connection } as unknown as IncomingMessage
}

test('the lowest number that no open connection holds', () => {
  const numbers = new ConnectionNumbers()
  const [a, b, c, d, e] = Array.from({ length: 5 }, () => new EventEmitter()) as [
    EventEmitter,
    EventEmitter,
    EventEmitter,
    EventEmitter,
    EventEmitter,
  ]
  assert.deepEqual(
    [a, b, c].map((each) => numbers.of(on(each))),
    [0, 1, 2],
  )
  assert.equal(numbers.of(on(b)), 1)
  b.emit('close')
  a.emit('close')
  assert.equal(numbers.of(on(d)), 0)
  assert.equal(numbers.of(on(c)), 2)
  assert.equal(numbers.of(on(e)), 1)
  assert.equal(c.listenerCount('close'), 1)
})

test('the streams of an HTTP/2 session share its number', () => {
  const numbers = new ConnectionNumbers()
  const session = new EventEmitter()
  const streamOf = (): IncomingMessage =>
    ({ socket: new EventEmitter(), stream: { session } }) as unknown as IncomingMessage
  assert.equal(numbers.of(streamOf()), 0)
  assert.equal(numbers.of(streamOf()), 0)
  assert.equal(numbers.of(on(new EventEmitter())), 1)
  session.emit('close')
  assert.equal(numbers.of(on(new EventEmitter())), 0)
})
