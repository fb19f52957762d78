import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Wire } from '../support/wire.js'
import { managed } from './support.js'

test('bodies that are no JSON, or not what was asked for: 400, and nothing changed', async (t) => {
  const api = await managed(t)
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  const cases: [body: string | Buffer, code: string, message: RegExp][] = [
    ['', 'bad_json', /the body is empty/],
    ['{"url": "a:1"', 'bad_json', /the body is not JSON: /],
    ['url=a:1', 'bad_json', /the body is not JSON: /],
    [Buffer.from('{"url": "a\xff"}', 'latin1'), 'bad_json', /the body is not UTF-8/],
    ['null', 'bad_body', /the body has to be an object, not null/],
    ['[]', 'bad_body', /the body has to be an object, not a list/],
    [deep, 'bad_body', /the body has to be an object, not a list/],
    ['"a:1"', 'bad_body', /the body has to be an object, not "a:1"/],
    ['{}', 'bad_body', /"url" is missing: text/],
    ['{"url": 1}', 'bad_body', /"url" has to be text, not 1/],
    ['{"url": ""}', 'bad_body', /"url" has to be text, not ""/],
    ['{"url": "a:1", "weight": "2"}', 'bad_body', /"weight" has to be a whole number from 1 to 1000, not "2"/],
    ['{"url": "a:1", "weight": 1.5}', 'bad_body', /"weight" has to be a whole number from 1 to 1000, not 1\.5/],
    ['{"url": "a:1", "weight": 0}', 'bad_body', /"weight" has to be a whole number from 1 to 1000, not 0/],
    ['{"url": "a:1", "weight": 1001}', 'bad_body', /"weight" has to be a whole number from 1 to 1000, not 1001/],
    ['{"url": "a:1", "backup": "yes"}', 'bad_body', /"backup" has to be true or false, not "yes"/],
    ['{"url": "a:1", "pool": null}', 'bad_body', /"pool" has to be text, not null/],
    ['{"url": "a:1", "wieght": 2}', 'bad_body', /unknown key "wieght"; did you mean "weight"\?/],
    ['{"url": "a:1", "colour": 2}', 'bad_body', /unknown key "colour"; known: url, pool, weight, backup, health/],
    ['{"url": "a:1", "__proto__": {"weight": 2}}', 'bad_body', /unknown key "__proto__"/],
    ['{"url": "a:1", "constructor": 1}', 'bad_body', /unknown key "constructor"/],
    ['{"url": "a:1", "health": {"status": [99]}}', 'bad_body', /"health\.status\[0\]" has to be/],
  ]
  for (const [body, code, message] of cases) {
    const { status, json } = await api.call('POST', '/servers', { body })
    assert.deepEqual([status, json.error.code], [400, code], String(body).slice(0, 80))
    assert.match(json.error.message, message)
    assert.ok(json.error.message.length < 300)
  }
  assert.deepEqual(api.control.applied, [])
})

test('the state of a server is one that can be wished for', async (t) => {
  const api = await managed(t)
  for (const state of ['offline', 'down', 'UP', '', 1]) {
    const { status, json } = await api.call('PATCH', '/servers/10.0.0.1/80', { body: { state } })
    assert.deepEqual([status, json.error.code], [400, 'bad_body'])
    assert.match(json.error.message, /^"state" has to be "up", "draining" or "disabled", not /)
  }
  assert.deepEqual(api.control.applied, [])
})

test('a body of 64 KiB is taken, one of a byte more is 413', async (t) => {
  const api = await managed(t)
  const body = (size: number): string => JSON.stringify({ url: 'a:1' }).padEnd(size)
  assert.equal((await api.call('POST', '/servers', { body: body(65_536) })).status, 201)
  const { status, json } = await api.call('POST', '/servers', { body: body(65_537) })
  assert.deepEqual([status, json.error.code], [413, 'body_too_large'])
  assert.equal(api.control.applied.length, 1)
})

