import assert from 'node:assert/strict'
import type { ServerHttp2Session } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { Sent } from '../../support/carriage.js'
import { ManualClock } from '../../support/clock.js'
import { type Arrived, answer, H2Server } from '../../support/h2-server.js'
import { deadPort, RawServer } from '../../support/upstream.js'
import { eventually, type Wire } from '../../support/wire.js'
import { settle, upstreamTo } from './support.js'

const post = { method: 'POST', headers: ['Host', 'h', 'Content-Length', '0'] }

describe('sessions', () => {
  test('one carries many requests at once, and those that wait for it share its dial', async (t) => {
    const server = await H2Server.listen(t)
    const to = upstreamTo(t, server.url)
    const all = Array.from({ length: 50 }, () => new Sent(to))
    await server.requests(50)
    // The last one first: none waits for another.
    for (const each of [...server.arrived].reverse()) answer(each)
    for (const each of all) {
      assert.equal((await each.over()).at(-1), 'end')
      assert.equal(each.reused, false)
    }
    const next = new Sent(to)
    await server.requests(51)
    answer(server.arrived[50] as Arrived)
    await next.over()
    assert.equal(next.reused, true)
    assert.equal(server.sessions.length, 1)
  })

  test('a full one gets others beside it, as many as are needed', async (t) => {
    const server = await H2Server.listen(t, () => {}, { settings: { maxConcurrentStreams: 2 } })
    const to = upstreamTo(t, server.url)
    const all = Array.from({ length: 7 }, () => new Sent(to))
    await server.requests(7)
    assert.equal(server.sessions.length, 4)
    for (const each of server.arrived) answer(each)
    for (const each of all) assert.equal((await each.over()).at(-1), 'end')
  })

  test('a server that takes no streams at all is not dialled again and again', async (t) => {
    const server = await H2Server.listen(t, answer, { settings: { maxConcurrentStreams: 0 } })
    const to = upstreamTo(t, server.url)
    const all = [new Sent(to), new Sent(to)]
    for (const each of all) assert.equal((await each.over()).at(-1), 'failed ERR_STREAM_REFUSED')
    assert.equal(server.sessions.length, 1)
    // It does not stay so for ever.
    await new Promise<void>((done) => server.sessions[0]!.settings({ maxConcurrentStreams: 10 }, () => done()))
    assert.equal((await new Sent(to).over()).at(-1), 'end')
    assert.equal(server.sessions.length, 1)
  })

  test('room that is made on a full one is used while another is dialled', async (t) => {
    const server = await H2Server.listen(t, () => {}, { settings: { maxConcurrentStreams: 1 } })
    const to = upstreamTo(t, server.url)
    const first = new Sent(to)
    await server.requests(1)
    server.server.maxConnections = 1
    const second = new Sent(to)
    answer(server.arrived[0] as Arrived)
    await first.over()
    await second.when('connected').catch(() => {})
    // Either the room or the refused dial came first; in no case does it hang.
    await eventually(() => second.log.length > 0, 'the second to get on')
  })

  test('a dial that fails fails all who wait for it', async (t) => {
    const to = upstreamTo(t, `h2c://127.0.0.1:${await deadPort()}`)
    const all = Array.from({ length: 5 }, () => new Sent(to))
    for (const each of all) assert.deepEqual(await each.over(), ['failed ERR_CONNECT_REFUSED'])
  })

  test('a dial that nobody waits for any more is given up', async (t) => {
    const server = await RawServer.listen(t)
    const to = upstreamTo(t, `h2c://127.0.0.1:${server.port}`)
    const [first, second] = [new Sent(to), new Sent(to)]
    await eventually(() => server.wires.length === 1, 'a connection')
    first.carriage.abort()
    await settle()
    assert.equal(server.open, 1)
    second.carriage.abort()
    await eventually(() => server.open === 0, 'the connection to be closed')
  })

  test('a server that says nothing is late, and one that speaks HTTP/1.1 is told by name', async (t) => {
    const clock = new ManualClock()
    const silent = await RawServer.listen(t)
    const late = new Sent(upstreamTo(t, `h2c://127.0.0.1:${silent.port}`, { connectTimeout: 700 }, clock))
    await eventually(() => (silent.wires[0]?.received ?? 0) > 0, 'the preface')
    clock.advance(699)
    await settle()
    assert.deepEqual(late.log, [])
    clock.advance(1)
    assert.deepEqual(await late.over(), ['failed ERR_CONNECT_TIMEOUT'])
    await eventually(() => silent.open === 0, 'the connection to be closed')
    assert.equal(clock.pending, 0)

    const old = await RawServer.listen(t, (wire) => wire.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
    const sent = new Sent(upstreamTo(t, `h2c://127.0.0.1:${old.port}`))
    assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_FAILED'])
    assert.match(sent.error?.message ?? '', /HTTP\/2/)
  })

  test('an unused one is closed at KeepAliveTimeout, and leaves no timer behind', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t, answer)
    const to = upstreamTo(t, server.url, {}, clock)
    await new Sent(to).over()
    await settle()
    clock.advance(3_000)
    await new Sent(to).over()
    await settle()
    clock.advance(3_999)
    await settle()
    assert.equal(server.open, 1)
    clock.advance(1)
    await eventually(() => server.open === 0, 'the connection to be closed')
    await eventually(() => clock.pending === 0, 'no timer')
  })

  test('of those that are unused only so many are kept', async (t) => {
    const server = await H2Server.listen(t, () => {}, { settings: { maxConcurrentStreams: 1 } })
    const to = upstreamTo(t, server.url, { keepAliveConnections: 2 })
    const all = Array.from({ length: 5 }, () => new Sent(to))
    await server.requests(5)
    assert.equal(server.open, 5)
    for (const each of server.arrived) answer(each)
    for (const each of all) await each.over()
    await eventually(() => server.open === 2, 'the others to be closed')
    await settle()
    assert.equal(server.open, 2)
  })

  for (const options of [{ keepAliveTimeout: 0 }, { keepAliveConnections: 0 }]) {
    test(`none is kept with ${Object.keys(options)[0]} 0`, async (t) => {
      const server = await H2Server.listen(t, answer)
      const to = upstreamTo(t, server.url, options)
      await new Sent(to).over()
      await eventually(() => server.open === 0, 'the connection to be closed')
      assert.equal((await new Sent(to).over()).at(-1), 'end')
    })
  }

  test('close ends the unused at once, and the others with their last request', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t)
    const to = upstreamTo(t, server.url, {}, clock)
    const sent = new Sent(to)
    await server.requests(1)
    to.close()
    await settle()
    assert.equal(server.open, 1)
    answer(server.arrived[0] as Arrived)
    assert.equal((await sent.over()).at(-1), 'end')
    await eventually(() => server.open === 0, 'the connection to be closed')
    await eventually(() => clock.pending === 0, 'no timer')
    to.close()
  })

  test('one that the server has closed is not used for a request that must not be sent twice', async (t) => {
    const server = await H2Server.listen(t, answer)
    const to = upstreamTo(t, server.url)
    await new Sent(to, post).over()
    for (let i = 0; i < 20; i++) {
      await settle()
      const socket = server.sockets.at(-1) as Socket
      const sent = await new Promise<Sent>((resolve) => {
        socket.destroy()
        // In the turn in which it is closed: the other end has not been asked about it yet.
        socket.once('close', () => resolve(new Sent(to, post)))
      })
      assert.equal((await sent.over()).at(-1), 'end', `request ${i}`)
      assert.equal(sent.reused, false)
    }
  })

  test('a lost one fails what is on it: lost before the head, incomplete after it', async (t) => {
    const server = await H2Server.listen(t, ({ stream }, index) => {
      if (index !== 1) return
      stream.respond({ ':status': 200 })
      stream.write('part')
    })
    const to = upstreamTo(t, server.url)
    const waiting = new Sent(to)
    const answered = new Sent(to)
    await answered.when('data')
    server.sockets[0]?.destroy()
    assert.equal((await waiting.over()).at(-1), 'failed ERR_CONNECTION_LOST')
    assert.equal((await answered.over()).at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
  })

  test('`fresh` waits for a new one, together with others', async (t) => {
    const server = await H2Server.listen(t, answer)
    const to = upstreamTo(t, server.url)
    await new Sent(to).over()
    const all = [new Sent(to, { fresh: true }), new Sent(to, { fresh: true })]
    for (const each of all) {
      assert.equal((await each.over()).at(-1), 'end')
      assert.equal(each.reused, false)
    }
    assert.equal(server.sessions.length, 2)
  })

  test('ten thousand requests leave nothing behind', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t, (each) => {
      server.arrived.length = 0
      answer(each)
    })
    const to = upstreamTo(t, server.url, {}, clock)
    await new Sent(to).over()
    const session = server.sessions[0] as ServerHttp2Session
    for (let i = 0; i < 100; i++) {
      const all = Array.from({ length: 100 }, (_, j) => new Sent(to, j % 10 === 0 ? { method: 'HEAD' } : {}))
      // Some are given up in the middle.
      for (const [j, each] of all.entries()) if (j % 25 === 7) each.carriage.abort()
      await Promise.all(all.filter((_, j) => j % 25 !== 7).map((each) => each.over()))
    }
    await settle()
    assert.equal(server.sessions.length, 1)
    assert.ok(clock.pending <= 2, `${clock.pending} timers`)
    to.close()
    await eventually(() => session.destroyed && server.open === 0, 'the connection to be closed')
    await eventually(() => clock.pending === 0, 'no timer')
  })
})

