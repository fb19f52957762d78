import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { whenClosed } from '#lib/forward/queued-answers.js'

test('any number of answers learn of the close, by one listener', () => {
  const socket = new Socket()
  const told: number[] = []
  const stops = Array.from({ length: 30 }, (_, i) => whenClosed(socket, () => told.push(i)))
  assert.equal(socket.listenerCount('close'), 1)
  stops[3]?.()
  stops[3]?.()
  socket.emit('close')
  assert.deepEqual(
    told,
    Array.from({ length: 30 }, (_, i) => i).filter((i) => i !== 3),
  )
})

test('one that stops the next as it is told', () => {
  const socket = new Socket()
  const told: string[] = []
  const stop: (() => void)[] = []
  stop.push(whenClosed(socket, () => told.push('a')))
  stop.push(whenClosed(socket, () => stop[0]?.()))
  stop.push(whenClosed(socket, () => told.push('c')))
  socket.emit('close')
  assert.deepEqual(told, ['a', 'c'])
})
