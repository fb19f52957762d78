import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

withEachTransport((start) => {
  test('a client that leaves ends its request at the server at once', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    for (const request of [
      'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nfull',
    ]) {
      const arrival = server.next()
      const client = await rig.connect()
      client.write(request)
      const wire = await arrival
      await wire.head()
      client.destroy()
      await wire.atClose()
    }
    await rig.over(3)
    assert.deepEqual(
      rig.ends.map(({ status, error, server: where }) => [status, error?.code, where]),
      Array.from({ length: 3 }, () => [499, 'ERR_CLIENT_GONE', `http://${server.url}`]),
    )
    // A client that goes away is never the server's failure.
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 0)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('also in the middle of an answer that it does not take', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.message()
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n`)
      wire.write(Buffer.alloc(30_000_000))
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.head()
    client.socket.pause()
    await settle(200)
    client.destroy()
    await eventually(() => server.open === 0, 'the connection to the server to be closed')
    await rig.over(1)
    assert.equal(rig.ends[0]?.error?.code, 'ERR_CLIENT_GONE')
    assert.equal(rig.ends[0]?.status, 200)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
  })

  test('a thousand clients that leave midway leave nothing behind', async (t) => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    t.after(() => process.off('warning', onWarning))
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    })
    const rig = await start(t, { serverList: server.url })
    const before = rig.server.listenerCount('connection') + rig.server.listenerCount('request')
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const client = await rig.connect()
          const requests = [
            'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
            'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
            'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
            'GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n',
          ]
          client.write(requests[i % 4] as string)
          // Some leave at once, some in the middle of the answer.
          if (i % 3 > 0) await client.until('hello')
          if (i % 2 === 0) client.destroy()
          else (client.socket as Socket).resetAndDestroy()
        }),
      )
    }
    await eventually(() => server.open === 0, `connections to the server to be closed; ${server.open} are open`)
    await eventually(() => rig.proxy.pools[0]?.servers[0]?.connections === 0, 'all requests to be over')
    assert.equal(rig.server.listenerCount('connection') + rig.server.listenerCount('request'), before)
    const connections = await new Promise((resolve) => rig.server.getConnections((_, count) => resolve(count)))
    assert.equal(connections, 0)
    assert.deepEqual(warnings, [])
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('requests that are pipelined behind the one that is answered end with the connection too', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      const { start: line } = await wire.message()
      // The first never ends; what is behind it is complete.
      if (line.includes('/slow')) wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
      else wire.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    const post = 'POST /fast HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx'
    client.write(`GET /slow HTTP/1.1\r\nHost: h\r\n\r\n${post.repeat(15)}`)
    await client.until('hello')
    await eventually(() => server.wires.length === 16, 'all of them to be sent')
    await settle(50)
    client.destroy()
    await rig.over(16)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
    await rig.proxy.close({ timeout: 100_000 })
  })

  test('a client that leaves while it waits for a server gives up its place', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxConnections: 1 })
    const arrival = server.next()
    const first = await rig.connect()
    first.write('GET /1 HTTP/1.1\r\nHost: h\r\n\r\n')
    const wire = await arrival
    await wire.head()
    const second = await rig.connect()
    second.write('GET /2 HTTP/1.1\r\nHost: h\r\n\r\n')
    await settle(50)
    second.destroy()
    await rig.over(1)
    assert.deepEqual([rig.ends[0]?.status, rig.ends[0]?.server, rig.ends[0]?.attempts], [499, undefined, 0])
    wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.equal((await first.message()).status, 200)
    assert.equal(server.wires.length, 1)
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('a connection that is reset by the client ends no process', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    for (const request of [
      'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx',
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\n',
      'garbage\r\n\r\n',
    ]) {
      const client = await rig.connect()
      client.write(request)
      await settle(10)
      ;(client.socket as Socket).resetAndDestroy()
    }
    await eventually(() => server.open === 0, 'the connections to be closed')
  })
})
