/**
 * What every transport must do; see `lib/transports/transport.ts`. The servers here speak bytes, so that nothing of
 * Node's own HTTP stands between the transport and what it has to cope with.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Clock } from '#lib/clock.js'
import { parseServer } from '#lib/pool/address.js'
import type { ConnectionOptions, RawHeaders, Transport, TransportRequest, Upstream } from '#lib/transports/transport.js'
import { connectionOptions, Sent } from '../support/carriage.js'
import { certificates } from '../support/certificates.js'
import { ManualClock } from '../support/clock.js'
import { deadPort, RawServer } from '../support/upstream.js'
import { eventually, type Wire } from '../support/wire.js'

/** A transport under test. */
export interface TransportSubject {
  readonly name: string
  create(clock: Clock): Transport
  /**
   * Makes an upstream to a server that is given as it would be for HTTP/1.1 (`127.0.0.1:80`, `https://localhost:443`), for
   * a transport that needs something in between to understand it.
   */
  upstream?(t: TestContext, address: string, options: ConnectionOptions, clock: Clock): Promise<Upstream>
  /** Schemes of addresses that it dials by itself, without TLS and with. Default: `http` and `https`. */
  readonly schemes?: readonly [plain: string, secure: string]
  /** What is left of fields on their way, for a transport that does not carry them as they are. */
  fields?(fields: RawHeaders): RawHeaders
  /** There are no reasons beside a status. */
  readonly withoutReason?: boolean
  /** A connection can be made in place of one that was lost, so that one counts as used before. Default: true. */
  readonly reuses?: boolean
  /** Cases that it cannot do, by their title, each with the reason. */
  readonly skip: Readonly<Record<string, string>>
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export function transportContract(subject: TransportSubject): void {
  const test = (title: string, body: (t: TestContext) => Promise<void>): void => {
    const skip = subject.skip[title]
    it(title, skip === undefined ? {} : { skip }, body)
  }

  async function upstream(
    t: TestContext,
    address: string,
    options: Partial<ConnectionOptions> = {},
    clock: Clock = new ManualClock(),
  ): Promise<Upstream> {
    const all = { ...connectionOptions, ...options }
    const made =
      subject.upstream === undefined
        ? subject.create(clock).upstream(parseServer(address).address, all)
        : await subject.upstream(t, address, all, clock)
    t.after(() => made.close())
    return made
  }

  const [plain, secure] = subject.schemes ?? ['http', 'https']

  /** The same to an address with its scheme, and nothing in between. */
  function direct(
    t: TestContext,
    address: string,
    options: Partial<ConnectionOptions> = {},
    clock: Clock = new ManualClock(),
  ): Upstream {
    const made = subject.create(clock).upstream(parseServer(address).address, { ...connectionOptions, ...options })
    t.after(() => made.close())
    return made
  }

  const fieldsOf = (fields: RawHeaders): RawHeaders => subject.fields?.(fields) ?? fields
  const reasonOf = (reason: string): string => (subject.withoutReason === true ? '' : reason)
  /** Whether it is told of a connection that it was used before, where it was. */
  const reuse = (reused: boolean): boolean => reused && subject.reuses !== false

  /** A server that gives every request of every connection the same answer, or one after the other of `answers`. */
  function answering(t: TestContext, ...answers: readonly (string | Buffer)[]): Promise<RawServer> {
    return RawServer.listen(t, async (wire) => {
      for (let i = 0; ; i++) {
        await wire.message()
        wire.write(answers[Math.min(i, answers.length - 1)] as string)
      }
    })
  }

  describe('one request', () => {
    test('tells of it in the order of the contract, and never during send', async (t) => {
      const server = await answering(
        t,
        'HTTP/1.1 200 Fine\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      )
      const sent = new Sent(await upstream(t, server.url))
      assert.deepEqual(await sent.over(), ['connected', 'response 200', 'data', 'end'])
      assert.equal(sent.reused, false)
      assert.deepEqual(headOf(sent), {
        status: 200,
        reason: reasonOf('Fine'),
        headers: fieldsOf(['X-A', '1', 'Transfer-Encoding', 'chunked']),
        hasBody: true,
      })
      assert.equal(sent.body, 'ok')
      assert.deepEqual(sent.trailers, [])
    })

    test('writes the head as it was given, and adds Connection alone', async (t) => {
      const server = await RawServer.listen(t)
      const arrival = server.next()
      const fields = [
        'x-first',
        '1',
        'Host',
        'a.test:81',
        'X-Multi',
        'a',
        'X-Multi',
        'b',
        'accept',
        '*/*',
        'X-Empty',
        '',
      ]
      new Sent(await upstream(t, server.url), { target: '//a//%2e/b?x=//&y', headers: fields })
      const head = await (await arrival).head()
      assert.equal(head.start, 'GET //a//%2e/b?x=//&y HTTP/1.1')
      assert.deepEqual(without(head.headers, 'connection'), fields)
      assert.ok(['', 'keep-alive'].includes(head.all('connection').join().toLowerCase()))
    })

    test('writes bytes beyond ASCII of target and fields as they are', async (t) => {
      const server = await RawServer.listen(t)
      const to = await upstream(t, server.url)
      const bytes = Buffer.from('é€').toString('latin1')
      for (const framing of [[], ['Content-Length', '2'], ['Content-Length', '2', 'Expect', '100-continue']]) {
        const arrival = server.next()
        const headers = ['Host', 'h', 'X-Name', bytes, ...framing]
        const sent = new Sent(to, { method: 'PUT', target: `/${bytes}`, headers, hasBody: framing.length > 0 })
        const wire = await arrival
        const head = await wire.head()
        assert.equal(head.start, `PUT /${bytes} HTTP/1.1`)
        assert.equal(head.field('x-name'), bytes)
        sent.carriage.abort()
      }
    })

    test('gives the fields of the answer with their order, case and duplicates, hop-by-hop fields included', async (t) => {
      const fields = [
        'B',
        '1',
        'set-cookie',
        'a=1',
        'A',
        '2',
        'Set-Cookie',
        'b=2',
        'Keep-Alive',
        'timeout=5',
        'Content-Length',
        '0',
      ]
      const server = await answering(t, `HTTP/1.1 404 Not Here\r\n${lines(fields)}\r\n`)
      const sent = new Sent(await upstream(t, server.url))
      assert.deepEqual(await sent.over(), ['connected', 'response 404', 'end'])
      assert.deepEqual(headOf(sent), {
        status: 404,
        reason: reasonOf('Not Here'),
        headers: fieldsOf(fields),
        hasBody: false,
      })
    })

    test('passes bytes beyond ASCII of the answer as they are', async (t) => {
      const bytes = Buffer.from('é€').toString('latin1')
      const server = await answering(
        t,
        Buffer.from(`HTTP/1.1 200 OK\r\nX-Name: ${bytes}\r\nContent-Length: 0\r\n\r\n`, 'latin1'),
      )
      const sent = new Sent(await upstream(t, server.url))
      await sent.over()
      assert.equal(sent.head?.headers[1], bytes)
    })

    test('takes an answer that comes byte by byte', async (t) => {
      const answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-End: 1\r\n\r\n'
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        for (const byte of answer) {
          wire.write(byte)
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
      const sent = new Sent(await upstream(t, server.url))
      assert.equal((await sent.over()).at(-1), 'end')
      assert.equal(sent.body, 'hello')
      assert.deepEqual(sent.trailers, fieldsOf(['X-End', '1']))
    })
  })

  describe('the body of a request', () => {
    for (const [method, framing] of [
      ['POST', 'length'],
      ['POST', 'chunked'],
      ['GET', 'chunked'],
      ['DELETE', 'chunked'],
      ['OPTIONS', 'chunked'],
      ['DELETE', 'length'],
      ['GET', 'length'],
    ] as const) {
      test(`${method} with a body framed by ${framing} arrives whole`, async (t) => {
        const server = await RawServer.listen(t)
        const arrival = server.next()
        const headers = [
          'Host',
          'h',
          ...(framing === 'length' ? ['Content-Length', '10'] : ['Transfer-Encoding', 'chunked']),
        ]
        const sent = new Sent(await upstream(t, server.url), { method, headers, hasBody: true }, (carriage) => {
          carriage.write(Buffer.from('hello'))
          carriage.write(Buffer.from('world'))
          carriage.end([])
        })
        const wire = await arrival
        const message = await wire.message()
        assert.equal(message.text, 'helloworld')
        assert.deepEqual(message.all('content-length'), framing === 'length' ? ['10'] : [])
        assert.deepEqual(message.all('transfer-encoding'), framing === 'length' ? [] : ['chunked'])
        wire.write(ok)
        await sent.over()
        assert.equal(wire.unread, '', 'nothing follows the request')
      })
    }

    test('sends the head although the body is still to come', async (t) => {
      const server = await RawServer.listen(t)
      const arrival = server.next()
      const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
      const sent = new Sent(await upstream(t, server.url), { method: 'POST', headers, hasBody: true })
      const wire = await arrival
      await wire.head()
      sent.carriage.write(Buffer.from('x'))
      assert.equal(await wire.until('x\r\n'), '1\r\nx\r\n')
      sent.carriage.end([])
      assert.equal(await wire.until('0\r\n\r\n'), '0\r\n\r\n')
    })

    test('passes the trailers of a request on', async (t) => {
      const server = await RawServer.listen(t)
      const arrival = server.next()
      const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked', 'Trailer', 'X-Sum']
      new Sent(await upstream(t, server.url), { method: 'PUT', headers, hasBody: true }, (carriage) => {
        carriage.write(Buffer.from('body'))
        carriage.end(['X-Sum', '42', 'X-sum', '43'])
      })
      assert.deepEqual((await (await arrival).message()).trailers, fieldsOf(['X-Sum', '42', 'X-sum', '43']))
    })

    test('holds the upload back while the server does not read, and tells when it takes more', async (t) => {
      const server = await RawServer.listen(t)
      server.server.on('connection', (socket: Socket) => socket.pause())
      const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
      const sent = new Sent(await upstream(t, server.url), { method: 'PUT', headers, hasBody: true })
      await sent.when('connected')
      const chunk = Buffer.alloc(64 * 1024, 'x')
      let written = 0
      const limit = 64 * 1024 * 1024
      // The kernel takes some megabytes before it is full.
      while (written < limit) {
        written += chunk.length
        if (sent.carriage.write(chunk)) continue
        const drained = await Promise.race([
          sent.drains().then(
            () => true,
            () => false,
          ),
          still(server),
        ])
        if (!drained) break
      }
      assert.ok(written < limit / 2, `it took ${written} bytes that nobody reads`)
      const drained = sent.drains()
      const wire = server.wires[0] as Wire
      wire.socket.resume()
      await drained
      sent.carriage.end([])
      assert.equal((await wire.message()).body.length, written)
      wire.write(ok)
      assert.equal((await sent.over()).at(-1), 'end')
    })
  })

  describe('the body of an answer', () => {
    test('ends with the connection when nothing else frames it', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write('HTTP/1.1 200 OK\r\n\r\nuntil ')
        wire.end('the end')
      })
      const sent = new Sent(await upstream(t, server.url))
      assert.equal((await sent.over()).at(-1), 'end')
      assert.equal(sent.body, 'until the end')
      assert.equal(sent.head?.hasBody, true)
    })

    const bodiless: [title: string, method: string, answer: string][] = [
      ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'],
      ['HEAD with chunks', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
      ['HEAD without framing', 'HEAD', 'HTTP/1.1 200 OK\r\n\r\n'],
      ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n'],
      ['an empty body', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['an empty body, written at length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 000\r\n\r\n'],
    ]
    for (const [title, method, answer] of bodiless) {
      test(`has none: ${title}; and the connection goes on`, async (t) => {
        const server = await answering(t, answer, ok)
        const to = await upstream(t, server.url)
        const first = new Sent(to, { method })
        assert.deepEqual((await first.over()).slice(2), ['end'])
        assert.equal(first.head?.hasBody, false)
        const second = await afterFree(() => new Sent(to))
        assert.equal((await second.over()).at(-1), 'end')
        assert.equal(second.body, 'ok')
        assert.equal(server.wires.length, 1)
      })
    }

    test('says that nothing more has come for now, so that a head or an event is not held up', async (t) => {
      const server = await RawServer.listen(t)
      for (const begin of ['', '1\r\na\r\n']) {
        const arrival = server.next()
        const sent = new Sent(await upstream(t, server.url))
        const wire = await arrival
        await wire.message()
        const flushed = sent.flushes()
        wire.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${begin}`)
        await flushed
        assert.equal(sent.head?.status, 200)
        assert.equal(sent.body, begin === '' ? '' : 'a')
        wire.write('0\r\n\r\n')
        assert.equal((await sent.over()).at(-1), 'end')
      }
    })

    test('gives the trailers raw', async (t) => {
      const server = await answering(
        t,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n',
      )
      const sent = new Sent(await upstream(t, server.url))
      await sent.over()
      assert.deepEqual(sent.trailers, fieldsOf(['X-Sum', '1', 'x-sum', '2']))
    })

    test('takes chunk extensions, and upper-case coding names', async (t) => {
      const server = await answering(
        t,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n0;c\r\n\r\n',
      )
      const sent = new Sent(await upstream(t, server.url))
      assert.equal((await sent.over()).at(-1), 'end')
      assert.equal(sent.body, 'ok')
    })

    test('holds the server back while nobody takes the answer', async (t) => {
      const total = 48 * 1024 * 1024
      let handed = 0
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
        const chunk = Buffer.alloc(64 * 1024, 'y')
        for (; handed < total; handed += chunk.length) {
          if (!wire.write(chunk)) await new Promise((resolve) => wire.socket.once('drain', resolve))
        }
      })
      const sent = new Sent(await upstream(t, server.url))
      sent.counting = true
      sent.wants = false
      await sent.when('data')
      const stopped = sent.received
      while (await moves(() => handed));
      assert.ok(handed < total / 2, `the server could send ${handed} bytes that nobody takes`)
      assert.ok(sent.received <= stopped + 256 * 1024, 'data came although none was wanted')
      sent.wants = true
      sent.carriage.resume()
      assert.equal((await sent.over()).at(-1), 'end')
      assert.equal(sent.received, total)
    })
  })

  describe('informational answers', () => {
    test('come before the answer, any number of them, with their fields', async (t) => {
      const server = await answering(
        t,
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' +
          `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n${ok}`,
      )
      const sent = new Sent(await upstream(t, server.url))
      assert.deepEqual(await sent.over(), [
        'connected',
        'informational 100',
        'informational 102',
        'informational 103',
        'response 200',
        'data',
        'end',
      ])
      assert.deepEqual(sent.informationals[2], {
        status: 103,
        headers: fieldsOf(['Link', '</a>', 'Link', '</b>']),
      })
    })

    test('a body waits for 100 Continue, and its head does not', async (t) => {
      const server = await RawServer.listen(t)
      const arrival = server.next()
      const headers = ['Host', 'h', 'Expect', '100-continue', 'Content-Length', '4']
      const sent = new Sent(await upstream(t, server.url), { method: 'PUT', headers, hasBody: true })
      const wire = await arrival
      const head = await wire.head()
      assert.equal(head.field('expect'), '100-continue')
      assert.equal(wire.unread, '')
      wire.write('HTTP/1.1 100 Continue\r\n\r\n')
      await sent.when('informational')
      sent.carriage.write(Buffer.from('body'))
      sent.carriage.end([])
      assert.equal((await wire.bytes(4)).toString(), 'body')
      wire.write(ok)
      assert.equal((await sent.over()).at(-1), 'end')
    })

    for (const [title, answer] of [
      ['with Upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
      ['without Upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ] as const) {
      test(`101 that nobody asked for is a failure, ${title}`, async (t) => {
        const server = await answering(t, answer)
        const sent = new Sent(await upstream(t, server.url))
        const last = (await sent.over()).at(-1) ?? ''
        assert.match(last, /^failed ERR_(UPGRADE|RESPONSE)_INVALID$/)
        await eventually(() => server.open === 0, 'the connection to be closed')
      })
    }
  })

  describe('the connections', () => {
    test('are used again once request and answer are complete', async (t) => {
      const server = await answering(t, ok)
      const to = await upstream(t, server.url)
      for (let i = 0; i < 20; i++) {
        const sent = await afterFree(() => new Sent(to))
        assert.equal((await sent.over()).at(-1), 'end')
        assert.equal(sent.reused, reuse(i > 0))
      }
      assert.equal(server.wires.length, 1)
    })

    test('do not gather listeners', async (t) => {
      const warnings: Error[] = []
      const onWarning = (warning: Error): number => warnings.push(warning)
      process.on('warning', onWarning)
      t.after(() => process.off('warning', onWarning))
      const server = await answering(t, ok)
      const to = await upstream(t, server.url)
      for (let i = 0; i < 40; i++) await (await afterFree(() => new Sent(to))).over()
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(server.wires.length, 1)
      assert.deepEqual(warnings, [])
    })

    test('are used last in, first out, and only so many are kept', async (t) => {
      const server = await RawServer.listen(t)
      const to = await upstream(t, server.url, { keepAliveConnections: 2 })
      const three = [new Sent(to), new Sent(to), new Sent(to)]
      await eventually(() => server.wires.length === 3, 'three connections')
      // Answered one after the other, in this order.
      for (const [i, wire] of server.wires.entries()) {
        await wire.head()
        wire.write(ok)
        await eventually(() => three.filter((each) => each.log.includes('end')).length > i, 'an answer')
        await settle()
      }
      await eventually(() => server.open === 2, 'the third to be closed')
      const [first, second, third] = server.wires as [Wire, Wire, Wire]
      assert.equal(third.closed, true)
      new Sent(to)
      await second.head()
      new Sent(to)
      await first.head()
      assert.equal(server.wires.length, 3)
    })

    test('are closed at KeepAliveTimeout', async (t) => {
      const clock = new ManualClock()
      const server = await answering(t, ok)
      const to = await upstream(t, server.url, {}, clock)
      await new Sent(to).over()
      await settle()
      clock.advance(3_999)
      assert.equal(server.open, 1)
      clock.advance(1)
      await eventually(() => server.open === 0, 'the connection to be closed')
      const next = new Sent(to)
      await next.over()
      assert.equal(next.reused, false)
    })

    test("are closed before the server's own Keep-Alive timeout", async (t) => {
      const clock = new ManualClock()
      const server = await answering(t, 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=3, max=9\r\nContent-Length: 0\r\n\r\n')
      const to = await upstream(t, server.url, {}, clock)
      await new Sent(to).over()
      await settle()
      clock.advance(1_999)
      const second = new Sent(to)
      await second.over()
      assert.equal(second.reused, reuse(true))
      await settle()
      clock.advance(2_000)
      await eventually(() => server.open === 0, 'the connection to be closed')
      assert.equal(server.wires.length, 1)
    })

    for (const [title, options, answer] of [
      ['KeepAliveTimeout 0', { keepAliveTimeout: 0 }, ok],
      ['KeepAliveConnections 0', { keepAliveConnections: 0 }, ok],
      ['Connection: close', {}, 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
      ['Connection: x, CLOSE', {}, 'HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok'],
      ['HTTP/1.0', {}, 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
      [
        'a Keep-Alive timeout of a second',
        {},
        'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok',
      ],
    ] as const) {
      test(`are not kept: ${title}`, async (t) => {
        const server = await answering(t, answer)
        const to = await upstream(t, server.url, options)
        await new Sent(to).over()
        await eventually(() => server.open === 0, 'the connection to be closed')
        const second = new Sent(to)
        assert.equal((await second.over()).at(-1), 'end')
        assert.equal(second.reused, false)
      })
    }

    test('a kept one that dies as it is taken is a lost connection, and `fresh` makes a new one', async (t) => {
      const server = await RawServer.listen(t, async (wire, index) => {
        await wire.message()
        wire.write(ok)
        await wire.message()
        if (index === 0) wire.destroy()
        else wire.write(ok)
      })
      const to = await upstream(t, server.url)
      await new Sent(to).over()
      const stale = await afterFree(() => new Sent(to))
      assert.deepEqual(await stale.over(), ['connected', 'failed ERR_CONNECTION_LOST'])
      assert.equal(stale.reused, reuse(true))
      const again = new Sent(to, { fresh: true })
      assert.equal((await again.over()).at(-1), 'end')
      assert.equal(again.reused, false)
      const kept = await afterFree(() => new Sent(to, { fresh: true }))
      await kept.over()
      assert.equal(kept.reused, false, 'although one was kept')
      assert.equal(server.wires.length, 3)
    })

    test('one that the server closes while it waits is not used again', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(ok)
      })
      const to = await upstream(t, server.url)
      await new Sent(to).over()
      await settle()
      server.wires[0]?.end()
      await server.wires[0]?.atClose()
      const second = new Sent(to, { method: 'POST', headers: ['Host', 'h', 'Content-Length', '0'] })
      assert.equal((await second.over()).at(-1), 'end')
      assert.equal(second.reused, false)
    })

    test('a FIN that has arrived is seen before a request that must not be sent twice is lost', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(ok)
      })
      const to = await upstream(t, server.url)
      const post: Partial<TransportRequest> = { method: 'POST', headers: ['Host', 'h', 'Content-Length', '0'] }
      await new Sent(to, post).over()
      for (let i = 0; i < 30; i++) {
        await settle()
        const socket = server.wires.at(-1)?.socket as Socket
        // In the very turn in which the FIN went out: the other end has not been asked about it yet.
        const sent = await new Promise<Sent>((resolve) => socket.end(() => resolve(new Sent(to, post))))
        assert.equal((await sent.over()).at(-1), 'end', `request ${i}`)
        assert.equal(sent.reused, false)
      }
    })

    test('one on which the server speaks without being asked is thrown away', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(ok)
      })
      const to = await upstream(t, server.url)
      await new Sent(to).over()
      await settle()
      server.wires[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
      await server.wires[0]?.atClose()
      const second = new Sent(to)
      await second.over()
      assert.equal(second.body, 'ok')
      assert.equal(second.reused, false)
    })

    for (const [title, extra] of [
      ['a second answer', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'],
      ['anything', '\r\n\0garbage'],
    ] as const) {
      for (const split of [false, true]) {
        test(`${title} behind an answer is dropped with its connection, ${split ? 'in a packet of its own' : 'in the same packet'}`, async (t) => {
          const server = await RawServer.listen(t, async (wire) => {
            await wire.message()
            if (split) {
              wire.write(ok)
              await settle()
              wire.write(extra)
            } else {
              wire.write(ok + extra)
            }
          })
          const to = await upstream(t, server.url)
          const first = new Sent(to)
          assert.deepEqual(await first.over(), ['connected', 'response 200', 'data', 'end'])
          assert.equal(first.body, 'ok')
          await eventually(() => server.open === 0, 'the connection to be closed')
          const second = new Sent(to)
          await second.over()
          assert.equal(second.body, 'ok')
          assert.equal(server.wires.length, 2)
        })
      }
    }

    test('are closed by `close`: those that wait at once, those in use when they are free', async (t) => {
      const server = await RawServer.listen(t)
      const to = await upstream(t, server.url)
      const waiting = new Sent(to)
      await eventually(() => server.wires.length === 1, 'a connection')
      const first = server.wires[0] as Wire
      await first.head()
      const used = new Sent(to)
      await eventually(() => server.wires.length === 2, 'a second one')
      const second = server.wires[1] as Wire
      await second.head()
      first.write(ok)
      await Promise.race([waiting.over(), used.over()])
      await settle()
      to.close()
      await first.atClose()
      assert.equal(second.closed, false)
      second.write(ok)
      await Promise.all([waiting.over(), used.over()])
      await second.atClose()
      to.close()
    })
  })

  describe('an answer before the request has ended', () => {
    const early = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'
    const upload: Partial<TransportRequest> = {
      method: 'POST',
      headers: ['Host', 'h', 'Transfer-Encoding', 'chunked'],
      hasBody: true,
    }

    test('is given at once; the connection is used again when the request has ended too', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write(early)
        await wire.until('0\r\n\r\n')
        await wire.message()
        wire.write(ok)
      })
      const to = await upstream(t, server.url)
      const sent = new Sent(to, upload, (carriage) => carriage.write(Buffer.from('part')))
      assert.deepEqual(await sent.over(), ['connected', 'response 413', 'data', 'end'])
      const other = new Sent(to)
      await other.when('connected')
      assert.equal(other.reused, false, 'the upload still goes on')
      other.carriage.abort()
      sent.carriage.write(Buffer.from('the rest'))
      sent.carriage.end([])
      await settle()
      const next = await afterFree(() => new Sent(to))
      assert.equal((await next.over()).at(-1), 'end')
      assert.equal(next.reused, reuse(true))
      assert.deepEqual(sent.log.slice(3), ['end'], 'nothing comes after the end')
    })

    test('abort after the end closes the connection of an upload that goes on', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write(early)
      })
      const sent = new Sent(await upstream(t, server.url), upload, (carriage) => carriage.write(Buffer.from('part')))
      await sent.over()
      sent.carriage.abort()
      await server.wires[0]?.atClose()
      assert.equal(sent.log.at(-1), 'end')
    })

    test('is not lost when the server closes right behind it', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno')
        wire.end()
      })
      const sent = new Sent(await upstream(t, server.url), upload, (carriage) => carriage.write(Buffer.from('part')))
      assert.deepEqual(await sent.over(), ['connected', 'response 413', 'data', 'end'])
      sent.carriage.write(Buffer.from('late'))
      sent.carriage.end([])
      sent.carriage.abort()
      await eventually(() => server.open === 0, 'the connection to be closed')
    })
  })

  describe('a broken answer', () => {
    const heads: [title: string, answer: string][] = [
      ['an unknown transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\n'],
      ['a coding before chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
      ['chunked twice in one field', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
      [
        'chunked in two fields',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['two different lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok'],
      ['the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
      ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
      [
        'length and chunked',
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ],
      [
        'chunked and length',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ],
      ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
      ['a length in hex', 'HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok'],
      ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
      ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok'],
      ['a length that no number holds', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok'],
      ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
      ['a status of 0', 'HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n'],
      ['a status of 099', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n'],
      ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
      ['NUL in a field', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n'],
      ['CR in a field', 'HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n'],
      ['a control character in a field', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n'],
      ['a space in a name', 'HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n'],
      ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
      ['a line without a colon', 'HTTP/1.1 200 OK\r\nnothing\r\nContent-Length: 0\r\n\r\n'],
      ['a folded line', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\n\r\n'],
      ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
      ['another version', 'HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n'],
      ['a head without end', `HTTP/1.1 200 OK\r\n${'X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(4000)}`],
    ]
    for (const [title, answer] of heads) {
      test(`fails before its head is told, and its connection is closed: ${title}`, async (t) => {
        const server = await answering(t, answer)
        const sent = new Sent(await upstream(t, server.url))
        assert.deepEqual(await sent.over(), ['connected', 'failed ERR_RESPONSE_INVALID'], sent.error?.message)
        await eventually(() => server.open === 0, 'the connection to be closed')
      })
    }

    const cut: [title: string, answer: string, code: string][] = [
      ['before any byte', '', 'ERR_CONNECTION_LOST'],
      ['in the head', 'HTTP/1.1 200 OK\r\nContent-Le', 'ERR_(CONNECTION_LOST|RESPONSE_INVALID)'],
      ['behind an informational answer', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'ERR_(CONNECTION_LOST|RESPONSE_INVALID)'],
      ['in a body with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', 'ERR_RESPONSE_INCOMPLETE'],
      ['right behind the head', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', 'ERR_RESPONSE_INCOMPLETE'],
      ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello', 'ERR_RESPONSE_INCOMPLETE'],
      [
        'between chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
        'ERR_RESPONSE_INCOMPLETE',
      ],
      [
        'in the last chunk',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
        'ERR_RESPONSE_INCOMPLETE',
      ],
    ]
    for (const [title, answer, code] of cut) {
      for (const how of ['FIN', 'RST'] as const) {
        test(`breaks off by ${how}: ${title}`, async (t) => {
          const server = await RawServer.listen(t, async (wire) => {
            await wire.message()
            if (how === 'FIN') {
              wire.end(answer)
              return
            }
            wire.write(answer)
            await settle()
            ;(wire.socket as Socket).resetAndDestroy()
          })
          const sent = new Sent(await upstream(t, server.url))
          assert.match((await sent.over()).at(-1) ?? '', new RegExp(`^failed ${code}$`))
          assert.ok(!sent.log.includes('end'))
          await eventually(() => server.open === 0, 'the connection to be closed')
        })
      }
    }

    test('a body that ends with a reset connection is not complete', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write('HTTP/1.1 200 OK\r\n\r\nhello')
        await settle()
        ;(wire.socket as Socket).resetAndDestroy()
      })
      const sent = new Sent(await upstream(t, server.url))
      assert.equal((await sent.over()).at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
    })

    test('a chunk size that is none breaks the answer off', async (t) => {
      const server = await answering(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nxyz\r\n')
      const sent = new Sent(await upstream(t, server.url))
      assert.match((await sent.over()).at(-1) ?? '', /^failed ERR_RESPONSE_(INCOMPLETE|INVALID)$/)
      await eventually(() => server.open === 0, 'the connection to be closed')
    })
  })

  describe('abort', () => {
    const upload: Partial<TransportRequest> = {
      method: 'PUT',
      headers: ['Host', 'h', 'Transfer-Encoding', 'chunked'],
      hasBody: true,
    }

    async function gone(server: RawServer, sent: Sent): Promise<void> {
      const log = [...sent.log]
      sent.carriage.abort()
      await eventually(() => server.open === 0, 'the connection to be closed')
      await settle()
      assert.deepEqual(sent.log, log, 'an event after abort')
      sent.carriage.abort()
      sent.carriage.resume()
    }

    test('before there is a connection', async (t) => {
      const server = await RawServer.listen(t)
      const sent = new Sent(await upstream(t, server.url))
      await gone(server, sent)
      assert.deepEqual(sent.log, [])
    })

    test('before a kept connection is handed over', async (t) => {
      const server = await answering(t, ok)
      const to = await upstream(t, server.url)
      for (const method of ['GET', 'POST']) {
        await new Sent(to).over()
        await settle()
        // It may have been handed over at once.
        await gone(server, new Sent(to, { method }))
      }
    })

    test('in the call of `connected`', async (t) => {
      const server = await RawServer.listen(t)
      const sent = new Sent(await upstream(t, server.url), upload, (carriage) => carriage.abort())
      await sent.when('connected')
      await eventually(() => server.open === 0, 'the connection to be closed')
      assert.deepEqual(sent.log, ['connected'])
    })

    test('while the body is under way', async (t) => {
      const server = await RawServer.listen(t)
      const sent = new Sent(await upstream(t, server.url), upload, (carriage) => carriage.write(Buffer.from('part')))
      await eventually(() => (server.wires[0]?.received ?? 0) > 0, 'some of the request')
      await gone(server, sent)
      assert.ok(!server.wires[0]?.unread.includes('0\r\n\r\n'), 'the request looks complete')
      sent.carriage.write(Buffer.from('more'))
      sent.carriage.end([])
    })

    test('while the answer is awaited', async (t) => {
      const server = await RawServer.listen(t)
      const sent = new Sent(await upstream(t, server.url))
      await eventually(() => server.wires[0]?.unread.endsWith('\r\n\r\n') ?? false, 'the request')
      await gone(server, sent)
    })

    test('in the call of `response`, and in a body', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
      })
      const sent = new Sent(await upstream(t, server.url))
      await sent.when('data')
      await gone(server, sent)
      const other = new (class extends Sent {
        override response(...given: Parameters<Sent['response']>): void {
          super.response(...given)
          this.carriage.abort()
        }
      })(await upstream(t, server.url))
      await other.when('response')
      await eventually(() => server.open === 0, 'the connection to be closed')
      await settle()
      assert.deepEqual(other.log, ['connected', 'response 200'])
    })

    test('while the answer is held back', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.message()
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(5_000_000)}`)
      })
      const sent = new Sent(await upstream(t, server.url))
      sent.wants = false
      await sent.when('data')
      await gone(server, sent)
    })

    test('when it is over, harms nobody', async (t) => {
      const server = await answering(t, ok)
      const to = await upstream(t, server.url)
      const sent = new Sent(to)
      await sent.over()
      sent.carriage.abort()
      await settle()
      const next = new Sent(to)
      await next.over()
      sent.carriage.abort()
      assert.equal(next.reused, reuse(true), 'the connection was free')
    })
  })

  describe('a change of protocol', () => {
    const upgrade: Partial<TransportRequest> = {
      upgrade: 'websocket',
      headers: ['Host', 'h', 'Sec-WebSocket-Key', 'k', 'Upgrade', 'websocket'],
    }

    test('hands over the socket, with what was read beyond the head', async (t) => {
      const server = await RawServer.listen(t)
      const arrival = server.next()
      const sent = new Sent(await upstream(t, server.url), upgrade)
      const wire = await arrival
      const head = await wire.head()
      assert.deepEqual(
        head.all('connection').map((value) => value.toLowerCase()),
        ['upgrade'],
      )
      assert.deepEqual(head.all('upgrade'), ['websocket'])
      wire.write(
        'HTTP/1.1 101 Now\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nearly',
      )
      assert.deepEqual(await sent.over(), ['connected', 'upgraded'])
      assert.deepEqual(headOf(sent), {
        status: 101,
        reason: 'Now',
        headers: ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', 'x'],
        hasBody: false,
      })
      assert.equal(sent.rest?.toString(), 'early')
      const socket = sent.socket as Socket
      assert.equal(socket.listenerCount('data'), 0)
      const data = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())))
      socket.resume()
      socket.write('ping')
      assert.equal((await wire.bytes(4)).toString(), 'ping')
      wire.write('pong')
      assert.equal(await data, 'pong')
      wire.destroy()
      await new Promise((resolve) => socket.once('close', resolve))
      sent.carriage.abort()
    })

    test('an error of the socket that was handed over ends nothing but the socket', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write('HTTP/1.1 101 Now\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
        await settle()
        ;(wire.socket as Socket).resetAndDestroy()
      })
      const sent = new Sent(await upstream(t, server.url), upgrade)
      await sent.over()
      const socket = sent.socket as Socket
      socket.resume()
      await new Promise((resolve) => socket.once('close', resolve))
    })

    test('that is refused is an ordinary answer', async (t) => {
      const server = await RawServer.listen(t, async (wire) => {
        await wire.head()
        wire.write('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsorry!\r\n0\r\n\r\n')
      })
      const sent = new Sent(await upstream(t, server.url), upgrade)
      assert.deepEqual(await sent.over(), ['connected', 'response 403', 'data', 'end'])
      assert.equal(sent.body, 'sorry!')
    })

    test('that the server does not answer is a lost connection; abort closes it', async (t) => {
      const server = await RawServer.listen(t, async (wire, index) => {
        await wire.head()
        if (index === 0) wire.destroy()
      })
      const to = await upstream(t, server.url)
      const lost = new Sent(to, upgrade)
      assert.equal((await lost.over()).at(-1), 'failed ERR_CONNECTION_LOST')
      const sent = new Sent(to, upgrade)
      await eventually(() => (server.wires[1]?.received ?? 0) > 0, 'the request')
      sent.carriage.abort()
      await server.wires[1]?.atClose()
      assert.deepEqual(sent.log, ['connected'])
    })
  })

  describe('no connection', () => {
    test('refused', async (t) => {
      const sent = new Sent(direct(t, `${plain}://127.0.0.1:${await deadPort()}`))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_REFUSED'])
    })

    test('a name that does not exist', async (t) => {
      const sent = new Sent(direct(t, `${plain}://does-not-exist.invalid:80`))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_DNS'])
    })

    test('a Unix socket that does not exist', async (t) => {
      const sent = new Sent(direct(t, 'unix:/nonexistent/app.sock'))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_FAILED'])
    })

    test('a handshake that takes too long', async (t) => {
      const clock = new ManualClock()
      const server = await RawServer.listen(t)
      const sent = new Sent(direct(t, `${secure}://${server.url}`, { connectTimeout: 700 }, clock))
      await eventually(() => server.wires.length === 1, 'a connection')
      clock.advance(699)
      await settle()
      assert.deepEqual(sent.log, [])
      clock.advance(1)
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_TIMEOUT'])
      await eventually(() => server.open === 0, 'the connection to be closed')
      assert.equal(clock.pending, 0)
    })

    test('a server that does not speak TLS', async (t) => {
      const server = await RawServer.listen(t, (wire) => wire.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
      const sent = new Sent(direct(t, `${secure}://${server.url}`))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_TLS'])
    })

    test('a server that closes in the handshake', async (t) => {
      const server = await RawServer.listen(t, (wire) => wire.end())
      const sent = new Sent(direct(t, `${secure}://${server.url}`))
      assert.match((await sent.over()).join(), /^failed ERR_CONNECT_(FAILED|TLS)$/)
      await eventually(() => server.open === 0, 'the connection to be closed')
    })

    test('leaves no timer behind', async (t) => {
      const clock = new ManualClock()
      const server = await answering(t, 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      await new Sent(await upstream(t, server.url, {}, clock)).over()
      await new Sent(direct(t, `${plain}://127.0.0.1:${await deadPort()}`, {}, clock)).over()
      assert.equal(clock.pending, 0)
    })
  })

  describe('TLS', () => {
    const { ca, localhost, inner, client } = certificates()

    function tlsServer(t: TestContext, options: TlsOptions): Promise<RawServer> {
      const server = createTlsServer({ ...localhost, ...options })
      return RawServer.listen(
        t,
        async (wire) => {
          for (;;) {
            await wire.message()
            wire.write(ok)
          }
        },
        { server },
      )
    }

    test('a server whose authority is named is believed, and its connection used again', async (t) => {
      const server = await tlsServer(t, {})
      const to = await upstream(t, `https://localhost:${server.port}`, { upstreamCA: ca })
      for (const reused of [false, true]) {
        const sent = await afterFree(() => new Sent(to))
        assert.equal((await sent.over()).at(-1), 'end')
        assert.equal(sent.reused, reuse(reused))
      }
      const socket = server.wires[0]!.socket as TLSSocket & { servername: string | false }
      assert.equal(socket.servername, 'localhost')
      assert.equal(socket.alpnProtocol, false)
    })

    test('a session is taken up again', async (t) => {
      const server = await tlsServer(t, {})
      const resumed: boolean[] = []
      server.server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()))
      const to = await upstream(t, `https://${server.url}`, { upstreamCA: ca, keepAliveTimeout: 0 })
      for (let i = 0; i < 2; i++) {
        assert.equal((await new Sent(to).over()).at(-1), 'end')
        await eventually(() => server.open === 0, 'the connection to be closed')
      }
      assert.deepEqual(resumed, [false, true])
    })

    test('a server of an unknown authority is not', async (t) => {
      const server = await tlsServer(t, {})
      const sent = new Sent(await upstream(t, `https://localhost:${server.port}`))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_CERTIFICATE'])
    })

    test('nor is one with the name of another; UpstreamServerName says what it is', async (t) => {
      const server = await tlsServer(t, inner)
      const refused = new Sent(await upstream(t, `https://${server.url}`, { upstreamCA: ca }))
      assert.deepEqual(await refused.over(), ['failed ERR_CONNECT_CERTIFICATE'])
      const sent = new Sent(
        await upstream(t, `https://${server.url}`, { upstreamCA: ca, upstreamServerName: 'inner.test' }),
      )
      assert.equal((await sent.over()).at(-1), 'end')
      const socket = server.wires.at(-1)!.socket as TLSSocket & { servername: string }
      assert.equal(socket.servername, 'inner.test')
    })

    test('UpstreamVerify Off asks for no proof', async (t) => {
      const server = await tlsServer(t, {})
      const sent = new Sent(await upstream(t, `https://${server.url}`, { upstreamVerify: false }))
      assert.equal((await sent.over()).at(-1), 'end')
    })

    test('a certificate of our own is shown where one is asked for', async (t) => {
      const server = await tlsServer(t, { requestCert: true, rejectUnauthorized: true, ca })
      const own = { upstreamCA: ca, upstreamCertificate: client.cert, upstreamKey: client.key }
      const sent = new Sent(await upstream(t, `https://localhost:${server.port}`, own))
      assert.equal((await sent.over()).at(-1), 'end')
      assert.equal((server.wires[0]!.socket as TLSSocket).getPeerCertificate().subject.CN, 'client')
      const without = new Sent(await upstream(t, `https://localhost:${server.port}`, { upstreamCA: ca }))
      assert.match((await without.over()).at(-1) ?? '', /^failed ERR_(CONNECT_TLS|CONNECT_FAILED|CONNECTION_LOST)$/)
    })

    test('a body cut off without a closing alert is not complete', async (t) => {
      const server = createTlsServer(localhost)
      const raw = await RawServer.listen(
        t,
        async (wire) => {
          await wire.message()
          wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
          await settle()
          wire.destroy()
        },
        { server },
      )
      const sent = new Sent(await upstream(t, `https://localhost:${raw.port}`, { upstreamCA: ca }))
      assert.equal((await sent.over()).at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
    })
  })

  describe('other addresses', () => {
    test('a Unix socket', async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'pointsman-'))
      t.after(() => rmSync(directory, { recursive: true, force: true }))
      const path = join(directory, 'app.sock')
      const server = await RawServer.listen(
        t,
        async (wire) => {
          for (;;) {
            await wire.message()
            wire.write(ok)
          }
        },
        { at: { path } },
      )
      const to = await upstream(t, `unix:${path}`)
      for (const reused of [false, true]) {
        const sent = await afterFree(() => new Sent(to))
        assert.equal((await sent.over()).at(-1), 'end')
        assert.equal(sent.reused, reuse(reused))
      }
      assert.equal(server.wires.length, 1)
    })

