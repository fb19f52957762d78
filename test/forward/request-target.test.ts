import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForwardOptions } from '#lib/forward/options.js'
import { requestTarget } from '#lib/forward/request-target.js'
import { parseTarget } from '#lib/match/target.js'

type Rules = Partial<Pick<ForwardOptions, 'stripPrefix' | 'addPrefix' | 'rewritePath'>>

function target(raw: string, rules: Rules = {}): string {
  const parsed = parseTarget(raw)
  assert.ok(parsed !== undefined, raw)
  return requestTarget(parsed, {
    stripPrefix: undefined,
    addPrefix: undefined,
    rewritePath: [],
    ...rules,
  } as ForwardOptions)
}

test('without rules, byte for byte', () => {
  for (const raw of ['/', '//a//b?x=//', '/%2e%2e/%41?%', '/a;b=c', '*', '/?', '/a/./b/../c', "/a'|`{}"]) {
    assert.equal(target(raw), raw)
  }
  assert.equal(target('http://h:1/a//b?c'), '/a//b?c')
  assert.equal(target('http://h'), '/')
  assert.equal(target('http://h?x'), '/?x')
})

test('StripPrefix takes whole segments, also where the prefix was written in another way', () => {
  const cases: [raw: string, prefix: string, expected: string][] = [
    ['/api/a//b?x=/api', '/api', '/a//b?x=/api'],
    ['/api', '/api', '/'],
    ['/api/', '/api', '/'],
    ['/api?x', '/api/', '/?x'],
    ['/apis', '/api', '/apis'],
    ['/API/a', '/api', '/API/a'],
    ['/%61pi/x%2520y', '/api', '/x%2520y'],
    ['//api/a', '/api', '/a'],
    ['/x/../api/a', '/api', '/a'],
    ['/api/%3Fa%23b', '/api', '/%3Fa%23b'],
    ['/%61pi/%3Fa%23b', '/api', '/%3Fa%23b'],
    ['/api/%2e%2e/secret', '/api', '/%2e%2e/secret'],
    ['/a', '/', '/a'],
  ]
  for (const [raw, stripPrefix, expected] of cases)
    assert.equal(target(raw, { stripPrefix }), expected, `${raw} - ${stripPrefix}`)
})

test('AddPrefix stands before it', () => {
  assert.equal(target('/a?b', { addPrefix: '/v1' }), '/v1/a?b')
  assert.equal(target('/a', { addPrefix: '/v1/' }), '/v1/a')
  assert.equal(target('//a', { addPrefix: '/v1' }), '/v1//a')
  assert.equal(target('*', { addPrefix: '/v1' }), '*')
})

test('RewritePath: one rule after the other, over the path alone', () => {
  const rewritePath = [
    { from: /^\/old\/(.*)$/i, to: '/new/$1' },
    { from: /^\/new/i, to: '/newer' },
  ]
  assert.equal(target('/OLD/a%2Fb?/old/', { rewritePath }), '/newer/a%2Fb?/old/')
  assert.equal(target('/a', { rewritePath: [{ from: /^\/a$/, to: 'b' }] }), '/b')
  assert.equal(target('/a', { rewritePath: [{ from: /a/, to: '$$&' }] }), '/$&')
})

test('strip, rewrite, add: in this order', () => {
  const rules: Rules = { stripPrefix: '/a', rewritePath: [{ from: /^\/b/, to: '/c' }], addPrefix: '/d' }
  assert.equal(target('/a/b?q', rules), '/d/c?q')
})
