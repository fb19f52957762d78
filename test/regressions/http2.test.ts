import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { createProxy } from '#lib/create.js'
import type { RequestSummary } from '#lib/forward/events.js'
import type { Proxy as PointsmanProxy } from '#lib/proxy.js'
import { certificates } from '../support/certificates.js'
import { ManualClock } from '../support/clock.js'
import { configOf, type Entry, settle } from '../support/rig.js'
import { type Cleanup, deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, type WireMessage, within } from '../support/wire.js'

interface Front {
  readonly proxy: PointsmanProxy
  readonly server: Http2SecureServer
  readonly session: ClientHttp2Session
  readonly ends: RequestSummary[]
  readonly clock: ManualClock
  readonly port: number
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: IncomingHttpHeaders
  readonly informational: IncomingHttpHeaders[]
  readonly code: number
}

for (const transport of ['http1', 'http-proxy'] as const) {
  async function front(t: Cleanup, entry: Entry, listener?: (proxy: PointsmanProxy) => PointsmanProxy): Promise<Front> {
    const { ca, localhost } = certificates()
    const clock = new ManualClock()
    const proxy = createProxy(configOf(transport, entry), { logger: false, clock })
    const ends: RequestSummary[] = []
    proxy.on('requestEnd', (summary) => ends.push(summary))
    const settings = { enableConnectProtocol: true }
    const server = createSecureServer(
      { ...localhost, allowHTTP1: true, settings },
      (listener?.(proxy) ?? proxy) as never,
    )
    proxy.attach(server as never)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const session = connect(`https://localhost:${port}`, { ca })
    session.on('error', () => {})
    await within(once(session, 'remoteSettings'), 'an HTTP/2 session')
    t.after(async () => {
      session.destroy()
      const closed = proxy.close({ timeout: 0 })
      clock.advance(0)
      await closed
      server.close()
    })
    return { proxy, server, session, ends, clock, port }
  }

  async function ask(
    session: ClientHttp2Session,
    headers: OutgoingHttpHeaders,
    body?: string | Buffer,
  ): Promise<Answer> {
    const stream = session.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    return within(answerOf(stream), `the answer to ${headers[':path']}`)
  }

  function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let headers: IncomingHttpHeaders = {}
      let trailers: IncomingHttpHeaders = {}
      const informational: IncomingHttpHeaders[] = []
      const chunks: Buffer[] = []
      stream.on('headers', (each) => informational.push(each))
      stream.on('response', (each) => {
        headers = each
      })
      stream.on('trailers', (each) => {
        trailers = each
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('close', () => {
        const body = Buffer.concat(chunks).toString()
        resolve({
          status: Number(headers[':status']),
          headers,
          body,
          trailers,
          informational,
          code: stream.rstCode ?? 0,
        })
      })
    })
  }

  describe(`HTTP/2 in front, over ${transport}`, () => {
    test('pseudo-headers and connection headers are translated', async (t) => {
      let seen: WireMessage | undefined
      const server = await RawServer.listen(t, async (wire) => {
        for (;;) {
          seen = await wire.message()
          wire.write(
            'HTTP/1.1 404 Not Found\r\nConnection: X-Inner, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Inner: 1\r\nX-Name: v\r\n' +
              'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
          )
        }
      })
      const { session, ends } = await front(t, { serverList: server.url, removeRequestHeader: 'x-gone' })
      const answer = await ask(session, {
        ':path': '/a//b?c=%2F',
        ':authority': 'shop.test',
        cookie: ['a=1', 'b=2'],
        'x-many': ['1', '2'],
        'x-gone': '1',
        te: 'trailers',
      })
      assert.equal(answer.status, 404)
      assert.equal(answer.body, 'no')
      assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
      assert.equal(answer.headers['x-name'], 'v')
      for (const name of ['connection', 'keep-alive', 'x-inner', 'transfer-encoding'])
        assert.equal(answer.headers[name], undefined)
      assert.equal(seen?.start, 'GET /a//b?c=%2F HTTP/1.1')
      assert.deepEqual(seen.all('host'), ['shop.test'])
      assert.deepEqual(seen.all('cookie'), ['a=1; b=2'])
      assert.ok(seen.headers.every((name, i) => i % 2 === 1 || !name.startsWith(':')))
      assert.equal(seen.all('transfer-encoding').length + seen.all('content-length').length, 0)
      assert.equal(seen.field('te'), 'trailers')
      assert.equal(seen.field('x-forwarded-proto'), 'https')
      assert.equal(seen.field('x-forwarded-port'), '443')
      assert.equal(seen.field('via'), '2.0 pointsman')
      assert.equal(seen.field('x-gone'), undefined)
      await eventually(() => ends.length === 1, 'the end')
      assert.equal(ends[0]?.error, undefined)
    })

    test('RemoveRequestHeader takes cookies too', async (t) => {
      let cookies: string | undefined
      const { url } = await httpServer(t, (req, res) => {
        cookies = req.headers.cookie
        res.end()
      })
      const { session } = await front(t, { serverList: url, removeRequestHeader: 'Cookie' })
      await ask(session, { ':path': '/', cookie: ['a=1', 'b=2'] })
      assert.equal(cookies, undefined)
    })

    test('bodies, with a length and without, and trailers both ways', async (t) => {
      const got: WireMessage[] = []
      const server = await RawServer.listen(t, async (wire) => {
        for (;;) {
          const message = await wire.message()
          got.push(message)
          wire.write(
            `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${message.body.length.toString(16)}\r\n${message.text}\r\n0\r\nX-Sum: 1\r\n\r\n`,
          )
        }
      })
      const { session } = await front(t, { serverList: server.url })
      const plain = await ask(session, { ':path': '/', ':method': 'POST', 'content-length': '5' }, 'hello')
      assert.equal(plain.body, 'hello')
      assert.deepEqual(got[0]?.all('content-length'), ['5'])
      assert.equal(plain.trailers['x-sum'], '1')
      const stream = session.request({ ':path': '/', ':method': 'DELETE' }, { endStream: false, waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-up': '7' }))
      stream.end('streamed')
      assert.equal((await within(answerOf(stream), 'the answer')).body, 'streamed')
      assert.deepEqual(got[1]?.all('transfer-encoding'), ['chunked'])
      assert.deepEqual(
        got[1]?.trailers.filter((_, i, all) => all[i - (i % 2)] === 'x-up'),
        ['x-up', '7'],
      )
    })

    test('103 Early Hints, HEAD, 204, and an answer of the proxy itself', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        for (;;) {
          const { start } = await wire.message()
          if (start.startsWith('HEAD')) wire.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
          else if (start.includes('/204')) wire.write('HTTP/1.1 204 No Content\r\n\r\n')
          else
            wire.write(
              'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
            )
        }
      })
      const { session } = await front(t, { serverList: server.url })
      const hinted = await ask(session, { ':path': '/' })
      assert.equal(hinted.body, 'ok')
      assert.equal(hinted.headers['content-length'], '2')
      assert.deepEqual([hinted.informational[0]?.[':status'], hinted.informational[0]?.link], [103, '</a>, </b>'])
      const head = await ask(session, { ':path': '/', ':method': 'HEAD' })
      assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '9', ''])
      assert.equal((await ask(session, { ':path': '/204' })).status, 204)
      const dead = await front(t, { serverList: `127.0.0.1:${await deadPort()}` })
      const refused = await ask(dead.session, { ':path': '/', accept: 'application/json' })
      assert.equal(refused.status, 502)
      assert.equal(JSON.parse(refused.body).error.status, 502)
    })

    test('a malformed or ambiguous target is a 400; what no entry takes a 404', async (t) => {
      const { session } = await front(t, { serverList: '127.0.0.1:1', match: '/api/*' })
      assert.equal((await ask(session, { ':path': '/other' })).status, 404)
    })

    test('an answer that breaks off resets the stream, and not the session', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        const { start } = await wire.message()
        if (start.includes('/broken')) wire.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
        else wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
      const { session } = await front(t, { serverList: server.url })
      await assert.rejects(ask(session, { ':path': '/broken' }), /NGHTTP2_INTERNAL_ERROR/)
      assert.equal((await ask(session, { ':path': '/' })).body, 'ok')
    })

    test('a client that cancels its stream ends the request at the server', async (t) => {
      const server = await RawServer.listen(t)
      const { session, ends, proxy } = await front(t, { serverList: server.url })
      for (const body of [false, true]) {
        const arrival = server.next()
        const stream = session.request({ ':path': '/', ':method': body ? 'POST' : 'GET' }, { endStream: !body })
        stream.on('error', () => {})
        if (body) stream.write('half')
        const wire = await arrival
        await wire.head()
        stream.close(8)
        await wire.atClose()
      }
      await eventually(() => ends.length === 2, 'both to be over')
      assert.deepEqual(
        ends.map(({ status, error }) => [status, error?.code]),
        [
          [499, 'ERR_CLIENT_GONE'],
          [499, 'ERR_CLIENT_GONE'],
        ],
      )
      assert.equal(proxy.pools[0]?.servers[0]?.connections, 0)
    })

    test('an early answer reaches a client that uploads 20 MB, and ends the upload', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.socket.pause()
        wire.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
      })
      const { session, ends } = await front(t, { serverList: server.url })
      const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false })
      const answer = answerOf(stream)
      const chunk = Buffer.alloc(1 << 16)
      let sent = 0
      const upload = async (): Promise<void> => {
        for (; sent < 20_000_000 && !stream.destroyed; sent += chunk.length) {
          if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), once(stream, 'close')])
        }
        stream.end()
      }
      void upload().catch(() => {})
      const { status, body } = await within(answer, 'the answer')
      assert.equal(status, 413)
      assert.equal(body, 'no')
      await eventually(() => ends.length === 1, 'the end')
      assert.deepEqual([ends[0]?.status, ends[0]?.error], [413, undefined])
      server.wires[0]?.socket.resume()
      await server.wires[0]?.atClose()
    })

    test('a client that does not read holds the server back, and is cut at IdleTimeout without blame', async (t) => {
      let handed = 0
      const total = 100_000_000
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
        const chunk = Buffer.alloc(1 << 16)
        while (handed < total && !wire.closed) {
          handed += chunk.length
          if (!wire.write(chunk)) await Promise.race([once(wire.socket, 'drain'), once(wire.socket, 'close')])
        }
      })
      const { session, ends, clock, proxy } = await front(t, { serverList: server.url, idleTimeout: 5 })
      const stream = session.request({ ':path': '/' })
      stream.on('error', () => {})
      await within(once(stream, 'response'), 'the head')
      stream.pause()
      await settle(500)
      assert.ok(handed < total / 2, `${handed} bytes are on their way`)
      clock.advance(5_000)
      await eventually(() => ends.length === 1, 'the end')
      assert.equal(ends[0]?.error?.code, 'ERR_REQUEST_TIMEOUT')
      assert.equal(proxy.pools[0]?.servers[0]?.consecutiveFailures, 0)
    })

    test('Expect: 100-continue', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write('HTTP/1.1 100 Continue\r\n\r\n')
        await wire.until('0\r\n\r\n')
        wire.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
      })
      const { session } = await front(t, { serverList: server.url })
      const stream = session.request({ ':path': '/', ':method': 'PUT', expect: '100-continue' }, { endStream: false })
      const answer = answerOf(stream)
      await within(once(stream, 'continue'), '100 Continue')
      stream.end('body')
      assert.equal((await within(answer, 'the answer')).status, 201)
    })

    test('HTTP/1.1 on the same port', async (t) => {
      const { url } = await httpServer(t, (req, res) =>
        res.end(`${req.httpVersion} ${req.headers['x-forwarded-proto']}`),
      )
      const { port } = await front(t, { serverList: url })
      const body = await new Promise<string>((resolve, reject) => {
        const req = httpsRequest({ host: 'localhost', port, ca: certificates().ca, agent: false }, (res) => {
          res.setEncoding('utf8').once('data', resolve)
        })
        req.on('error', reject)
        req.end()
      })
      assert.equal(body, '1.1 https')
    })

    test('many streams at once, none of them mixed up', async (t) => {
      const { url } = await httpServer(t, (req, res) => req.pipe(res))
      const { session } = await front(t, { serverList: url })
      const bodies = Array.from({ length: 50 }, (_, i) => `${i} `.repeat(3000))
      const answers = await Promise.all(bodies.map((body) => ask(session, { ':path': '/', ':method': 'POST' }, body)))
      assert.ok(answers.every(({ body }, i) => body === bodies[i]))
    })

    describe('WebSocket (RFC 8441)', () => {
      const handshake = {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':path': '/ws?x',
        ':authority': 'shop.test',
        'sec-websocket-version': '13',
      }

      async function webSocketServer(t: Cleanup, extra = ''): Promise<RawServer & { heads: WireMessage[] }> {
        const heads: WireMessage[] = []
        const server = await RawServer.listen(t, async (wire) => {
          const head = await wire.head()
          heads.push(head)
          const accept = createHash('sha1')
            .update(`${head.field('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64')
          wire.write(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${extra}\r\nearly`,
          )
        })
        return Object.assign(server, { heads })
      }

      test('is a WebSocket over HTTP/1.1 for the server', async (t) => {
        const server = await webSocketServer(
          t,
          'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nSec-WebSocket-Protocol: chat\r\n',
        )
        const { session, ends } = await front(t, { serverList: server.url })
        const stream = session.request({ ...handshake, 'sec-websocket-protocol': 'chat' }, { endStream: false })
        const [headers] = (await within(once(stream, 'response'), 'the answer')) as [IncomingHttpHeaders]
        assert.equal(headers[':status'], 200)
        assert.equal(headers['sec-websocket-protocol'], 'chat')
        assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
        for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) assert.equal(headers[name], undefined)
        const [head] = server.heads
        assert.equal(head?.start, 'GET /ws?x HTTP/1.1')
        assert.deepEqual([head.field('connection'), head.field('upgrade')], ['Upgrade', 'websocket'])
        assert.equal(Buffer.from(head.field('sec-websocket-key') ?? '', 'base64').length, 16)
        assert.equal(head.field('host'), 'shop.test')
        const [early] = (await within(once(stream, 'data'), 'early bytes')) as [Buffer]
        assert.equal(early.toString(), 'early')
        const wire = server.wires[0]!
        stream.write('ping')
        assert.equal((await wire.bytes(4)).toString(), 'ping')
        wire.write('pong')
        const [pong] = (await within(once(stream, 'data'), 'pong')) as [Buffer]
        assert.equal(pong.toString(), 'pong')
        stream.once('end', () => stream.end())
        wire.end()
        await within(once(stream, 'close'), 'the close of the stream')
        await eventually(() => ends.length === 1, 'the end')
        assert.equal(ends[0]?.error, undefined)
      })

      test('ends at the server when the client cancels', async (t) => {
        const server = await webSocketServer(t)
        const { session, proxy, ends } = await front(t, { serverList: server.url })
        const stream = session.request(handshake, { endStream: false })
        stream.on('error', () => {})
        await within(once(stream, 'response'), 'the answer')
        assert.equal(proxy.pools[0]?.servers[0]?.connections, 1)
        stream.close(8)
        await server.wires[0]?.atClose()
        await eventually(() => ends.length === 1, 'the end')
        assert.equal(proxy.pools[0]?.servers[0]?.connections, 0)
      })

      test('a refusal is an ordinary answer', async (t) => {
        const server = await RawServer.listen(t, async (wire) => {
          await wire.head()
          wire.write('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n')
        })
        const { session } = await front(t, { serverList: server.url })
        const stream = session.request(handshake, { endStream: false })
        const answer = answerOf(stream)
        await within(once(stream, 'response'), 'the answer')
        stream.end()
        const { status, body } = await within(answer, 'the end')
        assert.deepEqual([status, body], [403, 'no'])
      })

      test('a server with a wrong key is not believed', async (t) => {
        const server = await RawServer.listen(t, async (wire) => {
          await wire.head()
          wire.write(
            'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
          )
        })
        const { session } = await front(t, { serverList: server.url })
        const stream = session.request(handshake, { endStream: false })
        const [headers] = (await within(once(stream, 'response'), 'the answer')) as [IncomingHttpHeaders]
        assert.equal(headers[':status'], 502)
        stream.close()
        await server.wires[0]?.atClose()
      })

      test('a CONNECT of another kind is refused', async (t) => {
        const server = await RawServer.listen(t)
        const { session } = await front(t, { serverList: server.url })
        const stream = session.request({ ':method': 'CONNECT', ':authority': 'evil.test:22' }, { endStream: false })
        const [headers] = (await within(once(stream, 'response'), 'the answer')) as [IncomingHttpHeaders]
        assert.equal(headers[':status'], 405)
        assert.equal(server.wires.length, 0)
      })
    })
  })
}
