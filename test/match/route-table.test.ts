import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { compileHost, compilePattern } from '#lib/match/pattern.js'
import { AMBIGUOUS, type Route, RouteTable } from '#lib/match/route-table.js'
import { parseTarget } from '#lib/match/target.js'

interface Rules {
  match: string
  host?: string
  method?: string
}

const words = (text: string | undefined) => text?.split(' ').filter((word) => word !== '') ?? []

function routes(rules: readonly Rules[]): Route<string>[] {
  return rules.map(({ match, host, method }) => ({
    hosts: words(host).map(compileHost),
    methods: words(method),
    patterns: words(match).map(compilePattern),
    value: `${match}|${host ?? ''}|${method ?? ''}`,
  }))
}

/** Further entries that match nothing asked for here, so that the table looks entries up. */
const padding: Rules[] = Array.from({ length: 20 }, (_, index) => ({ match: `/padding/${index}/*` }))

for (const padded of [false, true]) {
  const table = (...rules: Rules[]) => new RouteTable(routes(padded ? [...rules, ...padding] : rules))
  const find = (given: RouteTable<string>, raw: string, host?: string, method = 'GET') =>
    given.find(method, host, parseTarget(raw)!)

  describe(padded ? 'many entries' : 'a few entries', () => {
    it('the first in file order wins', () => {
      const given = table({ match: '/*.php' }, { match: '/a/*' }, { match: '/*' })
      assert.equal(find(given, '/a/x.php'), '/*.php||')
      assert.equal(find(given, '/a/x'), '/a/*||')
      assert.equal(find(given, '/b'), '/*||')
      const turned = table({ match: '/*' }, { match: '/*.php' })
      assert.equal(find(turned, '/x.php'), '/*||')
    })

    it('one of the patterns is enough, none is none', () => {
      const given = table({ match: '/*.jpg /*.png ^/img/' }, { match: '/a /b/**' })
      for (const raw of ['/x.jpg', '/x/y.PNG', '/img/x']) assert.equal(find(given, raw), '/*.jpg /*.png ^/img/||')
      for (const raw of ['/a', '/b', '/b/c']) assert.equal(find(given, raw), '/a /b/**||')
      for (const raw of ['/', '/c', '/a/b', '*']) assert.equal(find(given, raw), undefined)
    })

    it('hosts', () => {
      const given = table({ match: '/*', host: 'a.com *.b.com' }, { match: '/*', host: 'c.com' }, { match: '/x' })
      assert.equal(find(given, '/', 'A.com:8080'), '/*|a.com *.b.com|')
      assert.equal(find(given, '/', 'www.b.com.'), '/*|a.com *.b.com|')
      assert.equal(find(given, '/x', 'c.com'), '/*|c.com|')
      assert.equal(find(given, '/x', 'd.com'), '/x||')
      assert.equal(find(given, '/x'), '/x||')
      assert.equal(find(given, '/'), undefined)
      assert.equal(find(given, 'http://c.com/', 'a.com'), '/*|c.com|', 'the target goes before the header')
    })

    it('methods', () => {
      const given = table({ match: '/*', method: 'GET HEAD' }, { match: '/*', method: 'POST' })
      assert.equal(find(given, '/', undefined, 'HEAD'), '/*||GET HEAD')
      assert.equal(find(given, '/', undefined, 'POST'), '/*||POST')
      assert.equal(find(given, '/', undefined, 'PUT'), undefined)
    })

    it('refuses what would go elsewhere in another reading', () => {
      const given = table({ match: '/admin/*' }, { match: '/*.php' }, { match: '/*' })
      const refused = ['/x%2f..%2fadmin/y', '/admin/..%2fx', '/..%2fadmin/x', '/static\\..\\admin\\x', '/a%00.php']
      refused.push('/a.php%00', '/%2e%2e%5cadmin/x', '/admin/#/../../x', '/%61dmin/%zz', '/x/%c0%ae%c0%ae/admin/y')
      refused.push('/admin//../x', '/admin/%2e%2e%2fx')
      for (const raw of refused) assert.equal(find(given, raw), AMBIGUOUS, raw)
    })

    it('lets pass what goes to the same entry in every reading', () => {
      const given = table({ match: '/admin/*' }, { match: '/*' })
      const passed = ['/@scope%2fname', '/a\\b', '/..%2fadmin', '/../x', '/a%00', '/%zz', '/a#b', '/static\\..\\admin']
      for (const raw of passed) assert.equal(find(given, raw), '/*||', raw)
      assert.equal(find(given, '/admin/a%2fb'), '/admin/*||')
      assert.equal(find(given, '/admin/x/..;/y'), '/admin/*||')
    })

    it('refuses what another reading would not find at all', () => {
      assert.equal(find(table({ match: '/app/*' }), '/app/..%2fx'), AMBIGUOUS)
      assert.equal(find(table({ match: '/app/*' }), '/x%2fy'), undefined)
    })
  })
}