describe('a server that takes no more', () => {
  test('GOAWAY: what is under way finishes, and the next request takes a new connection', async (t) => {
    const server = await H2Server.listen(t)
    const to = upstreamTo(t, server.url)
    const first = new Sent(to)
    await server.requests(1)
    server.sessions[0]?.close()
    await settle()
    const second = new Sent(to)
    await server.requests(2)
    assert.equal(server.sessions.length, 2)
    for (const each of server.arrived) answer(each)
    assert.equal((await first.over()).at(-1), 'end')
    assert.equal((await second.over()).at(-1), 'end')
    assert.equal(second.reused, false)
    await eventually(() => server.sockets[0]?.destroyed === true, 'the first connection to be closed')
  })

  for (const code of [0, 11]) {
    test(`a stream above the last of GOAWAY with code ${code} is sent again, whatever its method`, async (t) => {
      const server = await RawServer.listen(t, async (wire, index) => {
        for await (const { type, stream } of framesOf(wire)) {
          if (type !== 1) continue
          if (index === 0) wire.write(frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, code]))
          // `:status: 200` of the static table, and with it the end.
          else wire.write(frame(1, 5, stream, [0x88]))
        }
      })
      const sent = new Sent(upstreamTo(t, `h2c://127.0.0.1:${server.port}`), post)
      assert.deepEqual(await sent.over(), ['connected', 'response 200', 'end'])
      assert.equal(server.wires.length, 2)
    })
  }

  test('an upload of known length that is given up is reset, and not ended', async (t) => {
    const frames: string[] = []
    const server = await RawServer.listen(t, async (wire) => {
      for await (const { type, flags, payload } of framesOf(wire)) {
        if (type === 0) frames.push(`data ${payload.length} ${flags}`)
        if (type === 3) frames.push(`reset ${payload.readUInt32BE(0)}`)
      }
    })
    const headers = ['Host', 'h', 'Content-Length', '9']
    const to = upstreamTo(t, `h2c://127.0.0.1:${server.port}`)
    const upload = new Sent(to, { method: 'PUT', headers, hasBody: true }, (carriage) =>
      carriage.write(Buffer.from('part')),
    )
    await eventually(() => frames.length === 1, 'the upload')
    upload.carriage.abort()
    await eventually(() => frames.some((each) => each.startsWith('reset')), 'the reset')
    assert.deepEqual(frames, ['data 4 0', 'reset 8'])
  })

  test('an upload that waits for room is reset when it is given up behind its whole answer', async (t) => {
    const resets: number[] = []
    const server = await RawServer.listen(t, async (wire) => {
      for await (const { type, stream, payload } of framesOf(wire)) {
        if (type === 1) wire.write(frame(1, 5, stream, [0x88]))
        if (type === 3) resets.push(payload.readUInt32BE(0))
      }
    })
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
    const to = upstreamTo(t, `h2c://127.0.0.1:${server.port}`)
    const upload = new Sent(to, { method: 'PUT', headers, hasBody: true }, (carriage) =>
      carriage.write(Buffer.alloc(1024 * 1024)),
    )
    assert.deepEqual(await upload.over(), ['connected', 'response 200', 'end'])
    upload.carriage.abort()
    await eventually(() => resets.length > 0, 'the reset')
    assert.deepEqual(resets, [8])
    assert.deepEqual(await new Sent(to).over(), ['connected', 'response 200', 'end'])
    assert.equal(server.wires.length, 1)
  })

  test('the last stream of GOAWAY was seen, and is not sent again', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.session?.goaway(0, stream.id)
      stream.close(2)
    })
    const sent = new Sent(upstreamTo(t, server.url), post)
    assert.deepEqual(await sent.over(), ['connected', 'failed ERR_STREAM_RESET'])
    assert.equal(server.arrived.length, 1)
  })

  test('a refused stream is sent again once, on another connection', async (t) => {
    const server = await H2Server.listen(t, (each, index) => {
      if (index === 0) each.stream.close(7)
      else answer(each)
    })
    const sent = new Sent(upstreamTo(t, server.url), post)
    assert.deepEqual(await sent.over(), ['connected', 'response 200', 'data', 'end'])
    assert.equal(server.sessions.length, 2)
    const always = await H2Server.listen(t, ({ stream }) => stream.close(7))
    const refused = new Sent(upstreamTo(t, always.url), post)
    assert.deepEqual(await refused.over(), ['connected', 'failed ERR_STREAM_REFUSED'])
    assert.equal(always.arrived.length, 2)
  })

  test('one whose body was begun is refused to the caller, who may have kept it', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => stream.close(7))
    const headers = ['Host', 'h', 'Content-Length', '4']
    const sent = new Sent(upstreamTo(t, server.url), { method: 'POST', headers, hasBody: true }, (carriage) => {
      carriage.write(Buffer.from('body'))
      carriage.end([])
    })
    assert.deepEqual(await sent.over(), ['connected', 'failed ERR_STREAM_REFUSED'])
    assert.equal(sent.error?.retry, 'anywhere')
    assert.equal(server.arrived.length, 1)
  })
})

