import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { systemClock } from '#lib/clock.js'
import { createProxy } from '#lib/create.js'
import type { RequestSummary } from '#lib/forward/events.js'
import { Listeners } from '#lib/listen/listeners.js'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import { certificates } from '../support/certificates.js'
import { ManualClock } from '../support/clock.js'
import { freePorts, noOpenssl } from '../support/network.js'
import { folder } from '../support/process.js'
import { httpServer } from '../support/upstream.js'
import { eventually, Wire, within } from '../support/wire.js'
import { handler, listening, portOf, sections } from './support.js'

const lacks = (program: string, arg: string): string | false =>
  spawnSync(program, [arg]).status === 0 ? false : `there is no ${program} on this machine`
const noCurl = lacks('curl', '--version')
const noHaproxy = lacks('haproxy', '-v')

const client = { address: '192.0.2.1', port: 56_324 }
const ends = { source: client, destination: { address: '198.51.100.2', port: 443 } }
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const tellPeer: RequestListener = ({ socket }, res) => {
  res.end(`${socket.remoteFamily} ${socket.remoteAddress} ${socket.remotePort}`)
}

function accepting(t: TestContext, listener: RequestListener = tellPeer, more: object = {}): Promise<Listeners> {
  return listening(t, listener, { address: '127.0.0.1:0', proxyProtocol: true, ...more })
}

for (const version of [1, 2] as const) {
  test(`version ${version}: the peer of a request is whom the header names, on a kept connection too`, async (t) => {
    const wire = await Wire.connect(portOf(await accepting(t)))
    const header = formatProxyHeader(version, ends)
    wire.write(header.subarray(0, 10))
    wire.write(Buffer.concat([header.subarray(10), Buffer.from(get)]))
    assert.equal((await wire.message()).text, 'IPv4 192.0.2.1 56324')
    wire.write(get)
    assert.equal((await wire.message()).text, 'IPv4 192.0.2.1 56324')
  })

  test(`version ${version} carries IPv6, and a header without addresses leaves the peer as it is`, async (t) => {
    const port = portOf(await accepting(t))
    const sixth = { source: { address: '2001:db8::1', port: 7 }, destination: { address: '2001:db8::2', port: 8 } }
    const wire = await Wire.connect(port)
    wire.write(Buffer.concat([formatProxyHeader(version, sixth), Buffer.from(get)]))
    assert.equal((await wire.message()).text, 'IPv6 2001:db8::1 7')
    const local = await Wire.connect(port)
    local.write(Buffer.concat([formatProxyHeader(version, undefined), Buffer.from(get)]))
    assert.match((await local.message()).text, /^IPv4 127\.0\.0\.1 \d+$/)
  })
}

