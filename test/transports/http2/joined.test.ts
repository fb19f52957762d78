import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { workerAddress } from '#lib/pool/address.js'
import { Joined, type JoinedSession, type JoinedUpstream } from '#lib/transports/http2/joined.js'
import type { TransportOptions } from '#lib/transports/options.js'
import { Upstreams } from '#lib/transports/registry.js'
import { connectionOptions, Sent } from '../../support/carriage.js'
import { ManualClock } from '../../support/clock.js'
import { answerWith } from '../../support/h2-server.js'
import type { Cleanup } from '../../support/upstream.js'
import { eventually } from '../../support/wire.js'
import { settle } from './support.js'

const address = workerAddress('api', '1')
const options: TransportOptions = { ...connectionOptions, transport: 'http1', httpProxy: undefined }

/** One connection of a worker, and what comes over it. */
interface Worker {
  readonly session: JoinedSession
  readonly streams: ServerHttp2Stream[]
  /** The worker's side of it. */
  readonly http2: ServerHttp2Session
  /** The worker's end. */
  readonly socket: Socket
}

/** A worker that opens a connection, and turns the roles. `serve` answers; without it nothing does. */
async function join(
  t: Cleanup,
  upstream: JoinedUpstream,
  serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = () => {},
): Promise<Worker> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  const [taken] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  const server = createHttp2Server()
  let http2: ServerHttp2Session | undefined
  server.on('session', (session) => {
    http2 = session.on('error', () => {})
  })
  const streams: ServerHttp2Stream[] = []
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    streams.push(stream)
    serve(stream, headers)
  })
  t.after(() => {
    socket.destroy()
    taken.destroy()
  })
  const session = upstream.add(taken, Buffer.alloc(0))
  server.emit('connection', socket)
  return { session, streams, http2: http2 as unknown as ServerHttp2Session, socket }
}

const hello = (stream: ServerHttp2Stream): void => answerWith(stream, 200, 'hello')

