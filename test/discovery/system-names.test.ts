import assert from 'node:assert/strict'
import { test } from 'node:test'
import { completions, hostAddresses, parseHosts, parseSearchList } from '#lib/discovery/system-names.js'

test('hosts: addresses and names, the rest is passed over', () => {
  const hosts = parseHosts(
    '\n127.0.0.1\tlocalhost  here.\n::1 localhost # there\n127.0.0.1 localhost\nbad name\n10.0.0.1\n',
  )
  assert.deepEqual(
    [...hosts],
    [
      ['localhost', ['127.0.0.1', '::1']],
      ['here', ['127.0.0.1']],
    ],
  )
  assert.deepEqual(hostAddresses('HERE.', hosts), ['127.0.0.1'])
  assert.equal(hostAddresses('there', hosts), undefined)
  assert.deepEqual(hostAddresses('a.localhost', hosts), ['127.0.0.1', '::1'])
  assert.equal(hostAddresses('__proto__', hosts), undefined)
})

test('resolv.conf: the last search list, or domain, and ndots', () => {
  for (const [text, domains, ndots] of [
    ['', [], 1],
    ['nameserver 10.0.0.1\nsearch A.test b.test. # c.test\n', ['a.test', 'b.test'], 1],
    ['search a.test\ndomain b.test\n', ['b.test'], 1],
    ['domain b.test\nsearch a.test .\n', ['a.test'], 1],
    ['; search a.test\noptions timeout:1 ndots:5 edns0\n', [], 5],
    ['options ndots:99\noptions timeout:2', [], 15],
    ['options ndots:0', [], 0],
  ] as const) {
    assert.deepEqual(parseSearchList(text), { domains, ndots }, text)
  }
})

test('a name with fewer dots than ndots is completed first, any other last, and one with a dot at its end never', () => {
  const list = { domains: ['x.test', 'y.test'], ndots: 2 }
  assert.deepEqual(completions('a', list), ['a.x.test', 'a.y.test', 'a'])
  assert.deepEqual(completions('a.b', list), ['a.b.x.test', 'a.b.y.test', 'a.b'])
  assert.deepEqual(completions('a.b.c', list), ['a.b.c', 'a.b.c.x.test', 'a.b.c.y.test'])
  assert.deepEqual(completions('a.', list), ['a'])
})
