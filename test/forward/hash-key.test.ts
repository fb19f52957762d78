import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashKey, readCookie } from '#lib/forward/hash-key.js'
import { parseTarget } from '#lib/match/target.js'
import { incoming } from '../support/incoming.js'

test('what HashKey names', () => {
  const req = incoming({ fields: ['X-User', '7', 'Cookie', 'a=1; session=abc=; b'] })
  const target = parseTarget('/a//%62?x=1')!
  assert.equal(hashKey({ kind: 'source' }, req, target, '192.0.2.1'), '192.0.2.1')
  assert.equal(hashKey({ kind: 'uri' }, req, target, ''), '/a//%62?x=1')
  assert.equal(hashKey({ kind: 'path' }, req, target, ''), '/a/b')
  assert.equal(hashKey({ kind: 'header', name: 'x-user' }, req, target, ''), '7')
  assert.equal(hashKey({ kind: 'header', name: 'x-none' }, req, target, ''), '')
  assert.equal(hashKey({ kind: 'cookie', name: 'session' }, req, target, ''), 'abc=')
  assert.equal(hashKey({ kind: 'cookie', name: 'none' }, req, target, ''), '')
})

test('cookies', () => {
  const req = incoming({ fields: ['Cookie', ' a = 1 ;b=;=c; ab=2;a=3'] })
  assert.equal(readCookie(req, 'a'), '1')
  assert.equal(readCookie(req, 'b'), '')
  assert.equal(readCookie(req, 'ab'), '2')
  assert.equal(readCookie(req, ''), undefined)
  assert.equal(readCookie(incoming(), 'a'), undefined)
})