    for (const host of ['::1', '127.0.0.1']) {
      test(`localhost that listens on ${host} only`, async (t) => {
        const server = await RawServer.listen(
          t,
          async (wire) => {
            await wire.message()
            wire.write(ok)
          },
          { server: createTcpServer(), at: { port: 0, host } },
        )
        const sent = new Sent(await upstream(t, `localhost:${server.port}`))
        assert.equal((await sent.over()).at(-1), 'end', sent.error?.message)
      })
    }
  })
}

/** A kept connection is back in its place a few turns after the end of the answer. */
async function afterFree(send: () => Sent): Promise<Sent> {
  await settle()
  return send()
}

/** Lets what has arrived be dealt with. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Whether a number still grows, over a good many turns of the event loop. */
async function moves(value: () => number): Promise<boolean> {
  const before = value()
  const end = performance.now() + 150
  while (performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve))
    if (value() !== before) return true
  }
  return false
}

/** False when nothing has drained for a good while. */
async function still(_server: RawServer): Promise<boolean> {
  await moves(() => 0)
  return false
}

/** What the contract promises of a head. */
function headOf({ head }: Sent): object {
  const { status, reason, headers, hasBody } = head ?? {}
  return { status, reason, headers, hasBody }
}

function lines(fields: RawHeaders): string {
  let text = ''
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return text
}

function without(fields: readonly string[], lowerName: string): string[] {
  return fields.filter((_, i) => fields[i - (i % 2)]?.toLowerCase() !== lowerName)
}
