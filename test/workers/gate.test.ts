/** The gate as a worker of any language sees it: bytes. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, performServerHandshake, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { ManualClock } from '../support/clock.js'
import { folder } from '../support/process.js'
import { freePort } from '../support/upstream.js'
import { eventually, Wire, type WireMessage, within } from '../support/wire.js'
import { ask, openYard, type Yard, type YardOptions } from './support.js'

/** A join request with these fields beside those that each has. */
function asking(fields = 'Pointsman-Instance: w1\r\n', start = 'GET / HTTP/1.1'): string {
  return `${start}\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: pointsman-worker\r\n${fields}\r\n`
}

/** What a gate answers to a request. */
async function answerOf(yard: Yard, request: string): Promise<WireMessage> {
  const wire = await Wire.connect(yard.port)
  wire.write(request)
  const answer = await wire.message()
  if (answer.status !== 101) await wire.atEnd()
  wire.destroy()
  return answer
}

/** A worker that is no more than Node's HTTP/1.1 and HTTP/2. */
async function rawWorker(
  t: { after(done: () => void): void },
  { port }: Pick<Yard, 'port'>,
  weight = 1,
): Promise<ServerHttp2Session> {
  const headers = {
    ...{ Connection: 'Upgrade', Upgrade: 'pointsman-worker' },
    ...{ 'Pointsman-Instance': 'w1', 'Pointsman-Weight': weight },
  }
  const request = get({ port, host: '127.0.0.1', agent: false, headers })
  const [, socket, head] = (await within(once(request, 'upgrade'), '101')) as [unknown, Socket, Buffer]
  t.after(() => socket.destroy())
  socket.unshift(head)
  return performServerHandshake(socket)
}

test('101 names the process, and what follows is HTTP/2 with the proxy as its client', async (t) => {
  const yard = await openYard(t, { process: { id: 'p-7', count: 3 } })
  const wire = await Wire.connect(yard.port)
  t.after(() => wire.destroy())
  wire.write(asking())
  const head = await wire.head()
  assert.equal(head.start, 'HTTP/1.1 101 Switching Protocols')
  assert.deepEqual(head.headers, [
    ...['Connection', 'Upgrade', 'Upgrade', 'pointsman-worker'],
    ...['Pointsman-Process', 'p-7', 'Pointsman-Processes', '3'],
  ])
  assert.equal(await wire.until('\r\n\r\n'), 'PRI * HTTP/2.0\r\n\r\n')
  // Its SETTINGS have not come: it is no worker yet.
  assert.deepEqual(yard.found, [])
  wire.write(Buffer.from('000000040000000000', 'hex'))
  await eventually(() => yard.found.length === 1, 'the worker')
  assert.deepEqual(yard.gate.workers, [{ service: 'default', instance: 'w1', weight: 1 }])
  wire.destroy()
  await eventually(() => yard.found.length === 2, 'its end')
  assert.deepEqual(yard.gate.workers, [])
  assert.equal(yard.log[0], 'worker default/w1 joined from 127.0.0.1')
  assert.match(yard.log[1] ?? '', /^worker default\/w1 is gone: (its connection closed|read ECONNRESET)$/)
})

const refusals: [name: string, fields: string, status: number, text: RegExp, given?: YardOptions][] = [
  ['no instance', '', 400, /^Pointsman-Instance consists of letters, digits/],
  ['a bad instance', 'Pointsman-Instance: a/b\r\n', 400, /^Pointsman-Instance/],
  ['a long one', `Pointsman-Instance: ${'a'.repeat(65)}\r\n`, 400, /^Pointsman-Instance/],
  ['a bad service', 'Pointsman-Instance: a\r\nPointsman-Service: \r\n', 400, /^Pointsman-Service/],
  [
    'two services',
    'Pointsman-Instance: a\r\nPointsman-Service: a\r\nPointsman-Service: b\r\n',
    400,
    /^Pointsman-Service/,
  ],
  ['a bad weight', 'Pointsman-Instance: a\r\nPointsman-Weight: 0\r\n', 400, /from 1 to 1000/],
  ['too much of it', 'Pointsman-Instance: a\r\nPointsman-Weight: 1001\r\n', 400, /from 1 to 1000/],
  ['another weight', 'Pointsman-Instance: a\r\nPointsman-Weight: 1e2\r\n', 400, /from 1 to 1000/],
  ['no token', 'Pointsman-Instance: a\r\n', 401, /a token is needed/, { options: { token: 'x' } }],
  ['no Bearer', 'Authorization: Basic eDp4\r\n', 401, /a token is needed/, { options: { token: 'x' } }],
  ['a wrong one', 'Authorization: Bearer xx\r\n', 401, /is not the one of \[WORKERS\]/, { options: { token: 'x' } }],
  [
    'no entry',
    'Pointsman-Instance: a\r\n',
    404,
    /^no entry lists worker:default; known: worker:b$/,
    { services: ['b'] },
  ],
  ['no entries', 'Pointsman-Instance: a\r\n', 404, /^no entry lists worker:default; known: none$/, { services: [] }],
  ['held', 'Pointsman-Instance: a\r\nPointsman-Holds: p2, p1\r\n', 409, /is connected to this process already/],
]