describe('a worker that has joined', () => {
  test('is ready when its SETTINGS have come, until its last connection is gone', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const changes: boolean[] = []
    const stop = upstream.watch(() => changes.push(upstream.ready))
    assert.equal(upstream.ready, false)
    const first = await join(t, upstream, hello)
    assert.equal(upstream.ready, false, 'not at once')
    await eventually(() => upstream.ready, 'the worker')
    const second = await join(t, upstream, hello)
    await eventually(() => second.session.usable, 'the second connection')
    const closed: string[] = []
    first.session.onClose(() => closed.push('first'))
    second.session.onClose(() => closed.push('second'))
    first.socket.destroy()
    await eventually(() => closed.length === 1, 'the end of the first')
    assert.equal(upstream.ready, true)
    assert.equal((await new Sent(upstream).over()).at(-1), 'end')
    second.socket.destroy()
    await eventually(() => closed.length === 2, 'the end of the second')
    assert.deepEqual(closed, ['first', 'second'])
    assert.deepEqual(changes, [true, false])
    first.session.onClose(() => closed.push('late'))
    assert.equal(closed.at(-1), 'late')
    stop()
    await join(t, upstream, hello)
    await eventually(() => upstream.ready, 'the worker once more')
    assert.equal(changes.length, 2)
  })

  test('takes requests in the form of HTTP/2, named by its service', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const heads: IncomingHttpHeaders[] = []
    await join(t, upstream, (stream, headers) => {
      heads.push(headers)
      hello(stream)
    })
    await eventually(() => upstream.ready, 'the worker')
    const sent = new Sent(upstream, { headers: [] })
    assert.deepEqual(await sent.over(), ['connected', 'response 200', 'data', 'end'])
    assert.equal(sent.reused, false)
    assert.equal(heads[0]?.[':scheme'], 'http')
    assert.equal(heads[0]?.[':authority'], 'api')
  })

  test('that is not there refuses, and never during send', async () => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const sent = new Sent(upstream)
    assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_REFUSED'])
  })

  test('bytes that came with the handshake are read first', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
    const [taken] = (await once(listener, 'connection')) as [Socket]
    listener.close()
    t.after(() => {
      socket.destroy()
      taken.destroy()
    })
    const server = createHttp2Server()
    server.on('stream', hello)
    server.emit('connection', socket)
    const [head] = (await once(taken, 'data')) as [Buffer]
    taken.pause()
    taken.removeAllListeners('data')
    upstream.add(taken, head)
    await eventually(() => upstream.ready, 'the worker')
    assert.equal((await new Sent(upstream).over()).at(-1), 'end')
  })

  test('over any stream, not only a socket', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const [near, far] = pair()
    t.after(() => near.destroy())
    const server = createHttp2Server()
    server.on('session', (session) => session.on('error', () => {}))
    server.on('stream', hello)
    server.emit('connection', far)
    upstream.add(near, Buffer.alloc(0))
    await eventually(() => upstream.ready, 'the worker')
    const sent = new Sent(upstream)
    assert.equal((await sent.over()).at(-1), 'end')
    assert.equal(sent.body, 'hello')
  })

  test('takes as many requests at once as its connections do, and tells when that changes', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const limits: number[] = []
    upstream.watch(() => limits.push(upstream.limit))
    const first = await join(t, upstream)
    await eventually(() => upstream.ready, 'the worker')
    first.http2.settings({ maxConcurrentStreams: 1 })
    await eventually(() => upstream.limit === 1, 'its limit')
    const second = await join(t, upstream)
    second.http2.settings({ maxConcurrentStreams: 3 })
    await eventually(() => upstream.limit === 4, 'the limit of both')
    // The one that has room, though it has more to do.
    for (let i = 0; i < 4; i++) new Sent(upstream)
    await eventually(() => first.streams.length + second.streams.length === 4, 'the requests')
    assert.deepEqual([first.streams.length, second.streams.length], [1, 3])
    second.socket.destroy()
    await eventually(() => upstream.limit === 1, 'the limit of the one that is left')
    assert.deepEqual(limits.slice(0, 2), [Number.POSITIVE_INFINITY, 1])
    assert.equal(limits.at(-1), 1)
  })

  test('drain: nothing new, what is under way finishes, then the end', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const worker = await join(t, upstream)
    await eventually(() => upstream.ready, 'the worker')
    const sent = new Sent(upstream)
    await eventually(() => worker.streams.length === 1, 'the request')
    worker.session.drain()
    assert.equal(worker.session.draining, true)
    assert.equal(upstream.ready, false)
    assert.deepEqual(await new Sent(upstream).over(), ['failed ERR_CONNECT_REFUSED'])
    assert.equal(worker.session.closed, false)
    hello(worker.streams[0] as ServerHttp2Stream)
    assert.equal((await sent.over()).at(-1), 'end')
    await eventually(() => worker.session.closed && worker.socket.destroyed, 'the end of the connection')
  })

  test('GOAWAY of the worker is the same from its side', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const worker = await join(t, upstream)
    await eventually(() => upstream.ready, 'the worker')
    const sent = new Sent(upstream)
    await eventually(() => worker.streams.length === 1, 'the request')
    worker.streams[0]?.session?.close()
    await eventually(() => worker.session.draining, 'GOAWAY to arrive')
    assert.equal(upstream.ready, false)
    hello(worker.streams[0] as ServerHttp2Stream)
    assert.equal((await sent.over()).at(-1), 'end')
    await eventually(() => worker.session.closed, 'the end of the connection')
  })

  test('a request that one connection refuses goes over another', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const good = await join(t, upstream, hello)
    const bad = await join(t, upstream, (stream) => stream.close(7))
    await eventually(() => good.session.usable && bad.session.usable, 'both connections')
    const sent = new Sent(upstream, { method: 'POST', headers: ['Host', 'h', 'Content-Length', '0'] })
    assert.deepEqual(await sent.over(), ['connected', 'response 200', 'data', 'end'])
    assert.equal(bad.streams.length, 1, 'the newest of two equal ones was asked first')
    good.session.destroy()
    await eventually(() => good.session.closed, 'the end of the good one')
    assert.equal((await new Sent(upstream).over()).at(-1), 'failed ERR_STREAM_REFUSED')
  })

  test('that is killed loses what is on it', async (t) => {
    const upstream = new Joined(new ManualClock()).upstream(address)
    const worker = await join(t, upstream)
    await eventually(() => upstream.ready, 'the worker')
    const sent = new Sent(upstream)
    await eventually(() => worker.streams.length === 1, 'the request')
    worker.socket.resetAndDestroy()
    assert.equal((await sent.over()).at(-1), 'failed ERR_CONNECTION_LOST')
  })

  test('that is gone without a word is found within ten seconds, requests or not', async (t) => {
    const clock = new ManualClock()
    const upstream = new Joined(clock).upstream(address)
    const worker = await join(t, upstream, hello)
    await eventually(() => upstream.ready, 'the worker')
    for (let i = 0; i < 5; i++) {
      clock.advance(5_000)
      await settle()
    }
    assert.equal(upstream.ready, true, 'it answers')
    // Its side is not read any more.
    worker.streams.length = 0
    const { session } = worker
    freeze(worker.socket)
    clock.advance(5_000)
    await settle()
    clock.advance(5_000)
    await eventually(() => session.closed && !upstream.ready, 'its end')
    assert.match(session.error?.message ?? '', /PING/)
    await eventually(() => clock.pending === 0, 'no timer')
  })

  // An upload over a slow network: the ping waits behind it, and what the worker says by itself is all that comes.
  test('that says something is there, however late its answer to a ping', async (t) => {
    const clock = new ManualClock()
    const upstream = new Joined(clock).upstream(address)
    const worker = await join(t, upstream, hello)
    await eventually(() => upstream.ready, 'the worker')
    freeze(worker.socket)
    for (let i = 0; i < 5; i++) {
      worker.http2.ping(() => {})
      await settle()
      clock.advance(5_000)
      await settle()
    }
    assert.equal(upstream.ready, true)
    clock.advance(5_000)
    await eventually(() => worker.session.closed && !upstream.ready, 'its end')
  })
})

