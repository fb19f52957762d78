import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { call, found, ManagedCommand } from '../support/managed-command.js'
import { freePorts, noIPv6 } from '../support/network.js'
import { folder, run } from '../support/process.js'
import { request } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'

const refused = { code: 'ECONNREFUSED' }

async function entry(t: TestContext): Promise<string> {
  const { url } = await httpServer(t, (_, res) => res.end('well'))
  return `[PROXY_ENTRY all]\nMatch /*\nServerList ${url}\n`
}

/** A port that somebody listens at, and how to make it free. */
async function takenPort(t: TestContext): Promise<{ port: number; free: () => void }> {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  return { port: (taken.address() as AddressInfo).port, free: () => taken.close() }
}

async function servesStill({ port }: ManagedCommand): Promise<void> {
  assert.equal((await request({ port, path: '/' })).body, 'well')
}

test('status, once and as JSON, of a proxy that runs', async (t) => {
  const proxy = await ManagedCommand.start(t, await entry(t))
  for (let i = 0; i < 3; i++) await servesStill(proxy)
  const once = await run(['status', '--once', '--url', proxy.url])
  assert.deepEqual([once.code, once.stderr], [0, ''])
  const [head, , server] = once.stdout.split('\n')
  assert.equal(head, `${proxy.url}: 3 requests answered, 0 failed`)
  assert.match(server!, /^all +127\.0\.0\.1:\d+ +up /)
  const json = await run(['status', '--json', '--url', proxy.url])
  assert.deepEqual([json.code, json.stderr], [0, ''])
  const said = JSON.parse(json.stdout)
  assert.deepEqual(said.servers, await proxy.servers())
  assert.deepEqual(said.stats.client, { success: 3, failed: 0 })
  assert.equal(said.detail[0].success, 3)
})

test('status finds the address and the token in the file', async (t) => {
  const [port] = await freePorts(1)
  const management = `Listen ${port}\nToken s3cret\n`
  const proxy = await ManagedCommand.start(t, await entry(t), { management })
  const { code, stdout } = await run(['status', '--once'], { cwd: proxy.folder })
  assert.equal(code, 0)
  assert.match(stdout, new RegExp(`^http://127\\.0\\.0\\.1:${port}: 0 requests answered`))
  const wrong = await run(['status', '--once', '--url', proxy.url, '--token', 'wrong'])
  assert.deepEqual([wrong.code, wrong.stderr], [1, `${proxy.url} does not accept the token\n`])
})

test('a management address that is in use: told, exit code 1, and nothing is left', async (t) => {
  const { port } = await takenPort(t)
  const [front] = await freePorts(1)
  const cwd = folder(t)
  const socket = join(cwd, 'p.sock')
  writeFileSync(
    join(cwd, 'proxy.conf'),
    `${await entry(t)}[LISTEN]\nAddress 127.0.0.1:${front} unix:${socket}\n[MANAGEMENT]\nListen ${port}\n`,
  )
  const { code, stdout, stderr } = await run(['start'], { cwd })
  assert.equal(code, 1)
  assert.match(
    stderr,
    new RegExp(`^the management API cannot listen on http://127\\.0\\.0\\.1:${port}: the address is in use; .*\n$`),
  )
  assert.doesNotMatch(stdout, /listening on/)
  assert.equal(existsSync(socket), false)
  await assert.rejects(request({ port: front!, path: '/' }), refused)
})

test('a reload moves the management API, switches the dashboard off, and sets a token', async (t) => {
  const [first, second] = await freePorts(2)
  const conf = await entry(t)
  const proxy = await ManagedCommand.start(t, conf, { management: `Listen ${first}\n` })
  const old = `http://127.0.0.1:${first}`
  assert.equal((await call(old, 'GET', '/dashboard')).status, 200)
  proxy.write(conf, { management: `Listen ${second}\nDashboard Off\nToken s3cret\n` })
  // The call is answered where it was made, though that address is given up by it.
  assert.deepEqual((await call(old, 'POST', '/reload')).json, { reloaded: true })
  await assert.rejects(call(old, 'GET', '/healthz'), refused)
  const url = `http://127.0.0.1:${second}`
  assert.match(proxy.command.stdout, new RegExp(`management API on ${url}$`, 'm'))
  const headers = { Authorization: 'Bearer s3cret' }
  assert.equal((await call(url, 'GET', '/dashboard', { headers })).status, 404)
  assert.equal((await call(url, 'GET', '/servers')).status, 401)
  assert.equal((await call(url, 'GET', '/servers', { headers })).status, 200)
  await servesStill(proxy)
  // And off, and on again.
  proxy.write(conf, { management: 'Dashboard On\n' })
  assert.deepEqual((await call(url, 'POST', '/reload', { headers })).json, { reloaded: true })
  await assert.rejects(call(url, 'GET', '/healthz'), refused)
  proxy.write(conf, { management: `Listen ${first}\n` })
  await proxy.hangUp()
  await found(async () => (await call(old, 'GET', '/readyz').catch(() => undefined))?.status, 'the API')
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  assert.equal(proxy.command.stderr, '')
})