for (const [name, fields, status, text, given] of refusals) {
  test(`refused with ${status}: ${name}`, async (t) => {
    const yard = await openYard(t, given)
    const answer = await answerOf(yard, asking(fields))
    assert.equal(answer.status, status)
    assert.match(answer.text.trim(), text)
    assert.equal(answer.field('content-type'), 'text/plain; charset=utf-8')
    assert.equal(answer.field('connection'), 'close')
    assert.deepEqual([answer.field('pointsman-process'), answer.field('pointsman-processes')], ['p1', '1'])
    assert.equal(answer.field('www-authenticate') !== undefined, status === 401)
    assert.deepEqual(yard.found, [])
  })
}

test('only GET joins', async (t) => {
  const yard = await openYard(t)
  assert.equal((await answerOf(yard, asking(undefined, 'DELETE / HTTP/1.1'))).status, 400)
})

test('a gate that closes answers 503, and lets requests end', async (t) => {
  const yard = await openYard(t)
  const worker = await rawWorker(t, yard)
  const streams: import('node:http2').ServerHttp2Stream[] = []
  worker.on('stream', (stream) => streams.push(stream))
  await eventually(() => yard.gate.workers.length === 1, 'the worker')
  const sent = yard.send('w1')
  await eventually(() => streams.length === 1, 'the request')
  const closed = yard.gate.close()
  assert.equal(yard.gate.close(), closed)
  assert.equal((await answerOf(yard, asking('Pointsman-Instance: w2\r\n'))).status, 503)
  assert.deepEqual(yard.gate.workers, [])
  streams[0]?.respond({ ':status': 200 })
  streams[0]?.end('late')
  await sent.over()
  assert.equal(sent.body, 'late')
  await closed
  // Whoever stops the proxy knows why they go.
  assert.deepEqual(yard.log, ['worker default/w1 joined from 127.0.0.1'])
})

test('one that is being told that it is taken when the gate closes is let go', async (t) => {
  const { gate, found } = await openYard(t)
  let written = (): void => {}
  const socket = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      written = done
    },
  })
  const headers = { upgrade: 'pointsman-worker', 'pointsman-instance': 'w1' }
  const request = { method: 'GET', headers } as unknown as IncomingMessage
  assert.equal(gate.accept(request, socket, Buffer.alloc(0)), true)
  await within(gate.close(), 'the gate to be closed')
  written()
  await eventually(() => socket.destroyed, 'the end of the connection')
  assert.deepEqual(found, [])
})

