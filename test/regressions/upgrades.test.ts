import assert from 'node:assert/strict'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createProxy } from '#lib/create.js'
import { configOf, type Rig, settle, withEachTransport } from '../support/rig.js'
import { type Cleanup, deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, Wire } from '../support/wire.js'

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: abc\r\n\r\n'

function handshake(path = '/ws', extra = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n` +
    `Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n${extra}\r\n`
  )
}

withEachTransport((start, transport) => {
  async function opened(
    t: Cleanup,
    more: object = {},
  ): Promise<{ rig: Rig; client: Wire; wire: Wire; server: RawServer }> {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write(switching)
    })
    const rig = await start(t, { serverList: server.url, ...more })
    const client = await rig.connect()
    client.write(handshake())
    const head = await client.head()
    assert.equal(head.status, 101)
    return { rig, client, wire: server.wires[0] as Wire, server }
  }

  test('both heads are passed on, and bytes that came along with them', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write(
      `${handshake('/chat?room=1', 'Sec-WebSocket-Protocol: chat, other\r\nSec-WebSocket-Extensions: permessage-deflate\r\n')}early from client`,
    )
    const wire = await arrival
    const head = await wire.head()
    assert.equal(head.start, 'GET /chat?room=1 HTTP/1.1')
    assert.deepEqual(head.all('upgrade'), ['websocket'])
    assert.deepEqual(head.all('connection'), ['Upgrade'])
    assert.deepEqual(head.all('sec-websocket-key'), ['x3JJHMbDL1EzLkh9GBhXDw=='])
    assert.deepEqual(head.all('sec-websocket-protocol'), ['chat, other'])
    assert.deepEqual(head.all('x-forwarded-for'), ['127.0.0.1'])
    assert.equal(head.all('content-length').length + head.all('transfer-encoding').length, 0)
    wire.write(
      `${switching.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: chat\r\nX-Inner: 1\r\n\r\n')}early from server`,
    )
    const answer = await client.head()
    assert.equal(answer.start, 'HTTP/1.1 101 Switching Protocols')
    assert.deepEqual(answer.all('upgrade'), ['websocket'])
    assert.deepEqual(answer.all('connection'), ['Upgrade'])
    assert.deepEqual(answer.all('sec-websocket-accept'), ['abc'])
    assert.deepEqual(answer.all('sec-websocket-protocol'), ['chat'])
    assert.deepEqual(answer.all('x-inner'), ['1'])
    assert.equal(await client.until('early from server'), 'early from server')
    assert.equal(await wire.until('early from client'), 'early from client')
    client.write('ping')
    assert.equal((await wire.bytes(4)).toString(), 'ping')
    wire.write('pong')
    assert.equal((await client.bytes(4)).toString(), 'pong')
  })

  test('both sides end together, whoever ends, and however', async (t) => {
    for (const how of ['client ends', 'client resets', 'server ends', 'server resets'] as const) {
      const { rig, client, wire } = await opened(t)
      const [one, other] = how.startsWith('client') ? [client, wire] : [wire, client]
      one.write('last words')
      await other.until('last words')
      if (how.endsWith('ends')) one.end()
      else (one.socket as Socket).resetAndDestroy()
      await other.atClose()
      await one.atClose()
      await rig.over(1)
      assert.deepEqual([rig.ends[0]?.status, rig.ends[0]?.error], [101, undefined], how)
      assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
    }
  })

  test('what one side wrote before it ended arrives', async (t) => {
    const { client, wire } = await opened(t)
    const much = Buffer.alloc(3_000_000, 'z')
    wire.write(much)
    wire.end()
    assert.equal((await client.bytes(much.length)).length, much.length)
    await client.atEnd()
  })

  test('a client that leaves while it takes nothing does not keep the connection to the server', async (t) => {
    const { rig, client, wire } = await opened(t)
    client.socket.pause()
    wire.write(Buffer.alloc(30_000_000))
    await settle(200)
    client.destroy()
    await wire.atClose()
    await rig.over(1)
  })

  test('a side that goes on when the other has closed is cut after a while', async (t) => {
    const server = await RawServer.listen(
      t,
      async (wire) => {
        await wire.head()
        wire.write(switching)
        while (!wire.closed) {
          wire.write('more')
          await settle(1)
        }
      },
      { server: createTcpServer({ allowHalfOpen: true }) },
    )
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write(handshake())
    await client.until('more')
    client.destroy()
    await server.wires[0]?.atEnd()
    await settle()
    assert.equal(server.open, 1)
    rig.clock.advance(5_000)
    await server.wires[0]?.atClose()
    await rig.over(1)
  })

  test('a side that takes nothing holds the other back', async (t) => {
    const { client, wire } = await opened(t)
    client.socket.pause()
    const chunk = Buffer.alloc(1 << 16)
    let handed = 0
    let waits = false
    while (!waits && handed < 200_000_000) {
      handed += chunk.length
      if (wire.write(chunk)) continue
      waits = !(await Promise.race([
        new Promise((resolve) => wire.socket.once('drain', () => resolve(true))),
        settle(2000).then(() => false),
      ]))
    }
    assert.ok(handed < 60_000_000, `${handed} bytes went into a connection that nobody reads`)
    client.socket.resume()
    assert.equal((await client.bytes(handed)).length, handed)
  })

  test('it is counted while it lasts, and cut after TunnelTimeout without a byte', async (t) => {
    const { rig, client, wire } = await opened(t, { tunnelTimeout: 100 })
    assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 1)
    rig.clock.advance(99_000)
    client.write('x')
    await wire.bytes(1)
    rig.clock.advance(99_000)
    wire.write('y')
    await client.bytes(1)
    rig.clock.advance(99_999)
    await settle()
    assert.equal(client.ended, false)
    rig.clock.advance(1)
    await client.atClose()
    await wire.atClose()
    await rig.over(1)
  })

  for (const [title, refusal, body] of [
    ['chunked', 'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\nX-Why: 1\r\n\r\n6\r\nsorry!\r\n0\r\n\r\n', 'sorry!'],
    ['with a length', 'HTTP/1.1 401 Who\r\nContent-Length: 6\r\nX-Why: 1\r\n\r\nsorry!', 'sorry!'],
    ['without a body', 'HTTP/1.1 404 No\r\nContent-Length: 0\r\nX-Why: 1\r\n\r\n', ''],
    ['with 200', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Why: 1\r\n\r\nsorry!', 'sorry!'],
  ] as const) {
    test(`a refusal is an ordinary answer, and closes both connections: ${title}`, async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write(refusal)
      })
      const rig = await start(t, { serverList: server.url, keepAliveTimeout: 0 })
      const client = await rig.connect()
      client.write(handshake())
      const answer = await client.message()
      assert.equal(answer.start, refusal.split('\r\n')[0])
      assert.equal(answer.text, body)
      assert.equal(answer.field('x-why'), '1')
      assert.equal(answer.all('transfer-encoding').length + answer.all('content-length').length, 1)
      assert.equal(answer.field('connection'), 'close')
      assert.equal(await client.atEnd(), '')
      await client.atClose()
      await eventually(() => server.open === 0, "the server's connection to be closed")
      await rig.over(1)
      assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
    })
  }

  test('a socket error before, during and after the handshake ends nothing but the connection', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const silent = await rig.connect()
    silent.write(handshake())
    await eventually(() => (server.wires[0]?.received ?? 0) > 0, 'the request')
    ;(silent.socket as Socket).resetAndDestroy()
    await server.wires[0]?.atClose()
    await rig.over(1)
    assert.equal(rig.ends[0]?.status, 499)
    const dead = await start(t, { serverList: `127.0.0.1:${await deadPort()}` })
    const refused = await dead.connect()
    refused.write(handshake())
    await settle(1)
    ;(refused.socket as Socket).resetAndDestroy()
    const nowhere = await start(t, { serverList: server.url, match: '/api/*' })
    const lost = await nowhere.connect()
    lost.write(handshake('/other'))
    ;(lost.socket as Socket).resetAndDestroy()
    await settle()
  })

  test('fails over like any request, before the client has seen anything', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write(switching)
    })
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()} ${server.url}` })
    const client = await rig.connect()
    client.write(`${handshake()}early`)
    assert.equal((await client.head()).status, 101)
    assert.equal(await server.wires[0]?.until('early'), 'early')
    client.destroy()
    await rig.over(1)
    assert.equal(rig.ends[0]?.attempts, 2)
  })

  test('the answer of the proxy itself is complete, and closes the connection', async (t) => {
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()}` })
    const client = await rig.connect()
    client.write(handshake())
    const answer = await client.message()
    assert.equal(answer.status, 502)
    assert.equal(answer.field('connection'), 'close')
    assert.ok(answer.body.length > 0)
    await client.atClose()
  })

  test('a path that no entry takes is answered with 404', async (t) => {
    const rig = await start(t, { serverList: '127.0.0.1:1', match: '/api/*' })
    const client = await rig.connect()
    client.write(handshake('/ws'))
    assert.equal((await client.message()).status, 404)
    await client.atClose()
  })

  test('the target is ambiguous: 400', async (t) => {
    const rig = await start(t, [
      { serverList: '127.0.0.1:1', match: '/admin/*' },
      { serverList: '127.0.0.1:2', match: '/*' },
    ])
    const client = await rig.connect()
    client.write(handshake('/admin%2fx'))
    assert.equal((await client.message()).status, 400)
    await client.atClose()
  })

  test('two proxies on one server: one answer, from the first that has an entry', async (t) => {
    const servers = await Promise.all(
      ['one', 'two'].map((name) =>
        RawServer.listen(t, async (wire) => {
          await wire.head()
          wire.write(`${switching}${name}`)
        }),
      ),
    )
    const rig = await start(t, { serverList: servers[0]!.url, match: '/one' })
    const second = createProxy(configOf(transport, { serverList: servers[1]!.url }), { logger: false })
    t.after(() => second.close({ timeout: 0 }))
    second.attach(rig.server)
    for (const [path, name] of [
      ['/one', 'one'],
      ['/two', 'two'],
    ] as const) {
      const client = await rig.connect()
      client.write(handshake(path))
      assert.equal((await client.head()).status, 101)
      assert.equal(await client.until(name), name)
      client.destroy()
    }
    assert.deepEqual(
      servers.map(({ wires }) => wires.length),
      [1, 1],
    )
    assert.equal(rig.server.listenerCount('upgrade'), 1)
    await second.close()
    const client = await rig.connect()
    client.write(handshake('/two'))
    assert.equal((await client.message()).status, 404)
  })

  test('another listener of the server may take what no entry takes', async (t) => {
    const rig = await start(t, { serverList: '127.0.0.1:1', match: '/api/*' })
    rig.server.on('upgrade', (req, socket) => {
      if (req.url === '/mine') socket.end('HTTP/1.1 101 Mine\r\n\r\n')
    })
    const client = await rig.connect()
    client.write(handshake('/mine'))
    assert.equal((await client.head()).start, 'HTTP/1.1 101 Mine')
  })

  test('a server that is not attached answers as if nobody had asked for an upgrade', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      const head = await wire.head()
      assert.deepEqual(head.all('upgrade'), [])
      wire.write('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n')
    })
    const rig = await start(t, { serverList: server.url }, { detached: true })
    const client = await rig.connect()
    client.write(handshake())
    assert.equal((await client.message()).status, 426)
  })

  test('closing the proxy closes WebSockets between two frames with 1001', async (t) => {
    const server = await RawServer.listen(
      t,
      async (wire) => {
        await wire.head()
        wire.write(switching)
      },
      { server: createTcpServer({ allowHalfOpen: true }) },
    )
    const rig = await start(t, { serverList: server.url })
    const client = await Wire.connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true })
    client.write(handshake())
    await client.head()
    const wire = server.wires[0] as Wire
    // Half a frame towards the client; towards the server none.
    wire.write(Buffer.from([0x82, 0x04, 1, 2]))
    await client.bytes(4)
    const closed = rig.proxy.close({ timeout: 60_000 })
    const toServer = await wire.bytes(8)
    assert.deepEqual([...toServer], [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9])
    await settle()
    assert.equal(client.unread, '', 'a close frame within a frame')
    wire.write(Buffer.from([3, 4]))
    assert.deepEqual([...(await client.bytes(6))], [3, 4, 0x88, 0x02, 0x03, 0xe9])
    client.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]))
    wire.end()
    await closed
    await client.atClose()
    assert.equal(rig.ends.length, 1)
    const late = await rig.connect()
    late.write(handshake())
    assert.equal((await late.message()).status, 503)
  })

  for (const path of ['/ws', '/nothing']) {
    test(`behind a request that is not answered yet, to ${path}: the answer, and then the end`, async (t) => {
      const answers: (() => void)[] = []
      const server = await httpServer(t, (_req, res) => answers.push(() => res.end('late')))
      const rig = await start(t, { match: ['/slow', '/ws'], serverList: server.url })
      const client = await rig.connect()
      const upgrade = 'Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
      client.write(`GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET ${path} HTTP/1.1\r\n${upgrade}`)
      while (answers.length === 0) await settle()
      answers[0]?.()
      const message = await client.message()
      assert.deepEqual([message.status, message.text], [200, 'late'])
      await client.atClose()
    })
  }

  test('one that does not close is cut', async (t) => {
    const { rig, client, wire } = await opened(t)
    client.socket.pause()
    wire.socket.pause()
    const closed = rig.proxy.close({ timeout: 60_000 })
    await settle()
    rig.clock.advance(5_000)
    await closed
    client.socket.resume()
    wire.socket.resume()
    await client.atClose()
    await wire.atClose()
  })
})