describe('a connection whose other end is gone without a word', () => {
  /** A server behind a wire that can be cut without either end being told. */
  async function cuttable(
    t: Parameters<typeof RawServer.listen>[0],
    port: number,
  ): Promise<{ port: number; cut(): void }> {
    const { connect } = await import('node:net')
    let cut = false
    const relay = await RawServer.listen(t, () => {}, { server: createServer() })
    relay.server.on('connection', (socket: Socket) => {
      const onward = connect(port, '127.0.0.1')
      onward.on('error', () => {})
      socket.on('data', (chunk) => !cut && onward.write(chunk))
      onward.on('data', (chunk) => !cut && socket.write(chunk))
      socket.on('close', () => onward.destroy())
    })
    return {
      port: relay.port,
      cut: () => {
        cut = true
      },
    }
  }

  test('is found within ten seconds while a request waits, and fails it', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t)
    const relay = await cuttable(t, server.port)
    const sent = new Sent(upstreamTo(t, `h2c://127.0.0.1:${relay.port}`, {}, clock))
    await server.requests(1)
    relay.cut()
    clock.advance(5_000)
    await settle()
    assert.deepEqual(sent.log, ['connected'])
    clock.advance(5_000)
    assert.deepEqual(await sent.over(), ['connected', 'failed ERR_CONNECTION_LOST'])
    assert.match(sent.error?.message ?? '', /PING/)
    await eventually(() => clock.pending === 0, 'no timer')
  })

  test('is not mistaken for one that answers pings, or sends', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t)
    const to = upstreamTo(t, server.url, {}, clock)
    const sent = new Sent(to)
    await server.requests(1)
    let pings = 0
    server.sessions[0]?.on('ping', () => pings++)
    for (let i = 1; i <= 3; i++) {
      clock.advance(5_000)
      await eventually(() => pings === i, `ping ${i}`)
      await settle()
    }
    answer(server.arrived[0] as Arrived)
    assert.equal((await sent.over()).at(-1), 'end')
  })

  test('is not looked for again and again at a server that may take that for an attack', async (t) => {
    const clock = new ManualClock()
    const server = await H2Server.listen(t)
    const sent = new Sent(upstreamTo(t, server.url, {}, clock))
    await server.requests(1)
    let pings = 0
    server.sessions[0]?.on('ping', () => pings++)
    const pass = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        clock.advance(5_000)
        await settle()
      }
    }
    await pass(20)
    assert.equal(pings, 3)
    const { stream } = server.arrived[0] as Arrived
    stream.respond({ ':status': 200 })
    stream.write('x')
    await sent.receives(1)
    await pass(20)
    assert.equal(pings, 6, 'once the server has said something, the count begins anew')
  })
})

/** A frame of HTTP/2 (RFC 9113 §4.1). */
/** What a client sends, frame by frame, once it is greeted with settings. */
async function* framesOf(wire: Wire): AsyncGenerator<{ type: number; flags: number; stream: number; payload: Buffer }> {
  wire.write(frame(4, 0, 0, []))
  // The preface.
  await wire.bytes(24)
  for (;;) {
    const head = await wire.bytes(9)
    const payload = await wire.bytes(head.readUIntBE(0, 3))
    yield { type: head.readUInt8(3), flags: head.readUInt8(4), stream: head.readUInt32BE(5), payload }
  }
}

function frame(type: number, flags: number, stream: number, payload: readonly number[]): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, Buffer.from(payload)])
}
