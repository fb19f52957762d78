import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'

withEachTransport((start) => {
  test('the head comes before the body, and events one by one', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write('GET /events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n')
    const wire = await arrival
    await wire.message()
    wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    const head = await client.head()
    assert.equal(head.field('content-type'), 'text/event-stream')
    for (let i = 0; i < 50; i++) {
      const event = `data: ${i}\n\n`
      wire.write(`${event.length.toString(16)}\r\n${event}\r\n`)
      await client.until(event)
    }
    wire.write('0\r\n\r\n')
    await client.until('0\r\n\r\n')
  })

  test('a long poll: a small answer with a length, its head first', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    const wire = await arrival
    await wire.message()
    wire.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n')
    assert.equal((await client.head()).field('content-length'), '4')
    wire.write('a')
    assert.equal((await client.bytes(1)).toString(), 'a')
    wire.write('bcd')
    assert.equal((await client.bytes(3)).toString(), 'bcd')
  })

  test('an upload streams too: its first byte reaches the server before its last was sent', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
    const wire = await arrival
    await wire.head()
    for (const word of ['one', 'two']) {
      client.write(`3\r\n${word}\r\n`)
      await wire.until(word)
    }
    client.write('0\r\n\r\n')
    await wire.until('0\r\n\r\n')
  })

  test('103 Early Hints come early, with their fields', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const arrival = server.next()
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    const wire = await arrival
    await wire.message()
    wire.write(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\nConnection: x-mine\r\nX-Mine: 1\r\n\r\n',
    )
    const hints = await client.head()
    assert.equal(hints.start, 'HTTP/1.1 103 Early Hints')
    assert.deepEqual(hints.headers, ['Link', '</a.css>; rel=preload', 'Link', '</b.js>'])
    wire.write(
      'HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    )
    assert.deepEqual((await client.head()).headers, ['Link', '</c>'])
    assert.equal((await client.head()).status, 102)
    assert.equal((await client.message()).text, 'ok')
  })

  test('HTTP/1.0 gets no informational answer and no chunks; the end is the close', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      const message = await wire.message()
      assert.match(message.start, /HTTP\/1\.1$/)
      wire.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n',
      )
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('GET / HTTP/1.0\r\n\r\n')
    const answer = await client.message()
    assert.equal(answer.status, 200)
    assert.equal(answer.text, 'ok')
    assert.deepEqual(answer.all('transfer-encoding'), [])
    await client.atClose()
    assert.equal(server.wires.length, 1)
  })

  test('trailers pass both ways', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      const message = await wire.message()
      wire.write(
        `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n` +
          `X-Sum: ${message.trailers.join('=')}\r\nVia: x\r\nSet-Cookie: a=1\r\n\r\n`,
      )
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write(
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Up\r\n\r\n1\r\na\r\n0\r\nX-Up: 7\r\n\r\n',
    )
    const answer = await client.message()
    assert.equal(answer.text, 'ok')
    assert.equal(answer.field('trailer'), 'X-Sum')
    assert.deepEqual(answer.trailers, ['X-Sum', 'X-Up=7'])
  })

  test('Trailer on a request without a body, or on an answer with a length, breaks nothing', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write('HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok')
      }
    })
    const rig = await start(t, { serverList: server.url })
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
      const client = await rig.connect()
      client.write(`${method} / HTTP/1.1\r\nHost: h\r\nTrailer: X-T\r\n\r\n`)
      assert.equal((await client.message(method === 'HEAD')).status, 200, method)
      client.destroy()
    }
  })

  for (const [title, answer] of [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ] as const) {
    test(`an answer ${title} that ends early is broken for the client too`, async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.end(answer)
      })
      const rig = await start(t, { serverList: server.url })
      const client = await rig.connect()
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      await client.atClose()
      assert.ok(!client.unread.endsWith('0\r\n\r\n'), client.unread)
      await rig.over(1)
      assert.equal(rig.ends[0]?.error?.code, 'ERR_RESPONSE_INCOMPLETE')
      assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
      await assert.rejects(rig.get('/'), /aborted|socket hang up|ECONNRESET/)
    })
  }

  test('bodiless answers: HEAD, 204, 304, and the connection goes on', async (t) => {
    const answers = [
      'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ]
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) wire.write(answers[Number((await wire.message()).start.split('/')[1]?.[0])] as string)
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    const got = []
    for (const i of answers.keys()) {
      client.write(`${i === 0 ? 'HEAD' : 'GET'} /${i} HTTP/1.1\r\nHost: h\r\n\r\n`)
      got.push(await client.message(i === 0))
    }
    assert.deepEqual(
      got.map((answer) => [
        answer.status,
        answer.field('content-length'),
        answer.field('transfer-encoding'),
        answer.text,
      ]),
      [
        [200, '1000', undefined, ''],
        [204, undefined, undefined, ''],
        [304, '1000', undefined, ''],
        [200, '0', undefined, ''],
        [200, undefined, 'chunked', ''],
      ],
    )
    assert.equal(client.unread, '')
  })

  test('a 204 with a length does not leave the client waiting', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')
      }
    })
    const rig = await start(t, { serverList: server.url })
    const answer = await rig.get('/')
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['content-length'], undefined, 'RFC 9110 §8.6')
  })

  test('pipelined requests are answered in their order', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        const { start: line } = await wire.message()
        if (line.includes('/slow')) await settle(50)
        const name = line.split(' ')[1] ?? ''
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
      }
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write(
      'GET /slow HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc' +
        'GET /c HTTP/1.1\r\nHost: h\r\n\r\n',
    )
    for (const name of ['/slow', '/b', '/c']) assert.equal((await client.message()).text, name)
  })

  test('200 MB to a client that reads slowly need little memory', async (t) => {
    const total = 200 * 1024 * 1024
    let handed = 0
    const server = await RawServer.listen(t, async (wire) => {
      await wire.message()
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
      const chunk = Buffer.alloc(1 << 18, 'm')
      for (; handed < total; handed += chunk.length) {
        if (!wire.write(chunk)) await new Promise((resolve) => wire.socket.once('drain', resolve))
      }
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    let received = 0
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.head()
    const socket = client.socket as Socket
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    let most = 0
    while (received < total - client.received) {
      socket.pause()
      await settle(3)
      most = Math.max(most, handed - received)
      socket.resume()
      await within(once(socket, 'data'), 'more of the body')
    }
    // What is on its way is in buffers of the kernel and, a little, of the proxy.
    assert.ok(most < 32 * 1024 * 1024, `${most} bytes were on their way`)
  })

  test('100 MB up to a server that reads slowly need little memory', async (t) => {
    const total = 100 * 1024 * 1024
    let received = 0
    let most = 0
    let handed = 0
    const tcp = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length
        most = Math.max(most, handed - received)
        socket.pause()
        setImmediate(() => socket.resume())
        if (received >= total) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
      })
    })
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    t.after(() => tcp.close())
    const rig = await start(t, { serverList: `127.0.0.1:${(tcp.address() as { port: number }).port}` })
    const client = await rig.connect()
    client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${total}\r\n\r\n`)
    const chunk = Buffer.alloc(1 << 18, 'm')
    for (; handed < total; handed += chunk.length) {
      if (!client.write(chunk)) await within(once(client.socket, 'drain'), 'the upload to go on')
    }
    assert.equal((await client.message()).text, 'ok')
    assert.ok(most < 32 * 1024 * 1024, `${most} bytes were on their way`)
  })

  test('an answer of a server that closes is whole, also over HTTP/1.0', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.message()
      wire.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n')
      wire.write('until ')
      await settle(5)
      wire.end('close')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    const answer = await client.message()
    assert.equal(answer.text, 'until close')
    assert.equal(answer.field('transfer-encoding'), 'chunked')
    await rig.over(1)
    assert.equal(rig.ends[0]?.error, undefined)
    await eventually(() => server.open === 0, 'the close')
  })
})
