import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { Wire } from '../support/wire.js'
import { type Managed, managed } from './support.js'

async function statusAndCode(api: Managed, headers: Record<string, string>, path = '/servers'): Promise<unknown[]> {
  const { status, json } = await api.call('GET', path, { headers })
  return [status, json.error?.code]
}

test('Host is a loopback name or the listener itself, with whatever port', async (t) => {
  const api = await managed(t)
  for (const host of [
    '127.0.0.1',
    'localhost:9',
    `127.0.0.1:${api.port}`,
    'LocalHost',
    '[::1]:8687',
    '127.3.2.1',
    'localhost.',
  ]) {
    assert.deepEqual(await statusAndCode(api, { host }), [200, undefined], host)
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    '0.0.0.0',
    hostname(),
  ]) {
    if (host === 'localhost') continue
    assert.deepEqual(await statusAndCode(api, { host }), [403, 'foreign_host'], host)
  }
  for (const host of ['localhost@evil.example', 'evil.example#localhost', 'a b']) {
    assert.equal((await statusAndCode(api, { host }))[0], 400, host)
  }
})

test('a request without Host, or with two, is refused', async (t) => {
  const api = await managed(t)
  const heads = [
    'GET /servers HTTP/1.1\r\nHost:\r\n',
    'GET /servers HTTP/1.1\r\n',
    'GET /servers HTTP/1.0\r\n',
    'GET /servers HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n',
  ]
  for (const head of heads) {
    const wire = await Wire.connect(api.port)
    wire.write(`${head}Connection: close\r\n\r\n`)
    const { status, text } = await wire.message()
    assert.deepEqual([status, JSON.parse(text).error.code], [400, 'bad_request'], head)
  }
})

test('a target that is a whole URL is refused: it would speak for another Host', async (t) => {
  const api = await managed(t)
  assert.deepEqual(await statusAndCode(api, {}, 'http://evil.example/servers'), [400, 'bad_request'])
})

test('a listener on all addresses takes addresses and the name of its machine', async (t) => {
  const api = await managed(t, { listen: '*:0', token: 'secret' })
  const headers = { authorization: 'Bearer secret' }
  for (const host of ['10.1.2.3:8687', '[2001:db8::1]', 'localhost', hostname()]) {
    assert.deepEqual(await statusAndCode(api, { ...headers, host }), [200, undefined], host)
  }
  assert.deepEqual(await statusAndCode(api, { ...headers, host: 'evil.example' }), [403, 'foreign_host'])
})

test('Origin is that of the page the API serves', async (t) => {
  const api = await managed(t)
  const host = `localhost:${api.port}`
  for (const origin of [`http://${host}`, `http://LOCALHOST:${api.port}`, `https://${host}`]) {
    assert.deepEqual(await statusAndCode(api, { host, origin }), [200, undefined], origin)
  }
  assert.deepEqual(await statusAndCode(api, { host: 'localhost:80', origin: 'http://localhost' }), [200, undefined])
  for (const origin of [
    'http://evil.example',
    `http://127.0.0.1:${api.port}`,
    'http://localhost:1',
    'null',
    'file://',
    '',
  ]) {
    assert.deepEqual(await statusAndCode(api, { host, origin }), [403, 'foreign_origin'], origin)
  }
})

test('Sec-Fetch-Site of another site is refused', async (t) => {
  const api = await managed(t)
  for (const site of ['same-origin', 'none']) {
    assert.deepEqual(await statusAndCode(api, { 'sec-fetch-site': site }), [200, undefined], site)
  }
  for (const site of ['cross-site', 'same-site', 'whatever']) {
    assert.deepEqual(await statusAndCode(api, { 'sec-fetch-site': site }), [403, 'foreign_origin'], site)
  }
})

test('foreign callers change nothing, reach no path, and get no CORS fields', async (t) => {
  const api = await managed(t, {}, { assets: () => ({ contentType: 'text/html', body: 'page' }) })
  const foreign: Record<string, string>[] = [
    { host: 'evil.example' },
    { origin: 'http://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ]
  const calls: [method: string, path: string][] = [
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/dashboard'],
    ['GET', '/dashboard/'],
    ['GET', '/events'],
    ['GET', '/nowhere'],
    ['POST', '/servers'],
    ['DELETE', '/servers/10.0.0.1/80'],
    ['PATCH', '/pools/web'],
    ['POST', '/reload'],
    ['OPTIONS', '/servers'],
  ]
  for (const headers of foreign) {
    for (const [method, path] of calls) {
      const answer = await api.call(
        method,
        path,
        method === 'GET' || method === 'DELETE' || method === 'OPTIONS'
          ? { headers }
          : { headers, body: { url: '10.0.0.9:80' } },
      )
      assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
      assert.deepEqual(
        Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
        [],
      )
    }
  }
  assert.deepEqual([api.control.applied, api.control.reloads], [[], 0])
})

test('with Token, each call needs it', async (t) => {
  const api = await managed(t, { token: 'correct-horse' })
  const good = { authorization: 'Bearer correct-horse' }
  assert.deepEqual(await statusAndCode(api, good), [200, undefined])
  assert.deepEqual(await statusAndCode(api, { authorization: 'bearer  correct-horse' }), [200, undefined])
  const missing = await api.call('GET', '/servers')
  assert.deepEqual(
    [missing.status, missing.json.error.code, missing.headers['www-authenticate']],
    [401, 'unauthorized', 'Bearer realm="pointsman"'],
  )
  for (const authorization of [
    'Bearer wrong',
    'Bearer correct-horse2',
    'Bearer correct-hors',
    'Bearer',
    'Basic correct-horse',
    'correct-horse',
  ]) {
    const { status, json } = await api.call('POST', '/servers', { headers: { authorization }, body: { url: 'a:1' } })
    assert.deepEqual([status, json.error.code], [401, 'unauthorized'], authorization)
  }
  const wrong = await api.call('GET', '/servers', { headers: { authorization: 'Bearer wrong' } })
  assert.equal(wrong.headers['www-authenticate'], 'Bearer realm="pointsman", error="invalid_token"')
  assert.deepEqual(await statusAndCode(api, {}, '/nowhere'), [401, 'unauthorized'])
  assert.deepEqual(await statusAndCode(api, {}, '/openapi.json'), [401, 'unauthorized'])
  assert.deepEqual(api.control.applied, [])
})

test('a token does not belong in a URL', async (t) => {
  const api = await managed(t, { token: 'secret' })
  assert.deepEqual(await statusAndCode(api, {}, '/events?token=secret'), [401, 'unauthorized'])
  const headers = { authorization: 'Bearer secret' }
  assert.deepEqual(await statusAndCode(api, headers, '/events?token=secret'), [400, 'bad_query'])
})

test('probes and the page, which hold no data, need no token', async (t) => {
  const assets = (path: string) => ({ contentType: 'text/html', body: path })
  const api = await managed(t, { token: 'secret' }, { assets })
  for (const path of ['/healthz', '/readyz', '/dashboard', '/dashboard/app.js']) {
    assert.equal((await api.call('GET', path)).status, 200, path)
  }
  // The same paths with another method tell no more than that.
  assert.equal((await api.call('POST', '/healthz')).status, 405)
})

test('the token works from the dashboard: same origin, with the header', async (t) => {
  const api = await managed(t, { token: 'secret' })
  const host = `127.0.0.1:${api.port}`
  const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin', authorization: 'Bearer secret' }
  assert.deepEqual(await statusAndCode(api, headers), [200, undefined])
})
