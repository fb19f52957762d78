import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeError } from '#lib/forward/control.js'
import { MemoryControl } from '../support/control.js'
import { type Json, managed } from './support.js'

function ids(json: { servers: { id: string }[] }): string[] {
  return json.servers.map(({ id }) => id)
}

test('GET /servers lists the servers of all pools', async (t) => {
  const control = new MemoryControl({ web: ['10.0.0.1:80*3'], 'my api': ['https://[::1]', 'unix:/run/a&b.sock'] })
  const api = await managed(t, {}, { control })
  const server = control.at('web', '10.0.0.1:80')
  Object.assign(server, { connections: 2, consecutiveFailures: 1, offlineUntil: Date.UTC(2024, 0, 1, 0, 1) })
  server.lastCheck = { at: Date.UTC(2024, 0, 1), passed: false, result: '503', duration: 12.3456 }
  control.setState('web', '10.0.0.1:80', 'offline', 'connection refused', Date.UTC(2024, 0, 1))
  const { status, headers, json } = await api.call('GET', '/servers')
  assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, 'application/json', 'no-store'])
  assert.deepEqual(json.servers[0], {
    id: 'http://10.0.0.1:80',
    url: 'http://10.0.0.1:80',
    pool: 'web',
    state: 'offline',
    reason: 'connection refused',
    since: '2024-01-01T00:00:00.000Z',
    weight: 3,
    backup: false,
    source: null,
    connections: 2,
    consecutiveFailures: 1,
    offlineUntil: '2024-01-01T00:01:00.000Z',
    lastCheck: { at: '2024-01-01T00:00:00.000Z', passed: false, result: '503', duration: 12.35 },
    links: { self: '/servers/10.0.0.1/80?pool=web' },
  })
  assert.deepEqual(
    json.servers.slice(1).map((each: Json) => [each.since, each.lastCheck, each.links.self]),
    [
      [null, null, '/servers/%3A%3A1/443?pool=my%20api'],
      [null, null, '/servers/unix/%2Frun%2Fa%26b.sock?pool=my%20api'],
    ],
  )
})

test('the link of each server leads to it', async (t) => {
  const urls = ['10.0.0.1:80', 'https://10.0.0.1:80', 'https://[2001:db8::1]:8443', 'unix:/run/app.sock', 'host:80']
  const control = new MemoryControl({ 'a & b': urls, other: ['10.0.0.1:80'] })
  const api = await managed(t, {}, { control })
  const { json } = await api.call('GET', '/servers')
  assert.equal(json.servers.length, 6)
  for (const server of json.servers) {
    assert.deepEqual((await api.call('GET', server.links.self)).json.servers, [server], server.links.self)
  }
})

test('the host of a path may be written in any way', async (t) => {
  const control = new MemoryControl({ web: ['[2001:db8::1]:80', 'example.com:80'] })
  const api = await managed(t, {}, { control })
  for (const path of ['2001:db8::1/80', '[2001:DB8::1]/80', '2001:db8:0:0::1/80', '%5B2001:db8::1%5D/80']) {
    assert.deepEqual(ids((await api.call('GET', `/servers/${path}`)).json), ['http://[2001:db8::1]:80'], path)
  }
  assert.equal((await api.call('GET', '/servers/EXAMPLE.com/80')).status, 200)
})

