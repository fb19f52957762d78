/** Servers that speak HTTP/2, behind a proxy whose clients speak HTTP/1.1. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { type Arrived, answer, answerWith, H2Server } from '../support/h2-server.js'
import { settle, startRig } from '../support/rig.js'
import { deadPort } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

describe('HTTP/2 servers behind the proxy', () => {
  test('an ordinary request and its answer', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.respond({ ':status': 201, 'set-cookie': ['a=1', 'b=2'], 'content-length': '2' })
      stream.end('ok')
    })
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const got = await rig.get('/path?a=b', { headers: { Connection: 'X-Hop', 'X-Hop': '1', 'X-Name': 'v' } })
    assert.equal(got.status, 201)
    assert.equal(got.body, 'ok')
    assert.deepEqual(got.headers['set-cookie'], ['a=1', 'b=2'])
    const { headers } = server.arrived[0] as Arrived
    assert.equal(headers[':path'], '/path?a=b')
    assert.equal(headers['x-name'], 'v')
    assert.equal(headers['x-hop'], undefined)
    assert.equal(headers[':authority'], `127.0.0.1:${rig.port}`)
    assert.equal(headers.via, '1.1 pointsman')
  })

  test('trailers and informational answers pass both ways', async (t) => {
    let trailers: string[] = []
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' })
      stream.on('trailers', (_headers: unknown, _flags: number, raw: string[]) => {
        trailers = raw
      })
      stream.resume().on('end', () => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '2' }))
        stream.end('body')
      })
    })
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const wire = await rig.connect()
    wire.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n')
    const hint = await wire.head()
    assert.equal(hint.status, 103)
    assert.equal(hint.field('link'), '</a>')
    const message = await wire.message()
    assert.equal(message.text, 'body')
    assert.deepEqual(message.trailers, ['x-sum', '2'])
    assert.deepEqual(trailers, ['x-sum', '1'])
  })

  test('Expect: 100-continue is answered by the server', async (t) => {
    const server = await H2Server.listen(t, (each) => {
      assert.equal(each.headers.expect, '100-continue')
      each.stream.additionalHeaders({ ':status': 100 })
      each.stream.resume().on('end', () => answer(each))
    })
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const wire = await rig.connect()
    wire.write('PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    assert.equal((await wire.head()).status, 100)
    wire.write('body')
    assert.equal((await wire.message()).status, 200)
  })

  test('a WebSocket goes over extended CONNECT', async (t) => {
    const server = await H2Server.listen(
      t,
      ({ stream }) => {
        stream.respond({ ':status': 200 })
        stream.on('data', (chunk: Buffer) => stream.write(chunk))
        stream.on('end', () => stream.end())
      },
      { settings: { enableConnectProtocol: true } },
    )
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const wire = await rig.connect()
    wire.write(
      'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    const head = await wire.head()
    assert.equal(head.status, 101)
    assert.equal(head.field('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    assert.equal(head.field('upgrade'), 'websocket')
    // A masked frame of one byte.
    wire.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60]))
    assert.deepEqual([...(await wire.bytes(7))], [0x81, 0x81, 1, 2, 3, 4, 0x60])
    wire.destroy()
    await eventually(() => server.arrived[0]?.stream.destroyed === true, 'the end on the side of the server')
  })

  test('a client that goes away resets its stream alone', async (t) => {
    const server = await H2Server.listen(t, (each, index) => {
      if (index > 0) answer(each)
    })
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const wire = await rig.connect()
    wire.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await server.requests(1)
    const closed = once((server.arrived[0] as Arrived).stream, 'close')
    wire.destroy()
    await closed
    assert.equal((server.arrived[0] as Arrived).stream.rstCode, 8)
    assert.equal((await rig.get()).status, 200)
    assert.equal(server.sessions.length, 1)
  })

  test('one that is down is passed over', async (t) => {
    const server = await H2Server.listen(t, answer)
    const list = `h2c://127.0.0.1:${await deadPort()} ${server.url}`
    const rig = await startRig(t, 'http1', { serverList: list, loadBalance: 'First-Alive' })
    assert.equal((await rig.get('/', { method: 'POST' }, 'body')).status, 200)
  })

  test('a request with a body that was refused unseen is sent again, and is no failure of the server', async (t) => {
    const server = await H2Server.listen(t, (each, index) => {
      if (index === 0) each.stream.close(7)
      else each.stream.resume().on('end', () => answer(each))
    })
    const rig = await startRig(t, 'http1', { serverList: server.url, attemptsCount: 1 })
    assert.equal((await rig.get('/', { method: 'PUT' }, 'body')).status, 200)
    assert.equal(server.arrived.length, 2)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'up')
  })

  test('a connection that was lost is made again for a request that may be sent twice', async (t) => {
    const server = await H2Server.listen(t, (each, index) => {
      if (index === 1) server.sockets[0]?.destroy()
      else answer(each)
    })
    const rig = await startRig(t, 'http1', { serverList: server.url, attemptsCount: 1 })
    assert.equal((await rig.get()).status, 200)
    assert.equal((await rig.get()).status, 200)
    assert.equal(server.sessions.length, 2)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'up')
  })

  test('an early answer reaches the client, and ends the upload', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => answerWith(stream, 413, 'no'))
    const rig = await startRig(t, 'http1', { serverList: server.url })
    const wire = await rig.connect()
    wire.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\npart')
    assert.equal((await wire.message()).status, 413)
    await eventually(() => server.arrived[0]?.stream.closed === true, 'the end of the stream')
  })

  test('an active check asks over HTTP/2, on a connection of its own', async (t) => {
    let status = 200
    const server = await H2Server.listen(t, ({ stream, headers }) => {
      answerWith(stream, headers[':path'] === '/health' ? status : 200, 'ok')
    })
    const rig = await startRig(t, 'http1', {
      serverList: server.url,
      healthCheck: '/health',
      healthFails: 1,
      healthPasses: 1,
      healthInterval: 10,
    })
    const state = (): string | undefined => rig.proxy.pools[0]?.servers[0]?.state
    // Small steps: a check that is asked within one may not be late at its end.
    const checked = async (expected: string): Promise<void> => {
      const before = server.sessions.length
      for (let i = 0; i < 60 && state() !== expected; i++) {
        rig.clock.advance(500)
        await settle(50)
      }
      assert.equal(state(), expected)
      assert.ok(server.sessions.length > before)
    }
    assert.equal((await rig.get()).status, 200)
    status = 500
    await checked('down')
    status = 200
    await checked('up')
  })
})
