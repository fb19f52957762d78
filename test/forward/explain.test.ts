import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProxy } from '#lib/create.js'
import { ManualClock } from '../support/clock.js'
import { request, startRig } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'

test('why a request goes where it goes', () => {
  const proxy = createProxy(
    {
      entries: [
        { name: 'api', match: '/api/*', method: 'POST', serverList: '10.0.0.1:80' },
        {
          name: 'site',
          match: ['*.php', '/shop/*'],
          host: '*.test',
          serverList: '10.0.0.2*3 10.0.0.3',
          stripPrefix: '/shop',
          preserveHost: false,
        },
      ],
    },
    { logger: false },
  )
  const explained = proxy.explain({
    url: '/shop//a%20b?x',
    headers: { Host: 'a.test:81', 'X-Forwarded-For': '6.6.6.6' },
  })
  assert.equal(explained.outcome, 'entry')
  assert.deepEqual([explained.method, explained.host, explained.path], ['GET', 'a.test', '/shop/a b'])
  assert.deepEqual(
    explained.entries.map(({ name, matched, reason, pattern }) => [name, matched, reason, pattern?.text]),
    [
      ['api', false, 'method', undefined],
      ['site', true, undefined, '/shop/*'],
    ],
  )
  assert.deepEqual(
    explained.servers.map(({ url, weight, standing }) => [url, weight, standing]),
    [
      ['http://10.0.0.2:80', 3, 'eligible'],
      ['http://10.0.0.3:80', 1, 'eligible'],
    ],
  )
  assert.ok(Math.abs(explained.servers[0]!.odds - 0.75) < 0.001)
  assert.equal(explained.sent?.target, '//a%20b?x')
  const headers = new Map(explained.sent?.headers)
  assert.equal(headers.get('Host'), '10.0.0.2')
  assert.equal(headers.get('X-Forwarded-For'), '127.0.0.1')
  assert.equal(proxy.explain({ url: '/x', headers: { Host: 'b.example' } }).outcome, 'none')
  assert.equal(proxy.explain({ url: 'nonsense' }).outcome, 'malformed')
  assert.equal(proxy.explain({ method: 'post', url: '/api%2fx' }).outcome, 'ambiguous')
  assert.equal(proxy.explain({ url: 'http://z.test/a.php' }).outcome, 'entry')
})

test('asking takes no turn', async (t) => {
  const servers = await Promise.all(['a', 'b'].map((name) => httpServer(t, (_, res) => res.end(name))))
  const rig = await startRig(t, 'http1', { serverList: servers.map(({ url }) => url) }, { clock: new ManualClock() })
  const bodies = []
  for (let i = 0; i < 4; i++) {
    rig.proxy.explain({ url: '/' })
    bodies.push((await request({ port: rig.port, path: '/' })).body)
  }
  assert.deepEqual(bodies, ['a', 'b', 'a', 'b'])
})

test('a request whose framing is refused is malformed', () => {
  const proxy = createProxy({ entries: [{ match: '/*', serverList: '10.0.0.1:80' }] }, { logger: false })
  const { outcome } = proxy.explain({ url: '/', headers: { 'Content-Length': 'x' } })
  assert.equal(outcome, 'malformed')
})
