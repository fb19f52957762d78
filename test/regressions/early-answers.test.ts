import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import { eventually, type Wire, within } from '../support/wire.js'

const refusal = 'HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nenough'

/** Sends `total` bytes as fast as they are taken. Comes back when all were, or when the connection is closed. */
async function upload(client: Wire, total: number): Promise<number> {
  const chunk = Buffer.alloc(1 << 16, 'u')
  let sent = 0
  while (sent < total && !client.closed) {
    sent += chunk.length
    if (client.write(chunk)) continue
    await within(Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')]), 'the upload to go on')
  }
  return sent
}

withEachTransport((start) => {
  for (const serverCloses of [false, true]) {
    test(`a client that uploads 20 MB gets the early answer, and no reset${serverCloses ? '; the server closes' : ''}`, async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        await wire.bytes(1)
        wire.socket.pause()
        wire.write(serverCloses ? refusal.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') : refusal)
        if (serverCloses) wire.end()
      })
      const rig = await start(t, { serverList: server.url })
      const client = await rig.connect({ allowHalfOpen: true })
      const total = 20 * 1024 * 1024
      client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${total}\r\n\r\n`)
      const sending = upload(client, total)
      const answer = await client.message()
      assert.equal(answer.status, 413)
      assert.equal(answer.text, 'enough')
      assert.equal(answer.field('connection'), 'close')
      assert.equal(await sending, total, 'the upload was cut before its end')
      assert.equal(client.error, undefined)
      client.end()
      await client.atClose()
      await rig.over(1)
      assert.deepEqual([rig.ends[0]?.status, rig.ends[0]?.error], [413, undefined])
      server.wires[0]?.socket.resume()
      await server.wires[0]?.atClose()
    })
  }

  test('a client that reads only when it has sent everything gets its answer', async (t) => {
    const big = 200_000
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write(`HTTP/1.1 401 Who\r\nContent-Length: ${big}\r\n\r\n`)
      wire.write(Buffer.alloc(big, 'a'))
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect({ allowHalfOpen: true })
    client.socket.pause()
    const total = 20 * 1024 * 1024
    client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${total}\r\n\r\n`)
    assert.equal(await upload(client, total), total)
    client.socket.resume()
    assert.equal((await client.message()).body.length, big)
  })

  test('a connection that lingers is cut in the end, and no timer stays', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write(refusal)
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect({ allowHalfOpen: true })
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx')
    await client.message()
    await client.atEnd()
    for (let i = 0; i < 10; i++) {
      client.write('more')
      await settle(3)
    }
    rig.clock.advance(3_600_000)
    const open = (): Promise<number> =>
      new Promise((resolve) => rig.server.getConnections((_, count) => resolve(count)))
    while ((await open()) > 0) await settle(1)
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('the answers of the proxy itself too: 413 by length, without a byte to the server', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxBodySize: '1m' })
    const client = await rig.connect({ allowHalfOpen: true })
    const total = 20 * 1024 * 1024
    client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${total}\r\n\r\n`)
    const sending = upload(client, total)
    const answer = await client.message()
    assert.equal(answer.status, 413)
    assert.equal(answer.field('connection'), 'close')
    assert.equal(await sending, total)
    assert.equal(server.wires.length, 0)
  })

  test('413 for chunks that grow beyond MaxBodySize; the server sees a broken request', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxBodySize: 100_000 })
    const client = await rig.connect()
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
    client.write(`186a0\r\n${'x'.repeat(100_000)}\r\n`)
    await eventually(() => (server.wires[0]?.received ?? 0) > 100_000, 'the first part at the server')
    client.write('1\r\nx\r\n')
    const answer = await client.message()
    assert.equal(answer.status, 413)
    assert.equal(answer.field('connection'), 'close')
    await server.wires[0]?.atClose()
    assert.ok(!server.wires[0]?.unread.endsWith('0\r\n\r\n'))
    await rig.over(1)
    assert.equal(rig.ends[0]?.error?.code, 'ERR_BODY_TOO_LARGE')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 0)
    // Exactly as much is allowed.
    const other = await rig.get('/', { method: 'POST', headers: { 'Content-Length': '100001' } }, 'x'.repeat(100_001))
    assert.equal(other.status, 413)
  })

  test('a server that answers while it still reads gets the rest of the upload', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let i = 0; i < 3; i++) {
        const line = await wire.until('\r\n')
        const data = await wire.until('\r\n')
        wire.write(line + data.toUpperCase())
      }
      await wire.until('0\r\n\r\n')
      wire.write('0\r\n\r\n')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
    await client.head()
    for (const word of ['one', 'two', 'six']) {
      client.write(`3\r\n${word}\r\n`)
      assert.equal(await client.until(word.toUpperCase()), `${word === 'one' ? '' : '\r\n'}3\r\n${word.toUpperCase()}`)
    }
    client.write('0\r\n\r\n')
    await client.until('0\r\n\r\n')
    await rig.over(1)
    assert.equal(rig.ends[0]?.error, undefined)
  })

  test('Expect: 100-continue is answered by the server', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    const wire = await arrival
    assert.equal((await wire.head()).field('expect'), '100-continue')
    await settle()
    assert.equal(client.received, 0, 'the proxy answered by itself')
    wire.write('HTTP/1.1 100 Continue\r\n\r\n')
    assert.equal((await client.head()).status, 100)
    client.write('body')
    assert.equal((await wire.bytes(4)).toString(), 'body')
    wire.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
    const answer = await client.message()
    assert.equal(answer.status, 201)
    assert.equal(client.unread, '')
  })

  test('a server that refuses the expectation spares the upload', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n')
    const answer = await client.message()
    assert.equal(answer.status, 417)
    assert.equal(answer.field('connection'), 'close')
    await client.atEnd()
  })

  test('an expectation is refused by the proxy without 100 Continue', async (t) => {
    const rig = await start(t, { serverList: '127.0.0.1:1', maxBodySize: 10 })
    const client = await rig.connect()
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n')
    assert.equal((await client.message()).status, 413)
  })

  test('where the server is not attached, the client is told once to go on', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 100 Continue\r\n\r\n')
      await wire.bytes(4)
      wire.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
    })
    const rig = await start(t, { serverList: server.url }, { detached: true })
    const client = await rig.connect()
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    assert.equal((await client.head()).status, 100)
    client.write('body')
    assert.equal((await client.message()).status, 201)
  })

  test('a handler behind the proxy that reads the body has the client told to go on', async (t) => {
    const rig = await start(
      t,
      { serverList: '127.0.0.1:1', match: '/api/*' },
      {
        listener: (proxy) => (req, res) => {
          proxy(req, res, () => {
            req.once('data', (chunk: Buffer) => res.end(chunk))
          })
        },
      },
    )
    const client = await rig.connect()
    client.write('PUT /mine HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    assert.equal((await client.head()).status, 100)
    client.write('body')
    assert.equal((await client.message()).text, 'body')
  })
})