test('POST /servers adds: 201, the list, and where it is', async (t) => {
  const api = await managed(t)
  const body = { url: '10.0.0.3:80', weight: 2, backup: true, health: { path: '/health', interval: '5s', timeout: 1 } }
  const { status, headers, json } = await api.call('POST', '/servers', { body })
  assert.deepEqual([status, headers.location], [201, '/servers/10.0.0.3/80?pool=web'])
  assert.deepEqual(ids(json), ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80'])
  assert.deepEqual([json.servers[2].weight, json.servers[2].backup], [2, true])
  assert.deepEqual(api.control.applied, [{ kind: 'add', pool: undefined, ...body }])
  assert.deepEqual(api.log, ['management: POST /servers by 127.0.0.1'])
})

test('POST /servers of what is there: 200 and the list, no Location', async (t) => {
  const api = await managed(t)
  const { status, headers, json } = await api.call('POST', '/servers', { body: { url: 'http://10.0.0.1' } })
  assert.deepEqual([status, headers.location], [200, undefined])
  assert.deepEqual(ids(json), ['http://10.0.0.1:80', 'http://10.0.0.2:80'])
})

test('POST /servers of what somebody else has just added: 200', async (t) => {
  const control = new MemoryControl()
  const change = control.change.bind(control)
  control.change = async (wanted) => {
    await change(wanted)
    return change(wanted)
  }
  const api = await managed(t, {}, { control })
  assert.equal((await api.call('POST', '/servers', { body: { url: '10.0.0.3:80' } })).status, 200)
})

test('POST /servers takes JSON whatever its content type', async (t) => {
  const api = await managed(t)
  for (const [i, type] of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data', ''].entries()) {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
    const { status } = await api.call('POST', '/servers', { headers, body: { url: `10.0.1.${i}:80` } })
    assert.equal(status, 201, type)
  }
})

test('POST /servers: a check that is null is none', async (t) => {
  const api = await managed(t)
  await api.call('POST', '/servers', { body: { url: 'a:1', health: null } })
  assert.deepEqual(api.control.at('web', 'a:1').health, { path: false })
})

test('POST /servers names the pool where there are several', async (t) => {
  const api = await managed(t, {}, { control: new MemoryControl({ web: [], api: [] }) })
  const post = async (body: object): Promise<unknown[]> => {
    const { status, json } = await api.call('POST', '/servers', { body })
    return [status, json.error?.code, json.error?.message]
  }
  assert.deepEqual(await post({ url: 'a:1' }), [
    400,
    'unknown_pool',
    '"pool" is missing: the name of the pool, one of web, api',
  ])
  assert.deepEqual(await post({ url: 'a:1', pool: 'wbe' }), [
    400,
    'unknown_pool',
    '"pool": unknown pool "wbe"; did you mean "web"?',
  ])
  assert.deepEqual(api.control.applied, [])
  assert.deepEqual(await post({ url: 'a:1', pool: 'api' }), [201, undefined, undefined])
  api.control.pools.clear()
  assert.match(String((await post({ url: 'a:1' }))[2]), /but there is none/)
})

test('POST /servers: what the proxy refuses is 400 with its reason', async (t) => {
  const api = await managed(t)
  for (const [body, reason] of [
    [{ url: 'ftp://a' }, /unknown scheme "ftp"/],
    [{ url: 'a:99999' }, /bad port "99999"/],
    [{ url: 'a b' }, /contains a space/],
    [{ url: 'a', health: { interval: 0 } }, /too short/],
  ] as const) {
    const { status, json } = await api.call('POST', '/servers', { body })
    assert.deepEqual([status, json.error.code], [400, 'invalid'])
    assert.match(json.error.message, reason)
  }
  assert.equal(api.control.pools.get('web')!.servers.length, 2)
})

test('POST /servers: a pool that goes meanwhile is the fault of the body too', async (t) => {
  const control = new MemoryControl()
  const change = control.change.bind(control)
  control.change = (wanted) => {
    control.pools.clear()
    return change(wanted)
  }
  const api = await managed(t, {}, { control })
  const { status, json } = await api.call('POST', '/servers', { body: { url: 'a:1', pool: 'web' } })
  assert.deepEqual([status, json.error.code], [400, 'unknown_pool'])
})

test('DELETE removes, from the pool that is named or from all', async (t) => {
  const control = new MemoryControl({ web: ['a:80', 'b:80'], api: ['a:80'], old: ['a:80'] })
  const api = await managed(t, {}, { control })
  const one = await api.call('DELETE', '/servers/a/80?pool=old')
  assert.equal(one.status, 200)
  assert.deepEqual(
    one.json.removed.map((each: Json) => [each.pool, each.id, each.state]),
    [['old', 'http://a:80', 'up']],
  )
  const rest = await api.call('DELETE', '/servers/a/80')
  assert.deepEqual(
    rest.json.removed.map((each: Json) => each.pool),
    ['web', 'api'],
  )
  assert.equal((await api.call('DELETE', '/servers/a/80')).status, 404)
  assert.deepEqual(ids((await api.call('GET', '/servers')).json), ['http://b:80'])
})

test('DELETE ?drain= is seconds, or a duration', async (t) => {
  const api = await managed(t, {}, { control: new MemoryControl({ web: ['a', 'b', 'c', 'd', 'e'] }) })
  const cases: [host: string, drain: string, expected: number | undefined][] = [
    ['a', '?drain=30', 30_000],
    ['b', '?drain=500ms', 500],
    ['c', '?pool=web&drain=2m', 120_000],
    ['d', '?drain=0', 0],
    ['e', '', undefined],
  ]
  for (const [host, query, expected] of cases) {
    assert.equal((await api.call('DELETE', `/servers/${host}/80${query}`)).status, 200)
    const change = api.control.applied.at(-1)!
    assert.equal(change.kind === 'remove' ? change.drain : 'no removal', expected)
  }
})

test('DELETE with a query that is not understood removes nothing', async (t) => {
  const api = await managed(t)
  const cases: [query: string, message: RegExp][] = [
    ['drain=soon', /^drain: "soon" is not a duration/],
    ['drain=-1', /^drain: /],
    ['drain=', /^drain: /],
    ['drian=30', /unknown parameter "drian"; did you mean "drain"\?/],
    ['drain=1&drain=2', /"drain" stands twice/],
    ['pool=web&__proto__=1', /unknown parameter "__proto__"/],
  ]
  for (const [query, message] of cases) {
    const { status, json } = await api.call('DELETE', `/servers/10.0.0.1/80?${query}`)
    assert.deepEqual([status, json.error.code], [400, 'bad_query'], query)
    assert.match(json.error.message, message)
  }
  assert.deepEqual(api.control.applied, [])
})

test('PATCH changes weight, state and check', async (t) => {
  const api = await managed(t)
  const { status, json } = await api.call('PATCH', '/servers/10.0.0.2/80?pool=web', {
    body: { weight: 5, state: 'draining', health: { path: '/up' } },
  })
  assert.equal(status, 200)
  assert.deepEqual(
    json.servers.map((each: Json) => [each.id, each.weight, each.state, each.reason]),
    [['http://10.0.0.2:80', 5, 'draining', 'by request']],
  )
  assert.deepEqual(api.control.applied, [
    {
      kind: 'server',
      pool: 'web',
      server: 'http://10.0.0.2:80',
      weight: 5,
      state: 'draining',
      health: { path: '/up' },
    },
  ])
  await api.call('PATCH', '/servers/10.0.0.2/80', { body: { state: 'up', health: null } })
  assert.deepEqual(
    [api.control.at('web', '10.0.0.2:80').state, api.control.at('web', '10.0.0.2:80').health],
    ['up', { path: false }],
  )
})

test('PATCH without a pool changes the server in each, and answers with each', async (t) => {
  const api = await managed(t, {}, { control: new MemoryControl({ web: ['a'], api: ['b', 'a'] }) })
  const { json } = await api.call('PATCH', '/servers/a/80', { body: { weight: 7 } })
  assert.deepEqual(
    json.servers.map((each: Json) => [each.pool, each.id, each.weight]),
    [
      ['web', 'http://a:80', 7],
      ['api', 'http://a:80', 7],
    ],
  )
})

test('a server is told by its scheme where host and port do not tell it', async (t) => {
  const api = await managed(
    t,
    {},
    { control: new MemoryControl({ web: ['a:80', 'https://a:80'], tls: ['https://b'] }) },
  )
  const { status, json } = await api.call('DELETE', '/servers/a/80')
  assert.deepEqual([status, json.error.code], [400, 'ambiguous'])
  assert.equal(json.error.message, 'a:80 is http://a:80 and https://a:80; add ?id= to say which')
  assert.deepEqual(api.control.applied, [])
  const one = await api.call('DELETE', `/servers/a/80?id=${encodeURIComponent('https://a:80')}`)
  assert.deepEqual(
    one.json.removed.map((each: Json) => each.id),
    ['https://a:80'],
  )
  assert.equal((await api.call('DELETE', '/servers/b/443')).json.removed[0].id, 'https://b:443')
})

test('what is not there is 404, with the way out', async (t) => {
  const api = await managed(t)
  const cases: [path: string, message: string][] = [
    ['/servers/10.0.0.9/80', 'no pool has the server 10.0.0.9:80; did you mean 10.0.0.1:80?'],
    ['/servers/elsewhere/80', 'no pool has the server elsewhere:80; GET /servers lists what there is'],
    ['/servers/10.0.0.1/80?pool=wbe', 'unknown pool "wbe"; did you mean "web"?'],
    [
      '/servers/unix/%2Frun%2Fx.sock?pool=web',
      'the pool "web" does not have the server unix:/run/x.sock; GET /servers lists what there is',
    ],
    ['/servers/10.0.0.1/http', 'no pool has the server 10.0.0.1:http; did you mean 10.0.0.1:80?'],
  ]
  for (const [path, message] of cases) {
    for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { weight: 1 }]] as const) {
      const { status, json } = await api.call(method, path, { body })
      assert.deepEqual([status, json.error], [404, { code: 'not_found', message }], `${method} ${path}`)
    }
  }
  assert.deepEqual(api.control.applied, [])
})

