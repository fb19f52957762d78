import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '#lib/config/diagnostics.js'
import { ChangeError } from '#lib/forward/control.js'
import { MemoryControl } from '../support/control.js'
import { managed } from './support.js'

test('GET / tells what there is, and its links lead somewhere', async (t) => {
  const metrics = async () => ({ contentType: 'text/plain', body: 'm 1\n' })
  const assets = () => ({ contentType: 'text/html', body: 'page' })
  const api = await managed(t, {}, { metrics, assets })
  const { status, json } = await api.call('GET', '/')
  assert.equal(status, 200)
  assert.deepEqual(json.about, {
    name: 'pointsman',
    version: '1.0.0',
    description: 'Management of a running reverse proxy',
  })
  assert.deepEqual(json.links, {
    servers: '/servers',
    pools: '/pools',
    stats: '/stats',
    statsDetail: '/stats/detail',
    metrics: '/metrics',
    events: '/events',
    reload: '/reload',
    config: '/config',
    healthz: '/healthz',
    readyz: '/readyz',
    dashboard: '/dashboard',
    openapi: '/openapi.json',
  })
  for (const path of Object.values<string>(json.links)) {
    assert.equal((await api.call('HEAD', path)).status, path === '/reload' ? 405 : 200, path)
  }
})

test('GET / does not link to parts that are missing', async (t) => {
  const api = await managed(t)
  const { json } = await api.call('GET', '/')
  assert.deepEqual([json.links.metrics, json.links.dashboard], [undefined, undefined])
  assert.equal((await api.call('GET', '/metrics')).json.error.code, 'not_found')
  assert.equal((await api.call('GET', '/dashboard')).json.error.code, 'not_found')
})

test('GET /metrics passes on what the metrics part says', async (t) => {
  const metrics = async () => ({ contentType: 'text/plain; version=0.0.4', body: 'm{a="ü"} 1\n' })
  const api = await managed(t, {}, { metrics })
  const { status, headers, text } = await api.call('GET', '/metrics')
  assert.deepEqual([status, headers['content-type'], text], [200, 'text/plain; version=0.0.4', 'm{a="ü"} 1\n'])
})

test('GET /stats', async (t) => {
  const api = await managed(t)
  api.control.record('web', '10.0.0.1:80', 200, 5)
  api.control.record('web', '10.0.0.2:80', 503, 5)
  const { json } = await api.call('GET', '/stats')
  assert.deepEqual(json, { client: { success: 1, failed: 1 }, server: { success: 1, failed: 1 } })
})

test('GET /stats/detail', async (t) => {
  const api = await managed(t, {}, { control: new MemoryControl({ web: ['10.0.0.1:80', 'unix:/run/a.sock'] }) })
  api.control.record('web', '10.0.0.1:80', 200, 4)
  api.control.record('web', '10.0.0.1:80', 500, 4)
  api.control.at('web', '10.0.0.1:80').connections = 3
  const { json } = await api.call('GET', '/stats/detail')
  assert.deepEqual(json, [
    {
      id: 'http://10.0.0.1:80',
      ip: '10.0.0.1',
      port: 80,
      pool: 'web',
      state: 'up',
      success: 1,
      failed: 1,
      connections: 3,
      latency: { p50: 3.41, p90: 3.88, p99: 3.99, mean: 4 },
    },
    {
      id: 'unix:/run/a.sock',
      ip: '',
      port: 0,
      pool: 'web',
      state: 'up',
      success: 0,
      failed: 0,
      connections: 0,
      latency: { p50: null, p90: null, p99: null, mean: null },
    },
  ])
})

test('GET /config is the text of the file', async (t) => {
  const api = await managed(t)
  const note = '# As it was read; changes made through the API are not in it.\n'
  const { headers, text } = await api.call('GET', '/config')
  assert.deepEqual([headers['content-type'], text], ['text/plain; charset=utf-8', `${note}${api.control.text}`])
})

test('POST /reload', async (t) => {
  const api = await managed(t)
  const { status, json } = await api.call('POST', '/reload')
  assert.deepEqual([status, json, api.control.reloads], [200, { reloaded: true }, 1])
  assert.deepEqual(api.log, ['management: POST /reload by 127.0.0.1'])
})

test('POST /reload of a bad file lists every problem', async (t) => {
  const api = await managed(t)
  const section = '[PROXY_ENTRY web]'
  api.control.reloadError = new ConfigError([
    { place: { file: 'proxy.conf', line: 3, column: 12 }, section, message: 'unknown balancer "X"' },
    { place: { path: 'entries[0].match' }, section: '', message: 'missing' },
  ])
  const { status, json } = await api.call('POST', '/reload')
  assert.equal(status, 400)
  assert.deepEqual(json.error, {
    code: 'bad_configuration',
    message: 'proxy.conf:3:12: [PROXY_ENTRY web] unknown balancer "X"\nentries[0].match: missing',
    diagnostics: [
      { file: 'proxy.conf', line: 3, column: 12, section, message: 'unknown balancer "X"' },
      { path: 'entries[0].match', section: '', message: 'missing' },
    ],
  })
  assert.deepEqual(api.log, [])
})

test('POST /reload where there is no file', async (t) => {
  const api = await managed(t)
  api.control.reloadError = new ChangeError('invalid', 'there is no file')
  const { status, json } = await api.call('POST', '/reload')
  assert.deepEqual([status, json.error], [400, { code: 'invalid', message: 'there is no file' }])
})

test('probes', async (t) => {
  const api = await managed(t)
  assert.deepEqual((await api.call('GET', '/healthz')).json, { status: 'ok' })
  assert.deepEqual((await api.call('GET', '/readyz')).json, { ready: true })
  api.control.ready = false
  assert.equal((await api.call('GET', '/healthz')).status, 200)
  const { status, json } = await api.call('GET', '/readyz')
  assert.deepEqual([status, json.error.code], [503, 'not_ready'])
})

test('/readyz tells whether the registry is connected, and nothing more of it', async (t) => {
  const api = await managed(t, { token: 'secret' })
  const registry = { url: 'etcd://10.0.0.9:2379/p', connected: true, reason: '', since: 0 }
  api.control.registry = registry
  assert.deepEqual((await api.call('GET', '/readyz')).json, { ready: true, registry: 'connected' })
  api.control.registry = { ...registry, connected: false, reason: 'connect ECONNREFUSED 10.0.0.9:2379' }
  const { status, json } = await api.call('GET', '/readyz')
  assert.deepEqual([status, json], [200, { ready: true, registry: 'disconnected' }])
  api.control.snapshotError = new Error('a process hangs')
  assert.deepEqual((await api.call('GET', '/readyz')).json, { ready: true })
})