test('what is no join request is left to others', async (t) => {
  const yard = await openYard(t)
  const server = createServer((_req, res) => res.end('page'))
  const others: string[] = []
  server.on('upgrade', (req, socket, head) => {
    if (yard.gate.accept(req, socket, head)) return
    others.push(String(req.headers.upgrade))
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const wire = await Wire.connect(port)
  wire.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  assert.equal((await wire.message()).status, 400)
  assert.deepEqual(others, ['websocket'])
  wire.destroy()
  // The same server takes workers.
  const worker = await rawWorker(t, { port })
  worker.on('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.end('tunnelled')
  })
  await eventually(() => yard.gate.workers.length === 1, 'the worker')
  assert.equal((await ask(yard, 'w1')).body, 'tunnelled')
})

test('several connections of a worker count once, and the newest says its weight', async (t) => {
  const yard = await openYard(t)
  const first = await rawWorker(t, yard)
  await eventually(() => yard.found.length === 1, 'the worker')
  const second = await rawWorker(t, yard, 5)
  // The proxy has seen its SETTINGS.
  await within(new Promise((resolve) => second.ping(resolve)), 'its answer')
  await eventually(() => yard.found.length === 2, 'its weight')
  assert.deepEqual(yard.gate.workers, [{ service: 'default', instance: 'w1', weight: 5 }])
  first.destroy()
  await once(first, 'close')
  second.on('stream', (stream) => stream.respond({ ':status': 204 }, { endStream: true }))
  assert.equal((await ask(yard, 'w1')).head?.status, 204)
  assert.equal(yard.found.length, 2)
  second.destroy()
  await eventually(() => yard.found.length === 3, 'its end')
  assert.deepEqual(yard.found.at(-1), [])
})

test('one that says nothing once the roles have turned is dropped', async (t) => {
  const clock = new ManualClock()
  const yard = await openYard(t, { clock })
  const wire = await Wire.connect(yard.port)
  wire.write(asking())
  await wire.until('PRI * HTTP/2.0')
  clock.advance(9_999)
  assert.equal(wire.closed, false)
  clock.advance(1)
  await wire.atClose()
  assert.deepEqual(yard.found, [])
})

test('one that leaves and does not close its side is closed', async (t) => {
  const clock = new ManualClock()
  const yard = await openYard(t, { clock })
  const wire = await Wire.connect({ port: yard.port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => wire.destroy())
  wire.write(asking())
  await wire.until('PRI * HTTP/2.0')
  wire.write(Buffer.from('000000040000000000', 'hex'))
  await eventually(() => yard.gate.workers.length === 1, 'the worker')
  wire.write(Buffer.from('0000080700000000007fffffff00000000', 'hex'))
  await eventually(() => yard.gate.workers.length === 0, 'its notice')
  await wire.atEnd()
  clock.advance(5_000)
  await yard.gate.close()
  assert.deepEqual(yard.log.slice(1), ['worker default/w1 leaves'])
})

test('one that vanishes without a word is found within ten seconds, and its requests fail', async (t) => {
  const clock = new ManualClock()
  const yard = await openYard(t, { clock })
  const wire = await Wire.connect(yard.port)
  wire.write(asking())
  await wire.until('PRI * HTTP/2.0')
  wire.write(Buffer.from('000000040000000000', 'hex'))
  await eventually(() => yard.gate.workers.length === 1, 'the worker')
  const sent = yard.send('w1')
  await sent.when('connected')
  clock.advance(5_000)
  clock.advance(5_000)
  await sent.over()
  assert.equal(sent.error?.code, 'ERR_CONNECTION_LOST')
  await eventually(() => yard.gate.workers.length === 0, 'its end')
  assert.match(yard.log.at(-1) ?? '', /is gone: no answer to a PING/)
})

test('the listener tells a browser what it is for', async (t) => {
  const yard = await openYard(t)
  const page = await fetch(`${yard.url}/`)
  assert.equal(page.status, 426)
  assert.equal(page.headers.get('upgrade'), 'pointsman-worker')
  assert.match(await page.text(), /^Workers dial in here/)
  const other = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  assert.equal((await answerOf(yard, other)).status, 426)
  assert.equal((await answerOf(yard, 'nonsense\r\n\r\n')).status, 400)
  assert.equal((await answerOf(yard, asking(`X: ${'x'.repeat(20_000)}\r\n`))).status, 400)
  await assert.rejects(once(connectHttp2(yard.url), 'connect').then(() => fetch(`${yard.url}0`)))
})

test('the listener closes at once, and leaves those that have joined', async (t) => {
  const yard = await openYard(t)
  const worker = await rawWorker(t, yard)
  worker.on('stream', (stream) => stream.respond({ ':status': 204 }, { endStream: true }))
  await eventually(() => yard.gate.workers.length === 1, 'the worker')
  const stranger = await Wire.connect(yard.port)
  await yard.listener.close()
  await stranger.atClose()
  await assert.rejects(Wire.connect(yard.port))
  assert.equal((await ask(yard, 'w1')).head?.status, 204)
})

test('the listener says why it cannot listen, and listens at Unix sockets', async (t) => {
  const port = await freePort()
  const listen = { host: '127.0.0.1', port, socketPath: undefined }
  const yard = await openYard(t, { options: { listen } })
  await assert.rejects(
    openYard(t, { options: { listen } }),
    /^Error: the listener for workers cannot listen on http:\/\/127\.0\.0\.1:\d+: the address is in use/,
  )
  assert.equal(yard.url, `http://127.0.0.1:${port}`)
  const socketPath = `${folder(t as never)}/w.sock`
  const local = await openYard(t, { options: { listen: { host: '', port: 0, socketPath } } })
  assert.equal(local.url, `unix:${socketPath}`)
})
