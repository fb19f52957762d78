import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { readingsOf } from '#lib/match/readings.js'
import { parseTarget } from '#lib/match/target.js'

const path = (raw: string) => parseTarget(raw)?.path
const readings = (raw: string) => parseTarget(raw)?.readings

describe('the path that patterns see', () => {
  const table: [raw: string, path: string][] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/a%20b', '/a b'],
    ['/%61%2D%7e', '/a-~'],
    ['/caf%C3%A9', '/café'],
    ['/caf\xc3\xa9', '/café'],
    ['/caf\xc3%A9', '/café'],
    ['/日本', '/日本'],
    ['/a%2520b', '/a%20b'],
    ['//a///b', '/a/b'],
    ['/a/./b/../c', '/a/c'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a/%2e%2E/b', '/b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a..b/..c', '/a..b/..c'],
    ['/a;v=1/b', '/a;v=1/b'],
    ['/a%0ab', '/a\nb'],
  ]
  for (const [raw, expected] of table) {
    it(JSON.stringify(raw), () => {
      const target = parseTarget(raw)
      assert.equal(target?.path, expected)
      assert.equal(target?.rawPath, raw)
      assert.deepEqual(target?.readings, [])
    })
  }
})

test('the query is no part of the path', () => {
  assert.deepEqual(parseTarget('/a%20b?x=/../%2f#y'), {
    rawPath: '/a%20b',
    query: '?x=/../%2f#y',
    path: '/a b',
    readings: [],
    host: undefined,
  })
  assert.equal(parseTarget('/a?')?.query, '?')
  assert.equal(parseTarget('/a?b?c')?.query, '?b?c')
})

describe('ambiguous paths', () => {
  const table: [raw: string, path: string, others: string[]][] = [
    ['/a%2fb', '/a/b', ['/a%2fb']],
    ['/x%2f..%2fadmin/y', '/admin/y', ['/x%2f..%2fadmin/y']],
    ['/..%2fadmin', '/admin', ['/../admin', '/..%2fadmin']],
    ['/../admin', '/admin', ['/../admin']],
    ['/a/../../b', '/b', ['/a/../../b']],
    ['/static\\..\\admin', '/static\\..\\admin', ['/admin']],
    ['/a%5cb', '/a\\b', ['/a/b']],
    ['/a%00.php', '/a\0.php', ['/a']],
    ['/a%', '/a%', []],
    ['/%61%zz', '/a%zz', ['/%61%zz']],
    ['/%61%ff', '/a%ff', ['/%61%ff']],
    ['/%61\xff', '/a%ff', ['/%61%ff']],
    ['/x/%c0%ae%c0%ae/b', '/x/%c0%ae%c0%ae/b', ['/b']],
    ['/a//../b', '/b', ['/a/b']],
    ['/a#b', '/a', ['/a#b']],
    ['/admin#/../public', '/admin', ['/public']],
  ]
  for (const [raw, expected, others] of table) {
    it(JSON.stringify(raw), () => {
      assert.equal(path(raw), expected)
      assert.deepEqual(readings(raw), others)
    })
  }
})

describe('the forms of a target', () => {
  it('absolute', () => {
    const table: [raw: string, host: string, rawPath: string, query: string][] = [
      ['http://example.com/a?b', 'example.com', '/a', '?b'],
      ['HTTPS://Example.com:8443/a', 'Example.com:8443', '/a', ''],
      ['http://[::1]:80/a', '[::1]:80', '/a', ''],
      ['http://example.com', 'example.com', '/', ''],
      ['http://example.com?x', 'example.com', '/', '?x'],
      ['ws://example.com/chat', 'example.com', '/chat', ''],
    ]
    for (const [raw, host, rawPath, query] of table) {
      const target = parseTarget(raw)
      assert.deepEqual([target?.host, target?.rawPath, target?.query], [host, rawPath, query], raw)
    }
    assert.equal(path('http://example.com/a/../b%20'), '/b ')
  })

  it('asterisk', () => {
    assert.deepEqual(parseTarget('*'), { rawPath: '*', query: '', path: '*', readings: [], host: undefined })
  })

  it('malformed', () => {
    const list = ['', 'example.com:443', 'a/b', '?x', '#', '**', 'http://', 'http:///a', 'http://user@host/', 'http:/a']
    list.push('http://host\\@evil/', 'http://a b/', '/a b', '/a\tb', '/a\r\nb', '/a\0', '/a\x7f', '/a?b c', '/a?\n')
    for (const raw of list) assert.equal(parseTarget(raw), undefined, JSON.stringify(raw))
  })
})

const piece = fc.constantFrom(
  '/',
  '//',
  '.',
  '..',
  '/..',
  '/./',
  'a',
  'B',
  '%2e',
  '%2F',
  '%5c',
  '\\',
  '%00',
  '%',
  '%zz',
)
const odd = fc.constantFrom('%c3%a9', '%ff', '\xe9', '\u20ac', '%c0%af', '#', ';', '%25', '~', '%c0%2')
const rawPath = fc.array(fc.oneof(piece, odd), { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

test('a path is normal: no "//", "/./" and "/../"', () => {
  fc.assert(
    fc.property(rawPath, (raw) => {
      const normal = path(raw)!
      assert.ok(normal.startsWith('/'))
      assert.doesNotMatch(normal, /\/\/|\/\.{1,2}(\/|$)/)
    }),
    { numRuns: 5000 },
  )
})

test('readings are other ones than the path, and none is twice', () => {
  fc.assert(
    fc.property(rawPath, (raw) => {
      const target = parseTarget(raw)!
      const all = [target.path, ...target.readings]
      assert.equal(new Set(all).size, all.length)
    }),
  )
})

test('normalising a normal path changes nothing', () => {
  fc.assert(
    fc.property(rawPath, (raw) => {
      const normal = path(raw)!
      // Above ASCII a target has bytes, a path has characters.
      if (/[%#\\\0?\x80-\uffff]/.test(normal)) return
      const again = parseTarget(normal)!
      assert.equal(again.path, normal)
      assert.deepEqual(again.readings, [])
    }),
  )
})

test('a plain path is what the thorough reading makes of it', () => {
  const plain = fc.array(fc.constantFrom('/', 'a', 'b.c', ';x', '~', '.d'), { maxLength: 8 })
  fc.assert(
    fc.property(plain, (pieces) => {
      const raw = `/${pieces.join('')}`
      assert.deepEqual([path(raw), ...readings(raw)!], readingsOf(raw))
    }),
  )
})

test('no text makes it throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }).map((text) => `/${text}`),
      ),
      (raw) => {
        parseTarget(raw)
      },
    ),
  )
})
