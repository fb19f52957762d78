import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endToEndTrailers, isHopByHop, namedByConnection } from '#lib/forward/hop-by-hop.js'

test('fields of one connection (RFC 9110 §7.6.1)', () => {
  const names = [
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'transfer-encoding',
    'upgrade',
    'proxy-authenticate',
  ]
  for (const name of [...names, 'proxy-authorization', 'http2-settings'])
    assert.equal(isHopByHop(name, undefined), true, name)
  for (const name of ['trailer', 'proxy-status', 'host', 'x']) assert.equal(isHopByHop(name, undefined), false, name)
  assert.equal(isHopByHop('x', new Set(['x'])), true)
})

test('what Connection names, from all of its fields', () => {
  assert.equal(namedByConnection(['X', 'y', 'Connection', 'close, Keep-Alive,, ']), undefined)
  const named = namedByConnection(['Connection', 'X-A , x-b', 'connection', 'X-C', 'X-Connection', 'x-d'])
  assert.deepEqual(
    [...(named ?? [])].filter((name) => name !== 'upgrade'),
    ['x-a', 'x-b', 'x-c'],
  )
})

test('framing, routing and what the proxy signs cannot be taken out by Connection', () => {
  const named = namedByConnection(['Connection', 'Host, Content-Length, Content-Type, Via, Forwarded'])
  assert.equal(named, undefined)
})

test('trailers that would change the message stay here', () => {
  const kept = ['X-Sum', '1', 'x-sum', '2', 'Server-Timing', 'a']
  const raw = [
    ...kept.slice(0, 2),
    'Content-Length',
    '5',
    'HOST',
    'x',
    'Set-Cookie',
    'a',
    'Transfer-Encoding',
    'x',
    ...kept.slice(2),
  ]
  assert.deepEqual(endToEndTrailers(raw), kept)
  assert.deepEqual(endToEndTrailers(['X', 'a\x01', 'Y', 'b']), ['Y', 'b'])
  assert.deepEqual(endToEndTrailers([]), [])
})
