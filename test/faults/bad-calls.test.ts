import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Load } from '../support/load.js'
import { type ApiCall, ManagedCommand } from '../support/managed-command.js'
import { httpServer } from '../support/upstream.js'
import { Wire } from '../support/wire.js'

const authorization = { Authorization: 'Bearer s3cret' }

/** Status, code of the error, and the call. `HOST` and `PORT` are those of the server. */
const bad: readonly [status: number, code: string, method: string, path: string, call?: ApiCall][] = [
  [400, 'bad_json', 'POST', '/servers', { body: '{"url":' }],
  [400, 'bad_json', 'POST', '/servers', { body: '' }],
  [400, 'bad_json', 'POST', '/servers', { body: "{'url':'127.0.0.1:1'}" }],
  [400, 'bad_body', 'POST', '/servers', { body: '[]' }],
  [400, 'bad_body', 'POST', '/servers', { body: 'null' }],
  [400, 'bad_body', 'POST', '/servers', { body: {} }],
  [400, 'bad_body', 'POST', '/servers', { body: { url: 7 } }],
  [400, 'bad_body', 'POST', '/servers', { body: { url: '127.0.0.1:1', weight: '3' } }],
  [400, 'bad_body', 'POST', '/servers', { body: { url: '127.0.0.1:1', backup: 'yes' } }],
  [400, 'bad_body', 'POST', '/servers', { body: { url: '127.0.0.1:1', wieght: 3 } }],
  [400, 'bad_body', 'POST', '/servers', { body: '{"url":"127.0.0.1:1","__proto__":{"weight":3}}' }],
  [400, 'unknown_pool', 'POST', '/servers', { body: { url: '127.0.0.1:1', pool: 'nowhere' } }],
  [400, 'unknown_pool', 'POST', '/servers', { body: { url: '127.0.0.1:1' } }],
  [400, 'invalid', 'POST', '/servers', { body: { url: '127.0.0.1:99999', pool: 'web' } }],
  [400, 'invalid', 'POST', '/servers', { body: { url: 'ftp://127.0.0.1', pool: 'web' } }],
  [413, 'body_too_large', 'POST', '/servers', { body: { url: 'x'.repeat(65 * 1024) } }],
  [415, 'unsupported_encoding', 'POST', '/servers', { body: '{}', headers: { 'Content-Encoding': 'gzip' } }],
  [400, 'bad_body', 'PATCH', '/servers/HOST/PORT', { body: { state: 'offline' } }],
  [400, 'bad_body', 'PATCH', '/servers/HOST/PORT', { body: { weight: 'heavy' } }],
  [404, 'not_found', 'PATCH', '/servers/HOST/1', { body: { state: 'disabled' } }],
  [404, 'not_found', 'PATCH', '/servers/HOST/PORT?pool=nowhere', { body: { state: 'disabled' } }],
  [404, 'not_found', 'DELETE', '/servers/HOST/1'],
  [400, 'bad_query', 'DELETE', '/servers/HOST/PORT?drain=soon'],
  [400, 'bad_query', 'DELETE', '/servers/HOST/PORT?darin=5'],
  [400, 'bad_request', 'DELETE', '/servers/%zz/PORT'],
  [405, 'method_not_allowed', 'DELETE', '/servers'],
  [404, 'not_found', 'PATCH', '/pools/nowhere', { body: { balancer: 'Random' } }],
  [400, 'invalid', 'PATCH', '/pools/web', { body: { balancer: 'Nonsense' } }],
  [401, 'unauthorized', 'DELETE', '/servers/HOST/PORT', { headers: { Authorization: 'Bearer wrong' } }],
  [401, 'unauthorized', 'POST', '/reload', { headers: { Authorization: 'Basic s3cret' } }],
  [401, 'unauthorized', 'GET', '/servers', { headers: { Authorization: '' } }],
  [403, 'foreign_host', 'DELETE', '/servers/HOST/PORT', { headers: { Host: 'example.com' } }],
  [403, 'foreign_origin', 'DELETE', '/servers/HOST/PORT', { headers: { Origin: 'http://example.com' } }],
  [403, 'foreign_origin', 'POST', '/reload', { headers: { Origin: 'null' } }],
  [403, 'foreign_origin', 'POST', '/reload', { headers: { 'Sec-Fetch-Site': 'cross-site' } }],
]

test('bad calls are refused with a reason, change nothing, and disturb no request', async (t) => {
  const { port, url } = await httpServer(t, (_, res) => res.end('well'))
  const conf = `[PROXY_ENTRY web]\nMatch /web/*\nServerList ${url}\n[PROXY_ENTRY rest]\nMatch /*\nServerList ${url}*2\n`
  const proxy = await ManagedCommand.start(t, conf, { management: 'Listen 127.0.0.1:0\nToken s3cret\n' })
  const load = new Load(t, proxy.port, ['/web/#', '/#'])
  await load.more()
  const picture = async (): Promise<unknown> => {
    const servers = await proxy.servers(authorization)
    const { json } = await proxy.call('GET', '/pools', { headers: authorization })
    const pools = json.pools.map(({ name, balancer, health }: Record<string, unknown>) => ({ name, balancer, health }))
    // Requests come and go.
    return [servers.map((server) => ({ ...server, connections: 0 })), pools]
  }
  const before = await picture()
  for (const [status, code, method, path, given = {}] of bad) {
    const target = path.replace('HOST', '127.0.0.1').replace('PORT', String(port))
    const answer = await proxy.call(method, target, { ...given, headers: { ...authorization, ...given.headers } })
    const what = `${method} ${path} ${JSON.stringify(given).slice(0, 100)}`
    assert.deepEqual([answer.status, answer.json?.error.code], [status, code], what)
    assert.deepEqual(Object.keys(answer.json.error), ['code', 'message'], what)
    assert.ok(answer.json.error.message.length > 10, what)
    await load.more(50)
  }
  // What is no HTTP at all.
  for (const bytes of ['nonsense\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00', 'GET / HTTP/1.1\r\n\r\n']) {
    const wire = await Wire.connect(Number(new URL(proxy.url).port))
    wire.write(bytes)
    const { status, text } = await wire.message()
    assert.deepEqual([status, JSON.parse(text).error.code], [400, 'bad_request'])
    wire.destroy()
  }
  assert.deepEqual(await picture(), before)
  const { answered, results } = await load.stop()
  assert.deepEqual(results, { 200: answered })
  assert.doesNotMatch(proxy.command.stdout, / (?:warn|error) /)
  assert.equal(proxy.command.stderr, '')
})
