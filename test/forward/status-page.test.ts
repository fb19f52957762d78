import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createProxy } from '#lib/create.js'
import { type PoolStatus, statusOf } from '#lib/forward/status-page.js'
import type { ProxySettings } from '#lib/proxy.js'
import { serverSnapshot, snapshotOf } from '../cluster/support.js'
import { eventually, Wire } from '../support/wire.js'

interface Page {
  readonly note?: string
  readonly pools: readonly PoolStatus[]
}

/** A proxy with a status page; returns its port. */
async function served(t: TestContext, settings: ProxySettings): Promise<number> {
  const config = { defaults: { statisticsURL: '/status' }, entries: [{ match: '/*', serverList: '127.0.0.1:1' }] }
  const proxy = createProxy(config, { logger: false, ...settings })
  const server = createServer(proxy)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(async () => {
    server.close()
    server.closeAllConnections()
    await proxy.close({ timeout: 0 })
  })
  return (server.address() as { port: number }).port
}

async function ask(port: number, accept: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/status`, { headers: { accept } })).text()
}

const elsewhere = statusOf(snapshotOf([serverSnapshot('10.0.0.9:80', { success: 1234 })]))

test('the page shows what this process has counted', async (t) => {
  const port = await served(t, {})
  const { note, pools } = JSON.parse(await ask(port, 'application/json')) as Page
  assert.deepEqual(
    [note, pools.map(({ servers }) => servers.map(({ url }) => url))],
    [undefined, [['http://127.0.0.1:1']]],
  )
  const html = await ask(port, 'text/html')
  assert.match(html, /<td>http:\/\/127\.0\.0\.1:1<\/td>/)
  assert.doesNotMatch(html, /role="status"/)
})

test('or what others know of all processes', async (t) => {
  const port = await served(t, { statistics: async () => elsewhere })
  assert.deepEqual(JSON.parse(await ask(port, 'application/json')), { pools: elsewhere })
  const html = await ask(port, 'text/html')
  assert.match(html, /<td>10\.0\.0\.9:80<\/td>.*<td>1234<\/td>/)
  assert.doesNotMatch(html, /role="status"|127\.0\.0\.1:1/)
})

for (const [how, statistics] of [
  ['rejects', () => Promise.reject(new Error('no answer'))],
  [
    'throws',
    () => {
      throw new Error('no answer')
    },
  ],
] as const) {
  test(`where that ${how}, what this process has counted, with a line that says so`, async (t) => {
    const port = await served(t, { statistics })
    const { note, pools } = JSON.parse(await ask(port, 'application/json')) as Page
    assert.match(String(note), new RegExp(`process ${process.pid} alone`))
    assert.equal(pools[0]!.servers[0]!.url, 'http://127.0.0.1:1')
    assert.match(await ask(port, 'text/html'), new RegExp(`<p role="status">.*process ${process.pid} alone`))
  })
}

test('a client that goes while the counts are on their way harms nobody', async (t) => {
  const waiting: ((pools: readonly PoolStatus[]) => void)[] = []
  const port = await served(t, { statistics: () => new Promise((resolve) => void waiting.push(resolve)) })
  const wire = await Wire.connect(port)
  wire.write('GET /status HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => waiting.length === 1, 'the request')
  wire.destroy()
  const other = await Wire.connect(port)
  other.write('GET /status HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n')
  await eventually(() => waiting.length === 2, 'the other request')
  await new Promise((resolve) => setImmediate(resolve))
  for (const resolve of waiting) resolve(elsewhere)
  assert.deepEqual(JSON.parse((await other.message()).text), { pools: elsewhere })
})

test('of a snapshot: what a server has under way in all its pools', () => {
  const one = snapshotOf([serverSnapshot('s', { connections: 2, success: 5, failed: 1, weight: 3, backup: true })])
  const [pool] = one.pools
  const both = { ...one, pools: [pool!, { ...pool!, name: 'b', servers: [serverSnapshot('s', { connections: 1 })] }] }
  const [first, second] = statusOf(both)
  assert.deepEqual(first, {
    name: 'a',
    balancer: 'Round-Robin',
    servers: [
      {
        url: 's',
        state: 'up',
        reason: '',
        weight: 3,
        backup: true,
        connections: 3,
        consecutiveFailures: 0,
        succeeded: 5,
        failed: 1,
      },
    ],
  })
  assert.deepEqual([second!.name, second!.servers[0]!.connections], ['b', 3])
})
