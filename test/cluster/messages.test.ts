import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAnswer, readMessage } from '#lib/cluster/messages.js'
import { serverSnapshot, snapshotOf } from './support.js'

const verdict = { check: 'c', up: false, reason: '500', last: null }
const experience = { server: 's', state: 'offline', rest: 1000, reason: 'it refused' }

test('sound messages pass as they are', () => {
  const sound = [
    {
      type: 'request',
      id: 0,
      name: 'start',
      body: { configuration: {}, changes: [], verdicts: [verdict], experiences: [experience] },
    },
    { type: 'request', id: 1, name: 'change', body: { kind: 'add', url: '10.0.0.1:80' } },
    { type: 'request', id: 2, name: 'change', body: { kind: 'pool', pool: 'a' } },
    { type: 'request', id: 3, name: 'snapshot', body: {} },
    { type: 'answer', id: 3, body: null },
    { type: 'refusal', id: 3, error: { name: 'Error', code: '', message: 'no' } },
    { type: 'notice', name: 'verdicts', body: [verdict] },
    { type: 'notice', name: 'experiences', body: [experience] },
    { type: 'notice', name: 'log', body: { level: 'warn', message: 'm' } },
  ]
  for (const message of sound) assert.equal(readMessage(message), message, JSON.stringify(message))
})

test('what is no message of this protocol is nothing', () => {
  const unsound = [
    undefined,
    null,
    'start',
    [],
    {},
    { type: 'other' },
    { type: 'request', id: 'x', name: 'snapshot', body: {} },
    { type: 'request', id: 1, name: 'toString', body: {} },
    { type: 'request', id: 1, name: 'change', body: { kind: 'add' } },
    { type: 'request', id: 1, name: 'change', body: { kind: 'constructor', url: 'a' } },
    { type: 'request', id: 1, name: 'start', body: { changes: [{}], verdicts: [], experiences: [] } },
    { type: 'request', id: 1, name: 'start', body: { changes: [], verdicts: [{ check: 1 }], experiences: [] } },
    { type: 'request', id: 1, name: 'stop', body: {} },
    { type: 'refusal', id: 1, error: { message: 'no' } },
    { type: 'notice', name: 'log', body: { level: 'constructor', message: 'm' } },
    { type: 'notice', name: 'state', body: { pool: 'a', server: 's', from: 'up', to: 'down' } },
  ]
  for (const message of unsound) assert.equal(readMessage(message), undefined, JSON.stringify(message))
})

test('an answer has to be one to its request', () => {
  assert.equal(isAnswer('snapshot', snapshotOf([serverSnapshot('s')])), true)
  assert.equal(isAnswer('snapshot', { ...snapshotOf([]), pools: [{ name: 'a' }] }), false)
  assert.equal(isAnswer('snapshot', snapshotOf([serverSnapshot('s', { success: '1' as never })])), false)
  assert.equal(isAnswer('start', { urls: ['http://localhost:80'], warnings: [] }), true)
  assert.equal(isAnswer('start', {}), false)
  assert.equal(isAnswer('change', { changed: true, servers: [] }), true)
})