test('a connection without a header is closed, and no request of it is answered', async (t) => {
  let requests = 0
  const listeners = await accepting(t, () => requests++)
  for (const bytes of [get, 'PROXY TCP4 1.2.3.4\r\n', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n']) {
    const wire = await Wire.connect(portOf(listeners))
    wire.write(`${bytes}${get}`)
    await wire.atClose()
    assert.deepEqual([wire.received, requests], [0, 0])
  }
})

test('a second header is a bad request', async (t) => {
  const wire = await Wire.connect(portOf(await accepting(t)))
  const header = formatProxyHeader(1, ends)
  wire.write(Buffer.concat([header, header, Buffer.from(get)]))
  assert.equal((await wire.message()).status, 400)
})

test('the header has to come within HeadersTimeout', async (t) => {
  const clock = new ManualClock()
  const listeners = new Listeners(handler(tellPeer), clock)
  const change = await listeners.prepare(
    sections({ address: '127.0.0.1:0', proxyProtocol: true, headersTimeout: 3, requestTimeout: 0 }),
  )
  change.commit()
  t.after(() => {
    const closed = listeners.close(0)
    clock.advance(1000)
    return closed
  })
  const wire = await Wire.connect(portOf(listeners))
  wire.write('PROXY TCP4 ')
  await eventually(() => clock.pending > 0, 'the timer of the header')
  clock.advance(2999)
  assert.equal(wire.closed, false)
  clock.advance(1)
  await wire.atClose()
})

test('off, what looks like a header is a bad request; a reload switches it on and off', async (t) => {
  const listeners = await listening(t, tellPeer, { address: '127.0.0.1:0' })
  const port = portOf(listeners)
  const status = async (bytes: string | Buffer): Promise<number> => {
    const wire = await Wire.connect(port)
    wire.write(bytes)
    const [line = ''] =
      /^HTTP\/1.1 \d+/.exec(
        await wire
          .until(' ')
          .then((start) => start + wire.unread)
          .catch(() => ''),
      ) ?? []
    wire.destroy()
    return Number(line.slice('HTTP/1.1 '.length))
  }
  const withHeader = Buffer.concat([formatProxyHeader(1, ends), Buffer.from(get)])
  assert.deepEqual([await status(get), await status(withHeader)], [200, 400])
  for (const proxyProtocol of [true, false, true]) {
    const change = await listeners.prepare(sections({ address: '127.0.0.1:0', proxyProtocol }))
    change.commit()
    assert.deepEqual([await status(get), await status(withHeader)], proxyProtocol ? [0, 200] : [200, 400])
  }
})

test('the end does not wait for a header', async (t) => {
  const listeners = await accepting(t)
  const wire = await Wire.connect(portOf(listeners))
  wire.write('PROXY ')
  await eventually(() => wire.socket.writableLength === 0, 'the bytes to leave')
  await within(listeners.close(60_000), 'the end')
  await wire.atClose()
})

async function tls(t: TestContext, port: number, protocol: string): Promise<TLSSocket> {
  const { socket } = await Wire.connect(port)
  socket.write(formatProxyHeader(2, ends))
  const { ca } = certificates()
  const secured = connectTls({ socket: socket as never, servername: 'localhost', ca, ALPNProtocols: [protocol] })
  t.after(() => secured.destroy())
  await within(once(secured, 'secureConnect'), 'a TLS connection')
  return secured
}

for (const http2 of [true, false]) {
  test(`under TLS the header comes before the handshake, HTTP2 ${http2 ? 'On' : 'Off'}`, {
    skip: noOpenssl,
  }, async (t) => {
    const { cert, key } = certificates().localhost
    const more = { address: 'https://127.0.0.1:0', certificate: cert, certificateKey: key, http2 }
    const listeners = await accepting(t, tellPeer, more)
    const socket = await tls(t, portOf(listeners), 'http/1.1')
    const wire = new Wire(socket)
    wire.write(get)
    assert.equal((await wire.message()).text, 'IPv4 192.0.2.1 56324')
    if (http2) {
      const second = await tls(t, portOf(listeners), 'h2')
      const session = connectHttp2('https://localhost', { createConnection: () => second })
      t.after(() => session.destroy())
      const [text] = await once(session.request().setEncoding('utf8'), 'data')
      assert.equal(text, 'IPv4 192.0.2.1 56324')
    }
    const bare = await Wire.connect(portOf(listeners))
    bare.write('\x16\x03\x01\x00\x05hello')
    await bare.atClose()
    assert.equal(bare.received, 0)
    // Those that are told apart by the addresses of their headers would be taken for one.
    const half = await Wire.connect(portOf(listeners))
    half.write(formatProxyHeader(2, ends))
    await eventually(() => half.socket.writableLength === 0, 'the bytes to leave')
    await within(listeners.close(60_000), 'the end')
    await half.atClose()
  })
}

test('X-Forwarded-For, clientAddress, the summary and Source-Hash go by the header; TrustProxy is asked about it', async (t) => {
  const bodies = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      httpServer(t, (req: IncomingMessage, res) => res.end(`${name} ${req.headers['x-forwarded-for']}`)),
    ),
  )
  const summaries: RequestSummary[] = []
  const seen: string[] = []
  const proxy = createProxy(
    {
      entries: [
        {
          match: '/*',
          serverList: bodies.map(({ url }) => url),
          loadBalance: 'Source-Hash',
          trustProxy: '10.0.0.0/8',
        },
      ],
    },
    { logger: false },
  )
  proxy.on('requestEnd', (summary, req) => {
    summaries.push(summary)
    seen.push(proxy.clientAddress(req))
  })
  const listeners = new Listeners(proxy, systemClock)
  t.after(() => Promise.all([listeners.close(0), proxy.close({ timeout: 0 })]))
  const change = await listeners.prepare(sections({ address: '127.0.0.1:0', proxyProtocol: true }))
  change.commit()
  const ask = async (address: string, field = ''): Promise<string> => {
    const wire = await Wire.connect(portOf(listeners))
    const header = formatProxyHeader(2, { source: { address, port: 1 }, destination: ends.destination })
    wire.write(Buffer.concat([header, Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`)]))
    const { text } = await wire.message()
    wire.destroy()
    return text
  }
  const servers = new Set<string>()
  for (let i = 1; i < 30; i++) {
    const [server = '', address] = (await ask(`192.0.2.${i}`, 'X-Forwarded-For: 9.9.9.9\r\n')).split(' ')
    assert.equal(address, `192.0.2.${i}`)
    assert.equal((await ask(`192.0.2.${i}`)).split(' ')[0], server)
    servers.add(server)
  }
  assert.ok(servers.size > 1, 'all clients went to one server')
  assert.match(await ask('10.1.1.1', 'X-Forwarded-For: 9.9.9.9\r\n'), /^\w 9\.9\.9\.9, 10\.1\.1\.1$/)
  await eventually(() => summaries.length === 59, 'the end of all requests')
  assert.deepEqual([seen[0], seen.at(-1)], ['192.0.2.1', '9.9.9.9'])
  assert.equal(summaries[0]?.client, '192.0.2.1')
})

test('curl --haproxy-protocol is understood', { skip: noCurl }, async (t) => {
  const port = portOf(await accepting(t))
  const { stdout } = await promisify(execFile)('curl', ['-sS', '--haproxy-protocol', `http://127.0.0.1:${port}/`])
  assert.match(stdout, /^IPv4 127\.0\.0\.1 \d+$/)
})

test('haproxy: send-proxy and send-proxy-v2 are understood', { skip: noHaproxy }, async (t) => {
  const port = portOf(await accepting(t))
  for (const how of ['send-proxy', 'send-proxy-v2']) {
    const cwd = folder(t)
    const front = join(cwd, 'front.sock')
    const [frontPort] = await freePorts(1)
    writeFileSync(
      join(cwd, 'haproxy.cfg'),
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind ${front}
  bind 127.0.0.1:${frontPort}
  server it 127.0.0.1:${port} ${how}
`,
    )
    const haproxy = spawn('haproxy', ['-db', '-f', 'haproxy.cfg'], { cwd, stdio: 'ignore' })
    t.after(() => haproxy.kill('SIGKILL'))
    await eventually(() => existsSync(front), 'the socket of haproxy')
    const client = await Wire.connect(frontPort!)
    client.write(get)
    assert.equal((await client.message()).text, `IPv4 127.0.0.1 ${(client.socket as Socket).localPort}`)
    // A client of a Unix socket has no address: UNKNOWN in version 1, no family in version 2.
    const wire = await Wire.connect({ path: front })
    wire.write(get)
    assert.match((await wire.message()).text, /^IPv4 127\.0\.0\.1 \d+$/)
  }
})