test('a lease is passed on where pools are shared, and refused elsewhere', async (t) => {
  const api = await managed(t)
  const body = { url: '10.0.0.3:80', lease: 30 }
  const refused = await api.call('POST', '/servers', { body })
  assert.deepEqual([refused.status, refused.json.error.code], [400, 'invalid'])
  assert.match(refused.json.error.message, /Registry in \[CLUSTER\]/)
  api.control.registry = { url: 'etcd://h:2379/p', connected: true, reason: '', since: 0 }
  assert.equal((await api.call('POST', '/servers', { body })).status, 201)
  const [change] = api.control.applied
  assert.equal(change?.kind === 'add' && change.lease, 30)
  assert.equal((await api.call('POST', '/servers', { body: { ...body, lease: 1 } })).json.error.code, 'bad_body')
})

test('changes are answered with 503 while the registry is out of reach', async (t) => {
  const api = await managed(t)
  api.control.changeError = new ChangeError('unavailable', 'the registry is out of reach: connect ECONNREFUSED')
  for (const [method, path, body] of [
    ['POST', '/servers', { url: '10.0.0.3:80' }],
    ['PATCH', '/servers/10.0.0.1/80', { weight: 2 }],
    ['DELETE', '/servers/10.0.0.1/80', undefined],
    ['PATCH', '/pools/web', { balancer: 'Naive' }],
  ] as const) {
    const { status, json } = await api.call(method, path, { body })
    assert.deepEqual([status, json.error.code], [503, 'unavailable'], method)
    assert.match(json.error.message, /out of reach/)
  }
})
