import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { expressionOf } from '#lib/match/glob.js'
import { compileHost, compilePattern } from '#lib/match/pattern.js'

const table: [pattern: string, matches: string[], others: string[]][] = [
  [
    '/*.php',
    ['/index.php', '/a/b/index.php', '/INDEX.PHP', '/.php', '/a\n.php'],
    ['/index.php/', '/index.php5', '/php'],
  ],
  ['*.php', ['/index.php', '/a/b/index.php'], ['/index.php/']],
  ['/*', ['/', '/a', '/a/b', '/.hidden', '/a\nb'], ['*']],
  ['/**', ['/', '/a', '/a/b'], ['*']],
  ['*', ['/', '/a', '*'], []],
  ['/prefix/*', ['/prefix/', '/prefix/x', '/PREFIX/x/y/z', '/prefix/.x'], ['/prefix', '/prefixed/x', '/a/prefix/x']],
  ['/prefix/**', ['/prefix', '/prefix/', '/prefix/x/y'], ['/prefixed', '/a/prefix']],
  ['/prefix*', ['/prefix', '/prefix/', '/prefixed/x'], ['/prefi']],
  ['/exact', ['/exact', '/EXACT'], ['/exact/', '/exact/x', '/exactly']],
  ['/a.b+c$', ['/a.b+c$'], ['/aXb+c$', '/a.bbc']],
  ['/', ['/'], ['/a', '']],
  ['/a?c', ['/abc'], ['/a/c', '/ac']],
  ['/{a,b}/*', ['/a/x', '/b/x/y'], ['/c/x']],
  ['/*.{jpg,png}', ['/x.jpg', '/y/x.PNG'], ['/x.gif']],
  ['/[ab]/*', ['/a/x', '/b/'], ['/c/x']],
  ['/a/*/c', ['/a/b/c', '/a/b/b/c'], ['/a/c', '/a/b/c/d']],
  ['!/api/*', ['/', '/x'], ['/api/', '/api/x']],
  ['/a\\*b', ['/a*b'], ['/axb']],
  ['/straße/*', ['/straße/1'], ['/strasse/1']],
  ['^/.*', ['/', '/a/b'], ['*']],
  ['^/a/[0-9]+$', ['/a/12', '/A/12'], ['/a/12/', '/b/a/12']],
  ['^/x.y', ['/x\ny', '/xxyz'], ['/xy']],
]

describe('compilePattern', () => {
  for (const [text, matches, others] of table) {
    it(text, () => {
      const pattern = compilePattern(text)
      assert.equal(pattern.text, text)
      assert.equal(pattern.kind, text.startsWith('^') ? 'regex' : 'glob')
      for (const path of matches) assert.ok(pattern.matches(path), `${path} should match`)
      for (const path of others) assert.ok(!pattern.matches(path), `${path} should not match`)
    })
  }

  const bad: [pattern: string, message: RegExp][] = [
    ['', /empty pattern/],
    ['^/(', /bad regular expression "\^\/\(": Unterminated group/],
    ['^/[b-a]', /Range out of order/],
    ['api/*', /a path glob begins with "\/" or "\*", a regular expression with "\^"/],
    ['.*', /begins with "\/"/],
    ['/a[b', /bad glob "\/a\[b": Missing closing: "\]"/],
    ['/a(b', /Missing closing/],
    ['/a{b', /Missing closing/],
    ['/[z-a]', /Range out of order/],
    ['/a//b', /without "\/\/"/],
    ['/a/../b', /without/],
    ['/a/.', /without/],
    ['/a%20b', /decoded, write the character itself in place of "%20"/],
    ['/a\\d', /backslash/],
  ]
  for (const [text, message] of bad) it(`refuses "${text}"`, () => assert.throws(() => compilePattern(text), message))
})

test('a shape matches what picomatch matches', () => {
  const part = fc.stringMatching(/^[a-c.]{0,3}$/)
  const path = fc
    .array(part, { maxLength: 4 })
    .map((parts) => `/${parts.filter((each) => /[a-c]/.test(each)).join('/')}`)
  const glob = fc.oneof(
    path,
    path.map((text) => (text === '/' ? '/*' : `${text}/*`)),
    path.map((text) => (text === '/' ? '/**' : `${text}/**`)),
    fc.constantFrom('/*.a', '*.b', '/*.a.b'),
  )
  fc.assert(
    fc.property(glob, path, fc.boolean(), (text, subject, slash) => {
      const full = slash ? `${subject}/`.replace('//', '/') : subject
      assert.equal(compilePattern(text).matches(full), expressionOf(text).test(full))
    }),
    { numRuns: 2000 },
  )
})

describe('compileHost', () => {
  const hosts: [pattern: string, matches: string[], others: string[]][] = [
    ['example.com', ['example.com'], ['www.example.com', 'examplexcom', '']],
    ['Example.COM.', ['example.com'], ['example.com.']],
    ['*.example.com', ['www.example.com', 'a.b.example.com'], ['example.com', 'wwwexample.com']],
    ['{www.,}example.com', ['example.com', 'www.example.com'], ['a.example.com']],
    ['10.0.0.*', ['10.0.0.1'], ['10.0.1.0']],
    ['::1', ['::1'], ['::2']],
    ['[::1]', ['::1'], ['1']],
    ['*', ['example.com', ''], []],
    ['*.bücher.example', ['www.xn--bcher-kva.example'], ['xn--bcher-kva.example']],
  ]
  for (const [text, matches, others] of hosts) {
    it(text, () => {
      const pattern = compileHost(text)
      for (const host of matches) assert.ok(pattern.matches(host), `${host} should match`)
      for (const host of others) assert.ok(!pattern.matches(host), `${host} should not match`)
    })
  }

  const bad: [pattern: string, message: RegExp][] = [
    ['', /empty host pattern/],
    ['example.com:80', /without the port/],
    ['[::1]:80', /without the port/],
    ['http://example.com', /only a host name/],
    ['{a,b', /Missing closing/],
    ['bü*cher.example', /not a host name/],
  ]
  for (const [text, message] of bad) it(`refuses "${text}"`, () => assert.throws(() => compileHost(text), message))
})