test('an over-long body in chunks is 413 before it ends, and the connection goes on', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write('POST /servers HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  wire.write(`10001\r\n${' '.repeat(0x10001)}\r\n`)
  const { status, text } = await wire.message()
  assert.deepEqual([status, JSON.parse(text).error.code], [413, 'body_too_large'])
  wire.write(`10\r\n${' '.repeat(16)}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  assert.equal((await wire.message()).status, 200)
  assert.deepEqual(api.control.applied, [])
  wire.destroy()
})

test('an over-long body that says so is 413 at once', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write('POST /servers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n')
  assert.equal((await wire.message()).status, 413)
  wire.destroy()
})

test('a body that breaks off changes nothing', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write('POST /servers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{"url":"a:1"}')
  wire.end()
  const { status, text } = await wire.message()
  assert.deepEqual([status, JSON.parse(text).error.code], [400, 'bad_request'])
  assert.deepEqual(api.control.applied, [])
})

test('a compressed body is refused', async (t) => {
  const api = await managed(t)
  const headers = { 'content-encoding': 'gzip' }
  const { status, json } = await api.call('POST', '/servers', { headers, body: { url: 'a:1' } })
  assert.deepEqual([status, json.error.code], [415, 'unsupported_encoding'])
})

test('Expect: 100-continue is answered, anything else there is 417', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write('POST /servers HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n')
  assert.equal((await wire.head()).status, 100)
  wire.write('{"url":"a:1"}')
  assert.equal((await wire.message()).status, 201)
  wire.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n')
  const { status, text } = await wire.message()
  assert.deepEqual([status, JSON.parse(text).error.code], [417, 'bad_expectation'])
  wire.destroy()
})

test('a wrong method is 405 with those that are right', async (t) => {
  const api = await managed(t)
  const cases: [method: string, path: string, allow: string][] = [
    ['DELETE', '/', 'GET, HEAD'],
    ['PUT', '/servers', 'GET, HEAD, POST'],
    ['OPTIONS', '/servers', 'GET, HEAD, POST'],
    ['POST', '/servers/10.0.0.1/80', 'GET, HEAD, PATCH, DELETE'],
    ['POST', '/pools/web', 'GET, HEAD, PATCH'],
    ['GET', '/reload', 'POST'],
    ['HEAD', '/reload', 'POST'],
  ]
  for (const [method, path, allow] of cases) {
    const { status, headers, json } = await api.call(method, path)
    assert.deepEqual([status, headers.allow], [405, allow], `${method} ${path}`)
    if (method !== 'HEAD') assert.equal(json.error.code, 'method_not_allowed')
  }
  assert.equal(api.control.reloads, 0)
})

test('unknown paths are 404, badly encoded ones 400', async (t) => {
  const api = await managed(t)
  for (const path of [
    '/server',
    '/servers/',
    '/servers/a',
    '/servers/a/80/x',
    '//servers',
    '/servers/a/',
    '/SERVERS',
    '/pools/',
  ]) {
    const { status, json } = await api.call('GET', path)
    assert.deepEqual([status, json.error.code], [404, 'not_found'], path)
    assert.match(json.error.message, /GET \/ lists what there is$/)
  }
  for (const path of ['/servers/%zz/80', '/pools/%ff']) {
    assert.deepEqual((await api.call('GET', path)).json.error.code, 'bad_request', path)
  }
})

test('HEAD is GET without its body', async (t) => {
  const api = await managed(t, {}, { assets: () => ({ contentType: 'text/html', body: 'page' }) })
  for (const path of [
    '/',
    '/servers',
    '/pools',
    '/stats',
    '/config',
    '/healthz',
    '/openapi.json',
    '/dashboard',
    '/nowhere',
  ]) {
    const get = await api.call('GET', path)
    const head = await api.call('HEAD', path)
    assert.deepEqual([head.status, head.text], [get.status, ''], path)
    assert.equal(head.headers['content-length'], get.headers['content-length'], path)
    assert.equal(Number(get.headers['content-length']), Buffer.byteLength(get.text), path)
  }
  const events = await api.call('HEAD', '/events')
  assert.deepEqual([events.status, events.headers['content-type'], api.control.watchers], [200, 'text/event-stream', 0])
})

test('what nobody has foreseen is 500, told in the log alone', async (t) => {
  const api = await managed(t)
  api.control.snapshotError = new Error('secret reason')
  const { status, json } = await api.call('GET', '/servers')
  assert.deepEqual(
    [status, json],
    [500, { error: { code: 'internal', message: 'the proxy failed; its log says how' } }],
  )
  assert.equal(api.log.length, 1)
  assert.match(api.log[0]!, /^management: GET \/servers: Error: secret reason\n/)
})

test('every answer keeps browsers from guessing and from embedding it', async (t) => {
  const api = await managed(t)
  for (const path of ['/', '/nowhere', '/config']) {
    const { headers } = await api.call('GET', path)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['cache-control'], 'no-store')
  }
})
