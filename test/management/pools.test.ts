import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryControl } from '../support/control.js'
import { managed } from './support.js'

test('GET /pools tells balancer, check and traffic', async (t) => {
  const control = new MemoryControl({ 'a/b': ['10.0.0.1:80', '10.0.0.2:80'] })
  const api = await managed(t, {}, { control })
  const pool = control.pools.get('a/b')!
  pool.health = { path: '/up', interval: 5_000, timeout: 500, fails: 3, passes: 2, status: '200-299' }
  Object.assign(pool, { queued: 4, retries: 2 })
  control.record('a/b', '10.0.0.1:80', 200, 4)
  control.record('a/b', '10.0.0.1:80', 503, 4)
  control.record('a/b', '10.0.0.2:80', 0, 4)
  const { status, json } = await api.call('GET', '/pools')
  assert.equal(status, 200)
  assert.deepEqual(json.pools, [
    {
      name: 'a/b',
      balancer: 'Round-Robin',
      health: { path: '/up', interval: 5, timeout: 0.5, fails: 3, passes: 2, status: '200-299' },
      queued: 4,
      requests: { '1xx': 0, '2xx': 1, '3xx': 0, '4xx': 0, '5xx': 1, none: 1 },
      retries: 2,
      latency: { p50: 3.41, p90: 3.88, p99: 3.99, mean: 4 },
      servers: ['http://10.0.0.1:80', 'http://10.0.0.2:80'],
      links: { self: '/pools/a%2Fb' },
    },
  ])
  assert.deepEqual((await api.call('GET', '/pools/a%2Fb')).json, json.pools[0])
})

test('a check as it is read can be sent back', async (t) => {
  const api = await managed(t)
  const set = await api.call('PATCH', '/pools/web', {
    body: { health: { path: '/up', interval: '1500ms', status: ['200-204', 301] } },
  })
  assert.deepEqual(set.json.health, {
    path: '/up',
    interval: 1.5,
    timeout: 2,
    fails: 3,
    passes: 2,
    status: '200-204 301',
  })
  const back = await api.call('PATCH', '/pools/web', { body: { health: set.json.health } })
  assert.deepEqual([back.status, back.json.health], [200, set.json.health])
})

test('PATCH /pools/:name changes the balancer', async (t) => {
  const api = await managed(t)
  const { status, json } = await api.call('PATCH', '/pools/web', { body: { balancer: 'Least-Connections' } })
  assert.deepEqual([status, json.name, json.balancer], [200, 'web', 'Least-Connections'])
  assert.deepEqual(api.control.applied, [
    { kind: 'pool', pool: 'web', loadBalance: 'Least-Connections', health: undefined },
  ])
})

test('PATCH /pools/:name switches the check off', async (t) => {
  for (const health of [null, { path: false }]) {
    const api = await managed(t)
    await api.call('PATCH', '/pools/web', { body: { health: { path: '/up' } } })
    const { status, json } = await api.call('PATCH', '/pools/web', { body: { health } })
    assert.deepEqual([status, json.health], [200, null])
    assert.deepEqual(api.control.applied.at(-1), {
      kind: 'pool',
      pool: 'web',
      loadBalance: undefined,
      health: { path: false },
    })
  }
})

test('PATCH /pools/:name refuses what makes no sense', async (t) => {
  const api = await managed(t)
  const cases: [path: string, body: object, status: number, code: string, message: RegExp][] = [
    ['/pools/wbe', { balancer: 'Random' }, 404, 'not_found', /unknown pool "wbe"; did you mean "web"\?/],
    ['/pools/web', { balancer: 'Round-Robbin' }, 400, 'invalid', /did you mean "Round-Robin"\?/],
    [
      '/pools/web',
      { health: { path: 'up' } },
      400,
      'bad_body',
      /"health\.path" has to be text: a path that begins with \/, not "up"/,
    ],
    ['/pools/web', { health: { path: true } }, 400, 'bad_body', /"health\.path" has to be false, not true/],
    [
      '/pools/web',
      { health: { intervall: 1 } },
      400,
      'bad_body',
      /unknown key "health\.intervall"; did you mean "health\.interval"\?/,
    ],
    [
      '/pools/web',
      { health: { interval: 'soon' } },
      400,
      'bad_body',
      /"health\.interval" has to be text: seconds, or a number with/,
    ],
    [
      '/pools/web',
      { health: { fails: 0 } },
      400,
      'bad_body',
      /"health\.fails" has to be a whole number of at least 1, not 0/,
    ],
    ['/pools/web', { health: 'off' }, 400, 'bad_body', /"health" has to be an object or null, not "off"/],
    ['/pools/web', {}, 400, 'bad_body', /nothing to change; known keys: balancer, health/],
  ]
  for (const [path, body, status, code, message] of cases) {
    const answer = await api.call('PATCH', path, { body })
    assert.deepEqual([answer.status, answer.json.error.code], [status, code], JSON.stringify(body))
    assert.match(answer.json.error.message, message)
  }
  assert.deepEqual(api.control.applied, [])
})
