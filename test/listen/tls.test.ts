import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { Listeners } from '#lib/listen/listeners.js'
import { certificates } from '../support/certificates.js'
import { noOpenssl } from '../support/network.js'
import { Wire, within } from '../support/wire.js'
import { listening, portOf, sections } from './support.js'

const skip = noOpenssl

function secure(more: object = {}) {
  const { cert, key } = certificates().localhost
  return { address: 'https://127.0.0.1:0', certificate: cert, certificateKey: key, ...more }
}

async function tlsWire(
  t: TestContext,
  listeners: Listeners,
  options: ConnectionOptions = {},
): Promise<{ wire: Wire; socket: TLSSocket }> {
  const socket = connectTls({
    port: portOf(listeners),
    host: '127.0.0.1',
    servername: 'localhost',
    ca: certificates().ca,
    ...options,
  })
  t.after(() => socket.destroy())
  const wire = new Wire(socket)
  await within(once(socket, 'secureConnect'), 'a TLS connection')
  return { wire, socket }
}

test('HTTP/2 and HTTP/1.1 on one address', { skip }, async (t) => {
  const listeners = await listening(t, (req, res) => res.end(req.httpVersion), secure())
  assert.match(listeners.urls[0] ?? '', /^https:\/\/127\.0\.0\.1:\d+$/)
  const { wire, socket } = await tlsWire(t, listeners, { ALPNProtocols: ['http/1.1'] })
  assert.equal(socket.alpnProtocol, 'http/1.1')
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await wire.message()).text, '1.1')
  const session = connect(listeners.origin ?? '', { ca: certificates().ca })
  t.after(() => session.destroy())
  const [settings] = await once(session, 'remoteSettings')
  assert.equal(settings.enableConnectProtocol, true)
  const stream = session.request({ ':path': '/' }).setEncoding('utf8')
  const [text] = await once(stream, 'data')
  assert.equal(text, '2.0')
})

test('HTTP2 Off: HTTP/1.1 alone', { skip }, async (t) => {
  const listeners = await listening(t, (req, res) => res.end(req.httpVersion), secure({ http2: 'Off' }))
  const { wire, socket } = await tlsWire(t, listeners, { ALPNProtocols: ['h2', 'http/1.1'] })
  assert.equal(socket.alpnProtocol, 'http/1.1')
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await wire.message()).text, '1.1')
})

for (const http2 of ['On', 'Off']) {
  test(`limits of HTTP/1.1 hold with HTTP2 ${http2}`, { skip }, async (t) => {
    const options = secure({ http2, maxHeaderSize: 2048, keepAliveTimeout: '100ms', headersTimeout: '200ms' })
    const listeners = await listening(t, (_, res) => res.end('x'), options)
    const long = await tlsWire(t, listeners)
    long.wire.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(3000)}\r\n\r\n`)
    assert.equal((await long.wire.message()).status, 431)
    const bad = await tlsWire(t, listeners)
    bad.wire.write('nonsense\r\n\r\n')
    assert.equal((await bad.wire.message()).status, 400)
    const kept = await tlsWire(t, listeners)
    kept.wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.equal((await kept.wire.message()).status, 200)
    await kept.wire.atEnd()
    const late = await tlsWire(t, listeners)
    late.wire.write('GET / HTTP/1.1\r\n')
    assert.equal((await late.wire.message()).status, 408)
  })

  test(`close waits for answers, and closes what is unused, with HTTP2 ${http2}`, { skip }, async (t) => {
    let release = () => {}
    const listeners = await listening(
      t,
      (_, res) => {
        release = () => res.end('done')
        res.write('begun ')
      },
      secure({ http2 }),
    )
    const idle = await tlsWire(t, listeners)
    const busy = await tlsWire(t, listeners)
    // Never says a word, not even of TLS.
    const silent = await Wire.connect(portOf(listeners))
    busy.wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await busy.wire.until('begun ')
    const closed = listeners.close(10_000)
    await idle.wire.atEnd()
    await silent.atEnd()
    release()
    await busy.wire.until('done')
    await busy.wire.atEnd()
    await within(closed, 'the close')
  })
}

test('close says GOAWAY, and lets streams end', { skip }, async (t) => {
  let release = () => {}
  const listeners = await listening(
    t,
    (_, res) => {
      release = () => res.end('done')
      res.write('begun ')
    },
    secure(),
  )
  const session = connect(listeners.origin ?? '', { ca: certificates().ca })
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/' }).setEncoding('utf8')
  let text = ''
  stream.on('data', (chunk) => {
    text += chunk
  })
  await once(stream, 'data')
  const goaway = once(session, 'goaway')
  const closed = listeners.close(10_000)
  assert.deepEqual((await within(goaway, 'GOAWAY'))[0], constants.NGHTTP2_NO_ERROR)
  release()
  await within(once(stream, 'end'), 'the end of the stream')
  assert.equal(text, 'begun done')
  await within(closed, 'the close')
})

test('a session without streams is closed after KeepAliveTimeout, one with a stream is not', { skip }, async (t) => {
  let release = () => {}
  const listeners = await listening(
    t,
    (_, res) => {
      release = () => res.end('done')
    },
    secure({ keepAliveTimeout: '100ms' }),
  )
  const open = () => {
    const session = connect(listeners.origin ?? '', { ca: certificates().ca })
    t.after(() => session.destroy())
    return session
  }
  const busy = open()
  const stream = busy.request({ ':path': '/' }).setEncoding('utf8')
  await once(busy, 'remoteSettings')
  // By the time that this one has been closed, the other would have been too.
  await within(once(open(), 'close'), 'the close of an unused session')
  assert.equal(busy.closed, false)
  release()
  const [text] = await within(once(stream, 'data'), 'the answer')
  assert.equal(text, 'done')
  await within(once(busy, 'close'), 'the close of the session')
})

test('nonsense in place of TLS, and handshakes that break off, are nobody’s end', { skip }, async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), secure())
  const nonsense = await Wire.connect(portOf(listeners))
  nonsense.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await nonsense.atEnd()
  const broken = await Wire.connect(portOf(listeners))
  broken.write(Buffer.from('16030100f0010000ec0303', 'hex'))
  broken.destroy()
  const preface = await tlsWire(t, listeners, { ALPNProtocols: ['h2'] })
  preface.wire.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense')
  await preface.wire.atEnd()
  const { wire } = await tlsWire(t, listeners)
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await wire.message()).text, 'x')
})

test('a new certificate is shown to new connections, without listening anew', { skip }, async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), secure())
  const before = await tlsWire(t, listeners)
  assert.equal(before.socket.getPeerCertificate().subject.CN, 'localhost')
  const { cert, key } = certificates().inner
  const change = await listeners.prepare(sections(secure({ certificate: cert, certificateKey: key })))
  assert.deepEqual([change.opened, change.closed], [[], []])
  change.commit()
  const after = await tlsWire(t, listeners, { servername: 'inner.test' })
  assert.equal(after.socket.getPeerCertificate().subject.CN, 'inner.test')
  before.wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await before.wire.message()).text, 'x')
})

test('HTTP2 of an address that is listened at stays, and that is said', { skip }, async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), secure())
  const change = await listeners.prepare(sections(secure({ http2: 'Off' })))
  assert.match(change.warnings.join(), /^HTTP2 of https:\S+ stays On until the next start$/)
  await change.undo()
})
