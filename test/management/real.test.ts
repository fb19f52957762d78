/** What the examples show is what a proxy that runs answers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calls } from '#lib/management/api.js'
import * as examples from '#lib/management/examples.js'
import { problemOf, type Schema } from '#lib/management/schema.js'
import { MemoryControl } from '../support/control.js'
import { realControl } from './real-control.js'
import { type Json, managed, managing } from './support.js'

const serverList = ['10.0.0.1:80', '10.0.0.2:80']
const file = `[PROXY_ENTRY web]\nMatch /*\nServerList ${serverList.join(' ')}\n`

/** Every key, with those of what it holds. */
function keysOf(value: Json): unknown {
  if (Array.isArray(value)) return value.map(keysOf)
  if (typeof value !== 'object' || value === null) return 'value'
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, keysOf(each)]))
}

/** The fields that name a server. */
function named({ id, url, ip, port, pool, links }: Json): Json {
  return { id, url, ip, port, pool, self: links?.self }
}

test('the examples name servers as a proxy does, and have its keys', async (t) => {
  const api = await managing(t, realControl(t, file))
  const [shown] = (examples.serverList as Json).servers
  const [server] = (await api.call('GET', '/servers')).json.servers
  assert.deepEqual(named(server), named(shown))
  // A server that never was checked has null where the example has a check.
  assert.deepEqual(keysOf(server), keysOf({ ...shown, lastCheck: null }))
  const [detail] = (await api.call('GET', '/stats/detail')).json
  assert.deepEqual(named(detail), named((examples.serverStats as Json)[0]))
  assert.deepEqual(keysOf(detail), keysOf((examples.serverStats as Json)[0]))
  const pool = (await api.call('GET', '/pools/web')).json
  assert.deepEqual(pool.servers, (examples.pool as Json).servers)
  assert.deepEqual(keysOf(pool), keysOf({ ...(examples.pool as Json), health: null }))
  assert.equal((await api.call('GET', '/config')).text, examples.configuration)
  const event = JSON.parse(/^data: (.*)$/m.exec(String(examples.events))?.[1] ?? '')
  assert.equal(event.server, server.id)
})

test('ids have one form, however an address was written', async (t) => {
  const written = ['http://a', 'b', 'https://C', 'https://[::1]:8443', 'unix:///run/app.sock*3']
  const expected = ['http://a:80', 'http://b:80', 'https://c:443', 'https://[::1]:8443', 'unix:/run/app.sock']
  const real = await managing(t, realControl(t, `[PROXY_ENTRY web]\nMatch /*\nServerList ${written.join(' ')}\n`))
  const memory = await managed(t, {}, { control: new MemoryControl({ web: written }) })
  for (const path of ['/servers', '/stats/detail', '/pools']) {
    assert.deepEqual((await memory.call('GET', path)).json, (await real.call('GET', path)).json, path)
  }
  const { servers } = (await real.call('GET', '/servers')).json
  assert.deepEqual(
    servers.map(({ id, url }: Json) => [id, url]),
    expected.map((id) => [id, id]),
  )
  const detail = (await real.call('GET', '/stats/detail')).json
  assert.deepEqual(
    detail.map(({ ip, port }: Json) => [ip, port]),
    [
      ['a', 80],
      ['b', 80],
      ['c', 443],
      ['::1', 8443],
      ['', 0],
    ],
  )
})

test('a proxy answers in the shapes of the document', async (t) => {
  const control = realControl(t, file)
  const api = await managing(t, control)
  await control.change({ kind: 'server', server: 'http://10.0.0.1:80', state: 'disabled' })
  for (const path of ['/servers', '/servers/10.0.0.1/80', '/stats', '/stats/detail', '/pools', '/pools/web']) {
    const route = calls.find((each) => each.method === 'GET' && patternOf(each.path).test(path))
    const schema = route?.endings[200]?.schema as Schema
    assert.equal(problemOf(schema, (await api.call('GET', path)).json), undefined, path)
  }
})

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}

test('GET /config begins with what is not in it', async (t) => {
  const api = await managing(t, realControl(t, file))
  const before = (await api.call('GET', '/config')).text
  assert.equal(before, `# As it was read; changes made through the API are not in it.\n${file}`)
  await api.call('POST', '/servers', { body: { url: '10.0.0.3:80' } })
  assert.equal((await api.call('GET', '/config')).text, before)
})