test('explain tells of each entry why', () => {
  const given = new RouteTable(
    routes([
      { match: '/*', host: 'a.com' },
      { match: '/*', method: 'POST' },
      { match: '/x' },
      { match: '/b /a/*' },
      { match: '/*' },
    ]),
  )
  const explained = given.explain('GET', 'B.com:80', parseTarget('/a//x')!)
  assert.equal(explained.found, '/b /a/*||')
  assert.equal(explained.host, 'b.com')
  assert.equal(explained.path, '/a/x')
  assert.deepEqual(
    explained.steps.map(({ matched, reason, pattern }) => [matched, reason, pattern]),
    [
      [false, 'host', undefined],
      [false, 'method', undefined],
      [false, 'path', undefined],
      [true, undefined, 1],
      [true, undefined, 0],
    ],
  )
  assert.equal(given.explain('GET', 'b.com', parseTarget('/a/x')!, true).steps.length, 4)
  const ambiguous = given.explain('GET', 'b.com', parseTarget('/a/..%2fc')!)
  assert.equal(ambiguous.found, AMBIGUOUS)
  assert.deepEqual(ambiguous.readings, [{ path: '/a/..%2fc', value: '/b /a/*||' }])
})

test('an empty table finds nothing', () => {
  assert.equal(new RouteTable([]).find('GET', 'a', parseTarget('/')!), undefined)
})

test('find is what a look at each entry in order finds', () => {
  const segment = fc.constantFrom('a', 'b', 'A', 'c.php', 'd.tar.gz', '.e', 'K')
  const plain = fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
  const pattern = fc.oneof(
    plain,
    plain.map((text) => `${text === '/' ? '' : text}/*`),
    plain.map((text) => `${text === '/' ? '' : text}/**`),
    fc
      .tuple(
        plain,
        fc.constantFrom('*.php', '[bK]*', '{b,**}', '{a,b/**}', '@(b|c)/*', '!(b)', '*/b', '?', '**/b', '+(a)'),
      )
      .map(([text, rest]) => `${text === '/' ? '' : text}/${rest}`),
    fc.constantFrom('/*.php', '*.gz', '/*.tar.gz', '/*', '*', '^/a', '^/.*\\.php$', '!/a/*', '/{a,b}/*', '/a*'),
  )
  const host = fc.constantFrom('a.com', 'b.com', '*.com', '*', 'a.*')
  const rule = fc.record({
    hosts: fc.array(host, { maxLength: 2 }).map((list) => list.map(compileHost)),
    methods: fc.oneof(fc.constant([]), fc.constantFrom(['GET'], ['POST', 'PUT'])),
    patterns: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((list) => list.map(compilePattern)),
  })
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'HEAD'),
    host: fc.constantFrom('a.com', 'B.com:80', 'c.org', undefined),
    path: fc.oneof(
      plain,
      plain.map((text) => `${text}/`),
      plain.map((text) => `${text}%2fa`),
    ),
  })
  const many = { minLength: 0, maxLength: 30, size: 'max' } as const
  fc.assert(
    fc.property(fc.array(rule, many), fc.array(request, { minLength: 5, maxLength: 5 }), (rules, requests) => {
      const table = new RouteTable(rules.map((each, value) => ({ ...each, value })))
      for (const { method, host, path } of requests) {
        const target = parseTarget(path)!
        const explained = table.explain(method, host, target)
        const first = explained.steps.find((step) => step.matched)?.value
        const expected = explained.readings.every((reading) => reading.value === first) ? first : AMBIGUOUS
        assert.equal(table.find(method, host, target), expected)
      }
    }),
    { numRuns: 500 },
  )
})
