import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Wire, within } from '../support/wire.js'
import { listening, portOf } from './support.js'

const local = { address: '127.0.0.1:0' }

const malformed: readonly [name: string, request: string, status: number][] = [
  ['no HTTP at all', 'nonsense\r\n\r\n', 400],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ['a bare CR in a field', 'GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n', 400],
  ['an obsolete line fold before a length', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\nContent-Length : 3\r\n\r\n', 400],
  ['a head beyond MaxHeaderSize', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(3000)}\r\n\r\n`, 431],
]

for (const [name, request, status] of malformed) {
  test(`${name}: ${status} and the end of the connection`, async (t) => {
    const listeners = await listening(t, (_, res) => res.end(), { ...local, maxHeaderSize: 2048 })
    const wire = await Wire.connect(portOf(listeners))
    wire.write(request)
    const answer = await wire.message()
    assert.deepEqual([answer.status, answer.field('connection')], [status, 'close'])
    assert.match(answer.text, new RegExp(`^${status} .*\nThe .*\\.\n$`))
    wire.end()
    await wire.atClose()
  })
}

test('a client that sends on after a bad head still gets the answer', async (t) => {
  const listeners = await listening(t, (_, res) => res.end(), { ...local, maxHeaderSize: 2048 })
  const wire = await Wire.connect(portOf(listeners))
  wire.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(1_000_000)}`)
  assert.equal((await wire.message()).status, 431)
  wire.destroy()
})

test('a body that turns out broken after the answer began ends the connection without a second answer', async (t) => {
  const listeners = await listening(
    t,
    (req, res) => {
      req.on('error', () => {})
      res.write('begun')
    },
    local,
  )
  const wire = await Wire.connect(portOf(listeners))
  wire.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  await wire.until('begun\r\n')
  wire.write('nonsense\r\n')
  assert.equal(await wire.atEnd(), '')
})

test('a head that does not come in time: 408', async (t) => {
  const listeners = await listening(t, (_, res) => res.end(), { ...local, headersTimeout: '200ms' })
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET / HTTP/1.1\r\nHost:')
  assert.equal((await wire.message()).status, 408)
  wire.end()
  await wire.atClose()
})

test('an unused connection is closed after KeepAliveTimeout', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { ...local, keepAliveTimeout: '100ms' })
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await wire.message()).status, 200)
  await wire.atEnd()
})

test('MaxConnections: one more is closed at once', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { ...local, maxConnections: 1 })
  const first = await Wire.connect(portOf(listeners))
  first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await first.message()
  const second = await Wire.connect(portOf(listeners))
  await second.atClose()
  first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await first.message()).status, 200)
  first.destroy()
})

test('what a client has not read yet is not cut by the close', async (t) => {
  const size = 32_000_000
  const listeners = await listening(t, (_, res) => res.end(Buffer.alloc(size)), local)
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await wire.head()
  wire.socket.pause()
  await listeners.retire()
  const closed = listeners.close(10_000)
  wire.socket.resume()
  assert.equal((await wire.bytes(size)).length, size)
  await wire.atEnd()
  await within(closed, 'the close')
})

test('a request that comes on a kept connection just after the close is answered', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), local)
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await wire.message()).field('connection'), 'keep-alive')
  const closed = listeners.close(10_000)
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const answer = await wire.message()
  assert.deepEqual([answer.status, answer.field('connection')], [200, 'close'])
  await within(closed, 'the close')
})

test('what does not end in time is cut', async (t) => {
  const listeners = await listening(t, () => {}, local)
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await within(listeners.close(250), 'the close')
  await wire.atClose()
})

test('a request is answered on every address, IPv6 too', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { address: ['127.0.0.1:0', '127.0.0.1:0', '[::1]:0'] })
  assert.equal(listeners.urls.length, 3)
  for (const url of listeners.urls) {
    const { hostname, port } = new URL(url)
    const wire = await Wire.connect({ port: Number(port), host: hostname.replace(/[[\]]/g, '') })
    wire.write('GET / HTTP/1.0\r\n\r\n')
    assert.equal((await wire.message()).text, 'x')
  }
})

test('pipelined requests: the one under way is answered, and the connection ends', async (t) => {
  let release = () => {}
  const listeners = await listening(
    t,
    (req, res) => {
      if (req.url === '/slow') release = () => res.end('slow')
      else res.end('fast')
    },
    local,
  )
  const wire = await Wire.connect(portOf(listeners))
  wire.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  wire.write('GET /fast HTTP/1.1\r\nHost: a\r\n\r\n')
  const other = await Wire.connect(portOf(listeners))
  other.write('GET /fast HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await other.message()).text, 'fast')
  const closed = listeners.close(10_000)
  release()
  assert.equal((await wire.message()).text, 'slow')
  await wire.atEnd()
  await within(closed, 'the close')
})
