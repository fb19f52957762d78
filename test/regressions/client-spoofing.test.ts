import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createProxy } from '#lib/create.js'
import { type Entry, type Rig, request, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import type { WireMessage } from '../support/wire.js'

withEachTransport((start, transport) => {
  async function seen(
    t: Parameters<typeof RawServer.listen>[0],
    entry: Entry,
  ): Promise<{ rig: Rig; ask: (fields: string) => Promise<WireMessage>; answer: () => WireMessage }> {
    let last: WireMessage | undefined
    let answer: WireMessage | undefined
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        last = await wire.message()
        wire.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }
    })
    const rig = await start(t, { serverList: server.url, ...entry })
    return {
      rig,
      ask: async (fields) => {
        const client = await rig.connect()
        client.write(`GET / HTTP/1.1\r\nHost: shop.test:8080\r\n${fields}\r\n`)
        answer = await client.message()
        client.destroy()
        return last as WireMessage
      },
      answer: () => answer as WireMessage,
    }
  }

  const lies =
    'X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n' +
    'X-Forwarded-Port: 666\r\nForwarded: for=6.6.6.6;host=evil;proto=https\r\n'

  test('what an untrusted client says about itself is thrown away', async (t) => {
    const { ask } = await seen(t, {})
    const message = await ask(lies)
    assert.deepEqual(message.all('x-forwarded-for'), ['127.0.0.1'])
    assert.deepEqual(message.all('x-forwarded-host'), ['shop.test:8080'])
    assert.deepEqual(message.all('x-forwarded-proto'), ['http'])
    assert.deepEqual(message.all('x-forwarded-port'), ['8080'])
    assert.deepEqual(message.all('forwarded'), [])
  })

  test('also where the proxy sends nothing under these names', async (t) => {
    const { ask } = await seen(t, { xForwarded: false })
    const message = await ask(lies)
    assert.ok(!message.headers.some((name, i) => i % 2 === 0 && /forwarded/i.test(name)))
  })

  test('a trusted proxy is believed, and added to', async (t) => {
    const { ask } = await seen(t, { trustProxy: ['127.0.0.0/8', '7.7.7.7'], forwarded: true })
    const message = await ask(lies)
    assert.deepEqual(message.all('x-forwarded-for'), ['6.6.6.6, 7.7.7.7, 127.0.0.1'])
    assert.deepEqual(message.all('x-forwarded-host'), ['evil'])
    assert.deepEqual(message.all('x-forwarded-proto'), ['https'])
    assert.deepEqual(message.all('x-forwarded-port'), ['666'])
    assert.deepEqual(message.all('forwarded'), [
      'for=6.6.6.6;host=evil;proto=https, for=127.0.0.1;host=evil;proto=https',
    ])
  })

  test('Forwarded is written where it is switched on', async (t) => {
    const { ask } = await seen(t, { forwarded: true, xForwarded: false })
    assert.deepEqual((await ask('')).all('forwarded'), ['for=127.0.0.1;host="shop.test:8080";proto=http'])
  })

  test('clientAddress is the nearest address that is not trusted', async (t) => {
    const addresses: string[] = []
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }
    })
    const rig = await start(
      t,
      { serverList: server.url, trustProxy: ['127.0.0.1', '10.0.0.0/8'] },
      {
        listener: (proxy) => (req, res) => {
          addresses.push(proxy.clientAddress(req))
          proxy(req, res)
        },
      },
    )
    const chains = [
      '',
      '6.6.6.6',
      '9.9.9.9, 6.6.6.6',
      '6.6.6.6, 10.1.2.3',
      '6.6.6.6:1234, 10.0.0.1',
      'unknown, 10.0.0.1',
      'x, y',
    ]
    for (const chain of chains) await rig.get('/', chain === '' ? {} : { headers: { 'X-Forwarded-For': chain } })
    await rig.get('/', { headers: { Forwarded: 'for="[2001:db8::1]:99";proto=https, for=10.0.0.7' } })
    assert.deepEqual(addresses, [
      '127.0.0.1',
      '6.6.6.6',
      '6.6.6.6',
      '6.6.6.6',
      '6.6.6.6',
      '10.0.0.1',
      '127.0.0.1',
      '2001:db8::1',
    ])
  })

  test('Via grows by one both ways, and a third pass is a loop', async (t) => {
    const { ask, answer } = await seen(t, {})
    assert.deepEqual((await ask('')).all('via'), ['1.1 pointsman'])
    assert.equal(answer().field('via'), '1.1 pointsman')
    assert.deepEqual((await ask('Via: 1.0 fred\r\nVia: 1.1 pointsman (a)\r\n')).all('via'), [
      '1.0 fred, 1.1 pointsman (a), 1.1 pointsman',
    ])
    await ask('Via: 1.1 pointsman, 1.1 pointsman\r\n')
    assert.equal(answer().status, 200)
    await ask('Via: 1.1 pointsman, 1.1 x\r\nVia: HTTP/1.1 pointsman,1.1 pointsman\r\n')
    assert.equal(answer().status, 508)
    assert.match(answer().field('proxy-status') ?? '', /error=proxy_loop_detected/)
  })

  test('proxies with a similar name make no loop', async (t) => {
    const { ask, answer } = await seen(t, {})
    await ask('Via: 1.1 pointsman-a, 1.1 my-pointsman, 1.1 pointsman2, 1.1 x (pointsman)\r\n')
    assert.equal(answer().status, 200)
  })

  test('a proxy that asks itself ends the loop with 508', async (t) => {
    const hits: string[] = []
    const server = createServer((req, res) => {
      hits.push(req.url ?? '')
      proxy(req, res)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const proxy = createProxy(
      { defaults: { transport }, entries: [{ match: '/*', serverList: `127.0.0.1:${port}` }] },
      { logger: false },
    )
    t.after(async () => {
      await proxy.close({ timeout: 0 })
      server.closeAllConnections()
      server.close()
    })
    assert.equal((await request({ port, path: '/x' })).status, 508)
    assert.equal(hits.length, 4)
  })
})
