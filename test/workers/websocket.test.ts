/** WebSockets through a tunnel: extended CONNECT on the proxy's side, a handshake of HTTP/1.1 on the application's. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Sent } from '../support/carriage.js'
import { eventually, within } from '../support/wire.js'
import { join, joinYard, openYard, type Yard } from './support.js'

const handshake = ['Host', 'h', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']

/** A request for a WebSocket, as a client of HTTP/1.1 would have it sent. */
function upgrade(yard: Yard, target = '/', headers: readonly string[] = handshake): Sent {
  return yard.send('w1', { target, headers: [...headers, 'Upgrade', 'websocket'], upgrade: 'websocket', fresh: true })
}

/** A server of HTTP/1.1 that passes upgrades on to the worker: what a proxy does, without the proxy. */
async function frontOf(t: Parameters<typeof openYard>[0], yard: Yard): Promise<string> {
  const front = createServer().on('upgrade', async (req, socket) => {
    socket.on('error', () => {})
    const sent = upgrade(yard, req.url, req.rawHeaders)
    await sent.when('upgraded')
    const { head, socket: far } = sent
    if (head === undefined || far === undefined) throw new Error('no upgrade')
    far.on('error', () => {})
    let text = 'HTTP/1.1 101 Switching Protocols\r\n'
    for (let i = 0; i < head.headers.length; i += 2) text += `${head.headers[i]}: ${head.headers[i + 1]}\r\n`
    socket.write(`${text}\r\n`)
    socket.pipe(far).pipe(socket)
    socket.on('close', () => far.destroy())
    far.on('close', () => socket.destroy())
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.after(() => front.close())
  const address = front.address()
  return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

test('messages pass in both directions, and so does the end', async (t) => {
  const yard = await openYard(t)
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const ends: number[] = []
  sockets.on('connection', (socket, req) => {
    socket.on('message', (data, binary) => socket.send(binary ? data : `${req.url} ${data}`))
    socket.on('close', (code) => ends.push(code))
  })
  await joinYard(t, yard, server)
  const client = new WebSocket(`${await frontOf(t, yard)}/chat`)
  await within(once(client, 'open'), 'the handshake')
  client.send('hello')
  assert.equal(String((await once(client, 'message'))[0]), '/chat hello')
  const large = Buffer.alloc(3_000_000, 7)
  client.send(large)
  assert.deepEqual((await once(client, 'message'))[0], large)
  client.close(4001)
  assert.equal((await within(once(client, 'close'), 'the close'))[0], 4001)
  await eventually(() => ends.includes(4001), 'the close at the server')
})

test('a refusal is an ordinary answer', async (t) => {
  const yard = await openYard(t)
  const server = createServer().on('upgrade', (_req, socket) => {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
  })
  await joinYard(t, yard, server)
  const sent = upgrade(yard)
  await sent.over()
  assert.deepEqual([sent.log.at(-1), sent.head?.status, sent.body], ['end', 403, 'no'])
  // Nothing of it is left on the connection.
  await eventually(() => yard.upstream('w1').ready, 'the worker to be there')
  const plain = await openYard(t)
  await joinYard(t, plain, (_req, res) => res.writeHead(404).end('none'))
  const none = upgrade(plain)
  await none.over()
  assert.deepEqual([none.head?.status, none.body], [404, 'none'])
})

test('an answer to another key is no handshake', async (t) => {
  const yard = await openYard(t)
  const server = createServer().on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n')
    socket.end('Sec-WebSocket-Accept: AAAA\r\n\r\n')
  })
  await joinYard(t, yard, server)
  const sent = upgrade(yard)
  await sent.over()
  assert.match(sent.log.at(-1) ?? '', /^failed/)
})

test('one that is cut on one side is cut on the other', async (t) => {
  const yard = await openYard(t)
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const ends: number[] = []
  sockets.on('connection', (socket) => socket.on('close', (code) => ends.push(code)))
  await joinYard(t, yard, server)
  const url = await frontOf(t, yard)
  const first = new WebSocket(url)
  await once(first, 'open')
  first.terminate()
  await eventually(() => ends.length === 1, 'the end at the server')
  const second = new WebSocket(url)
  await once(second, 'open')
  for (const socket of sockets.clients) socket.terminate()
  assert.equal((await within(once(second, 'close'), 'the end at the client'))[0], 1006)
})

test('a worker that leaves closes its WebSockets with 1001', async (t) => {
  const yard = await openYard(t)
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const ends: number[] = []
  sockets.on('connection', (socket) => socket.on('close', (code) => ends.push(code)))
  const joined = join(t, server, yard.url)
  await eventually(() => yard.upstream('w1').ready, 'the worker')
  const client = new WebSocket(await frontOf(t, yard))
  await once(client, 'open')
  const closed = once(client, 'close')
  await within(joined.leave(), 'the worker to leave', 20_000)
  assert.equal((await closed)[0], 1001)
  assert.deepEqual(ends, [1001])
})

test('a WebSocket that is opened while the worker leaves is closed with 1001 as well', async (t) => {
  const yard = await openYard(t)
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  let open: (() => void) | undefined
  server.on('upgrade', (req, socket, head) => {
    open = () => sockets.handleUpgrade(req, socket, head, () => {})
  })
  const joined = join(t, server, yard.url)
  await eventually(() => yard.upstream('w1').ready, 'the worker')
  const client = new WebSocket(await frontOf(t, yard))
  const closed = once(client, 'close')
  await eventually(() => open !== undefined, 'the request')
  const left = joined.leave()
  await eventually(() => !yard.upstream('w1').ready, 'the worker to take leave')
  open?.()
  assert.equal((await within(closed, 'the end', 10_000))[0], 1001)
  await within(left, 'the worker to leave', 20_000)
})