for (const address of ['PORT', '*:PORT', '0.0.0.0:PORT', '[::1]:PORT', 'localhost:PORT', 'unix:FOLDER/m.sock']) {
  const skip = address.startsWith('[') && noIPv6
  test(`a token is set at ${address}, where it listens already`, { skip }, async (t) => {
    const [port] = await freePorts(1)
    const conf = await entry(t)
    const listen = `Listen ${address.replace('PORT', String(port)).replace('FOLDER', folder(t))}\n`
    const proxy = await ManagedCommand.start(t, conf, { management: `${listen}Token first\n` })
    const headers = { Authorization: 'Bearer first' }
    proxy.write(conf, { management: `${listen}Token second\n` })
    assert.deepEqual((await proxy.call('POST', '/reload', { headers })).json, { reloaded: true })
    assert.equal((await proxy.call('GET', '/servers', { headers })).status, 401)
    assert.equal((await proxy.call('GET', '/servers', { headers: { Authorization: 'Bearer second' } })).status, 200)
    assert.doesNotMatch(proxy.command.stdout, /cannot listen/)
  })
}

test('a new management address that cannot be used: told, everything goes on, and it is tried again', async (t) => {
  const { port: taken, free } = await takenPort(t)
  const [first] = await freePorts(1)
  const conf = await entry(t)
  const proxy = await ManagedCommand.start(t, conf, { management: `Listen ${first}\n` })
  proxy.write(conf.replace('Match /*', 'Match /only'), { management: `Listen ${taken}\n` })
  await proxy.hangUp()
  await proxy.command.output(
    new RegExp(`error the management API cannot listen on http://127\\.0\\.0\\.1:${taken}: the address is in use`),
  )
  assert.equal((await request({ port: proxy.port, path: '/only' })).body, 'well')
  assert.equal((await request({ port: proxy.port, path: '/' })).status, 404)
  // Where it was it can still be reached.
  await found(async () => (await proxy.call('GET', '/readyz').catch(() => undefined))?.status, 'the API where it was')
  free()
  assert.deepEqual((await proxy.call('POST', '/reload')).json, { reloaded: true })
  assert.equal((await call(`http://127.0.0.1:${taken}`, 'GET', '/readyz')).status, 200)
  await assert.rejects(proxy.call('GET', '/readyz'), refused)
})

test('POST /reload says why an address cannot be listened at, and nothing has changed', async (t) => {
  const { port } = await takenPort(t)
  const conf = await entry(t)
  const proxy = await ManagedCommand.start(t, conf)
  proxy.write(conf.replace('Match /*', 'Match /only'), { listen: `Address 127.0.0.1:${port}\n` })
  const { status, json } = await proxy.call('POST', '/reload')
  assert.deepEqual([status, json.error.code], [400, 'invalid'])
  assert.match(
    json.error.message,
    new RegExp(`^cannot listen on http://127\\.0\\.0\\.1:${port}: the address is in use`),
  )
  await servesStill(proxy)
  assert.doesNotMatch((await proxy.call('GET', '/config')).text, /only/)
})

test('reloads that are asked for at once come one after the other, and the last file counts', async (t) => {
  const [port] = await freePorts(1)
  // Nobody else takes a port of the second address meanwhile.
  const [first, second] = [`127.0.0.1:${port}`, `127.0.0.2:${port}`]
  const conf = await entry(t)
  const named = (name: string): string => conf.replace('all', name)
  const proxy = await ManagedCommand.start(t, named('zero'), { management: `Listen ${first}\n` })
  const old = `http://${first}`
  const calls = Array.from({ length: 10 }, () => call(old, 'POST', '/reload'))
  for (let i = 0; i < 10; i++) {
    proxy.write(named(`entry-${i}`), { management: `Listen ${i < 5 ? first : second}\n` })
    proxy.command.signal('SIGHUP')
    calls.push(call(old, 'POST', '/reload'))
  }
  // Once the API has moved nobody takes them there; those that were taken are answered.
  const results = await Promise.allSettled(calls)
  for (const result of results) {
    if (result.status === 'fulfilled')
      assert.deepEqual([result.value.status, result.value.json], [200, { reloaded: true }])
    else assert.match(result.reason.code, /^ECONNRE(?:FUSED|SET)$/)
  }
  const url = `http://${second}`
  const entries = async (): Promise<string[]> =>
    (await call(url, 'GET', '/pools')).json.pools.map(({ name }: { name: string }) => name)
  await found(async () => ((await entries().catch(() => []))[0] === 'entry-9' ? true : undefined), 'the last file')
  await servesStill(proxy)
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  assert.equal(proxy.command.stderr, '')
})
