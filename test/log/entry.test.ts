import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccessEntry, accessEntry } from '#lib/log/entry.js'
import { type Rig, withEachTransport } from '../support/rig.js'
import { deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

/** Every request of a rig as an entry, in the order in which they end. */
function entriesOf({ proxy, clock }: Rig): AccessEntry[] {
  const entries: AccessEntry[] = []
  proxy.on('requestEnd', (summary, req) => {
    entries.push(accessEntry(req, summary, clock.wallTime()))
  })
  return entries
}

withEachTransport((start) => {
  test('a request that no entry takes has one too', async (t) => {
    const rig = await start(t, { match: '/app/*', serverList: '127.0.0.1:1' })
    const entries = entriesOf(rig)
    await rig.get('/favicon.ico', { headers: { 'User-Agent': 'test/1' } })
    const told = entries.map(({ entry, client, target, status, error, userAgent }) => [
      entry,
      client,
      target,
      status,
      error,
      userAgent,
    ])
    assert.deepEqual(told, [['', '127.0.0.1', '/favicon.ico', 404, 'ERR_NOT_FOUND', 'test/1']])
  })

  test('what is known of a request stands in its entry', async (t) => {
    const dead = `127.0.0.1:${await deadPort()}`
    const { url } = await httpServer(t, (_, res) => res.end('hello'))
    const rig = await start(t, { name: 'app', serverList: [dead, url], loadBalance: 'First-Alive' })
    const entries = entriesOf(rig)
    const headers = { Host: 'www.example.com:81', Referer: 'http://a/', 'User-Agent': 'test/1' }
    await rig.get('/x?y=%20z', { method: 'PUT', headers })
    await rig.over(1)
    assert.deepEqual(entries, [
      {
        time: rig.clock.wallTime(),
        client: '127.0.0.1',
        method: 'PUT',
        target: '/x?y=%20z',
        protocol: 'HTTP/1.1',
        status: 200,
        bytes: 5,
        duration: 0,
        entry: 'app',
        server: `http://${url}`,
        attempts: 2,
        error: undefined,
        referer: 'http://a/',
        userAgent: 'test/1',
        host: 'www.example.com:81',
      },
    ])
  })

  test('bytes are those of the body, however it is framed, and on kept connections too', async (t) => {
    const { url } = await httpServer(t, (req, res) => {
      if (req.url === '/304') res.writeHead(304, { ETag: '"1"' }).end()
      else if (req.url === '/length') res.setHeader('Content-Length', 7).end('1234567')
      else if (req.url === '/large') res.end(Buffer.alloc(300_000))
      else {
        res.write('123')
        setImmediate(() => res.end('45'))
      }
    })
    const rig = await start(t, { serverList: url })
    const entries = entriesOf(rig)
    const client = await rig.connect()
    for (const [method, path] of ['GET /length', 'GET /chunked', 'HEAD /length', 'GET /304', 'GET /length'].map(
      (each) => each.split(' '),
    )) {
      client.write(`${method} ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)
      await client.message(method === 'HEAD')
    }
    await rig.get('/large')
    await rig.over(6)
    assert.deepEqual(
      entries.map(({ bytes }) => bytes),
      [7, 5, 0, 0, 7, 300_000],
    )
  })

  test('an error of the proxy is told by its code, and its page is counted', async (t) => {
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()}` })
    const entries = entriesOf(rig)
    const { bytes } = await rig.get('/')
    await rig.over(1)
    assert.ok(bytes.length > 0)
    assert.deepEqual(
      [entries[0]?.status, entries[0]?.error, entries[0]?.bytes],
      [502, 'ERR_CONNECT_REFUSED', bytes.length],
    )
  })

  test('a client that leaves: 499, its address still known, and the bytes that it was given', async (t) => {
    const { url } = await httpServer(t, () => {})
    const rig = await start(t, { serverList: url })
    const entries = entriesOf(rig)
    const client = await rig.connect()
    client.write('GET /slow HTTP/1.1\r\nHost: h\r\n\r\n')
    await eventually(() => rig.proxy.pools[0]!.servers[0]!.connections === 1, 'the request to be under way')
    client.destroy()
    await rig.over(1)
    const { status, error, client: address, bytes } = entries[0]!
    assert.deepEqual([status, error, address, bytes], [499, 'ERR_CLIENT_GONE', '127.0.0.1', 0])
  })

  test('a tunnel has no body', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nmany bytes')
    })
    const rig = await start(t, { serverList: server.url })
    const entries = entriesOf(rig)
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    await client.until('many bytes')
    client.end()
    server.wires[0]!.end()
    await rig.over(1)
    assert.deepEqual([entries[0]?.status, entries[0]?.bytes], [101, undefined])
  })
})
