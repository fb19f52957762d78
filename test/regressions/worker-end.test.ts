import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { workerAddress } from '#lib/pool/address.js'
import { Joined } from '#lib/transports/http2/joined.js'
import { ManualClock } from '../support/clock.js'
import { eventually, within } from '../support/wire.js'

// The socket of an upgrade is half-open when its client ends: a worker that was killed was only missed by a PING.
test('the end of a worker is the end of its connection', async (t) => {
  const upstream = new Joined(new ManualClock()).upstream(workerAddress('api', '1'))
  const server = createServer().on('upgrade', (_, socket: Socket, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: pointsman-worker\r\n\r\n')
    session = upstream.add(socket, head)
  })
  let session: ReturnType<typeof upstream.add> | undefined
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const headers = { Connection: 'Upgrade', Upgrade: 'pointsman-worker' }
  const joining = request({ port, host: '127.0.0.1', headers }).end()
  const [, socket] = (await once(joining, 'upgrade')) as [unknown, Socket]
  const worker = createHttp2Server()
  worker.on('session', (each) => each.on('error', () => {}))
  worker.emit('connection', socket)
  await eventually(() => upstream.ready, 'the worker')

  const closed = new Promise<void>((resolve) => session?.onClose(resolve))
  // What the kernel does for a process that was killed.
  socket.end()
  await within(closed, 'the end of the connection')
  assert.equal(upstream.ready, false)
  socket.destroy()
})
