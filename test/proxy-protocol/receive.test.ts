import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import type { ProxyHeader } from '#lib/proxy-protocol/header.js'
import { receiveProxyHeader } from '#lib/proxy-protocol/receive.js'
import { certificates } from '../support/certificates.js'
import { ManualClock } from '../support/clock.js'
import { noOpenssl } from '../support/network.js'
import { eventually, Wire } from '../support/wire.js'

const ends = { source: { address: '192.0.2.1', port: 5 }, destination: { address: '192.0.2.2', port: 443 } }

/** A listener that takes headers off, and what became of each. */
async function listener(t: TestContext, inner?: HttpServer) {
  const clock = new ManualClock()
  const outcomes: (ProxyHeader | Error)[] = []
  const sockets: Socket[] = []
  const outer = createServer((socket) => {
    sockets.push(socket)
    receiveProxyHeader(socket, clock, 1000).then(
      (header) => {
        outcomes.push(header)
        inner?.emit('connection', socket)
      },
      (error) => outcomes.push(error),
    )
  })
  outer.listen(0, '127.0.0.1')
  await once(outer, 'listening')
  t.after(() => {
    outer.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (outer.address() as AddressInfo).port, clock, outcomes, sockets }
}

const answer = (req: IncomingMessage, res: { end(text: string): void }): void => res.end(`you asked for ${req.url}`)

for (const version of [1, 2] as const) {
  test(`an HTTP server gets what follows a header of version ${version}, wherever it is cut`, async (t) => {
    const { port, outcomes } = await listener(t, createHttpServer(answer))
    const header = formatProxyHeader(version, ends)
    const all = Buffer.concat([header, Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')])
    for (const cut of [1, header.length - 1, header.length, header.length + 4, all.length]) {
      const client = await Wire.connect({ port, host: '127.0.0.1', noDelay: true })
      client.write(all.subarray(0, cut))
      if (cut < header.length) await new Promise((resolve) => setImmediate(resolve))
      client.write(all.subarray(cut))
      assert.equal((await client.message()).text, 'you asked for /a')
      // The connection is kept as any other.
      client.write('GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      assert.equal((await client.message()).text, 'you asked for /b')
      assert.deepEqual((outcomes.at(-1) as ProxyHeader).ends, ends)
    }
  })
}

test('TLS begins behind the header', { skip: noOpenssl }, async (t) => {
  const { localhost, ca } = certificates()
  const { port } = await listener(t, createHttpsServer(localhost, answer))
  const client = await Wire.connect(port)
  client.write(formatProxyHeader(2, ends))
  client.socket.removeAllListeners('data')
  const secure = new Wire(connectTls({ socket: client.socket, servername: 'localhost', ca }))
  secure.write('GET /tls HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await secure.message()).text, 'you asked for /tls')
})

test('without a header, or in time, the connection is closed', async (t) => {
  const { port, clock, outcomes, sockets } = await listener(t)
  const plain = await Wire.connect(port)
  plain.write('GET / HTTP/1.1\r\n\r\n')
  await plain.atEnd()
  const slow = await Wire.connect(port)
  slow.write('PROXY ')
  await eventually(() => sockets[1]?.bytesRead === 6, 'the first bytes')
  clock.advance(1000)
  await slow.atEnd()
  const leaving = await Wire.connect(port)
  leaving.end('PROXY TCP4')
  await leaving.atEnd()
  await eventually(() => outcomes.length === 3, 'three refusals')
  assert.deepEqual(
    outcomes.map((error) => (error as Error).message),
    [
      'the connection does not begin with a header of the PROXY protocol',
      'no PROXY protocol header within 1000 ms',
      'the connection ended before its PROXY protocol header',
    ],
  )
  assert.equal(clock.pending, 0)
})