describe('the upstreams of workers', () => {
  test('are the same for all entries, and outlive a reload that gives back what it takes again', async (t) => {
    const upstreams = new Upstreams(new ManualClock(), new EventEmitter())
    const early = upstreams.joined.upstream(address)
    const worker = await join(t, early, hello)
    await eventually(() => early.ready, 'the worker')
    const first = upstreams.take(address, options)
    const second = upstreams.take(address, { ...options, connectTimeout: 1, transport: 'http-proxy' })
    assert.equal(first, early)
    assert.equal(second, early)
    upstreams.giveBack(first)
    upstreams.giveBack(second)
    assert.equal(worker.session.draining, false)
    assert.equal(upstreams.take(address, options), early)
    assert.equal((await new Sent(early).over()).at(-1), 'end')
    upstreams.giveBack(early)
    worker.socket.destroy()
    await eventually(() => early.empty, 'the end of the connection')
    assert.notEqual(upstreams.joined.upstream(address), early, 'nobody has anything to do with it any more')
  })

  test('one that a pool uses is kept while its worker is away', async (t) => {
    const upstreams = new Upstreams(new ManualClock(), new EventEmitter())
    const upstream = upstreams.take(address, options) as JoinedUpstream
    const worker = await join(t, upstreams.joined.upstream(address), hello)
    await eventually(() => upstream.ready, 'the worker')
    worker.socket.destroy()
    await eventually(() => !upstream.ready, 'the end of the connection')
    await join(t, upstreams.joined.upstream(address), hello)
    await eventually(() => upstream.ready, 'the worker once more')
  })

  test('one that a pool gives back while its worker is away is forgotten', () => {
    const upstreams = new Upstreams(new ManualClock(), new EventEmitter())
    const upstream = upstreams.take(address, options)
    assert.equal(upstreams.joined.upstream(address), upstream)
    upstreams.giveBack(upstream)
    assert.notEqual(upstreams.joined.upstream(address), upstream)
  })

  test('close drains them all', async (t) => {
    const joined = new Joined(new ManualClock())
    const one = await join(t, joined.upstream(address), hello)
    const two = await join(t, joined.upstream(workerAddress('api', '2')), hello)
    await eventually(() => one.session.usable && two.session.usable, 'both')
    joined.close()
    await eventually(() => one.session.closed && two.session.closed, 'their end')
  })
})

/** The kernel still takes what is sent, and nobody reads it. */
function freeze(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { _handle: { readStop(): void } }
  handle.readStop()
}

/** Two ends of a connection within the process. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk)
        done()
      },
      final(done) {
        other().push(null)
        done()
      },
    })
  const near: Duplex = make(() => far)
  const far: Duplex = make(() => near)
  return [near, far]
}
