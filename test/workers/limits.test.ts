import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { createProxy } from '#lib/index.js'
import type { Cleanup } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

async function port(t: Cleanup, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** A worker as another library would make it, that takes so many streams at once; gives those it has got. */
async function worker(t: Cleanup, at: number, instance: string, limit: number): Promise<ServerHttp2Stream[]> {
  const headers = { Connection: 'Upgrade', Upgrade: 'pointsman-worker', 'Pointsman-Instance': instance }
  const asked = httpRequest({ port: at, host: '127.0.0.1', headers }).end()
  const [, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket, Buffer]
  socket.unshift(head)
  t.after(() => socket.destroy())
  const streams: ServerHttp2Stream[] = []
  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: limit } })
  http2.on('stream', (stream) => streams.push(stream))
  http2.emit('connection', socket)
  return streams
}

function answer(streams: ServerHttp2Stream[]): void {
  for (const stream of streams.splice(0)) {
    stream.respond({ ':status': 200 })
    stream.end('ok')
  }
}

test('requests beyond what a worker takes at once go to the others, or wait in the queue', async (t) => {
  const entries = [{ match: '/*', serverList: 'worker:default', queueLength: 10 }]
  const proxy = createProxy({ entries, workers: { listen: '8000' } }, { logger: false })
  t.after(() => proxy.close({ timeout: 0 }))
  const workers = createServer().on('upgrade', (req, socket, head) => proxy.acceptWorker(req, socket, head))
  const joinAt = await port(t, workers)
  const at = await port(t, createServer(proxy))
  const narrow = await worker(t, joinAt, 'narrow', 1)
  const wide = await worker(t, joinAt, 'wide', 3)
  const answers = Array.from({ length: 6 }, () => fetch(`http://127.0.0.1:${at}/`))
  await eventually(() => narrow.length + wide.length === 4, 'what they take')
  assert.deepEqual([narrow.length, wide.length], [1, 3])
  answer(wide)
  await eventually(() => wide.length === 2, 'what has waited')
  answer(wide)
  answer(narrow)
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200)
})
