import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { portOf, wireTo } from '../support/network.js'
import { folder, type Launched, launch } from '../support/process.js'
import { httpServer } from '../support/upstream.js'
import { Wire, within } from '../support/wire.js'

async function started(t: TestContext, server: string, listen = ''): Promise<Launched> {
  const conf = `[PROXY_ENTRY]\nMatch /*\nServerList ${server}\n[LISTEN]\nAddress 127.0.0.1:0\n${listen}`
  const command = launch(t, ['start'], { cwd: folder(t, { 'proxy.conf': conf }) })
  await portOf(command)
  return command
}

/** A server whose answers the test writes by hand. */
async function slowServer(t: TestContext): Promise<{ url: string; next: () => Promise<ServerResponse> }> {
  const { server, url } = await httpServer(t, () => {})
  return { url, next: async () => (await once(server, 'request'))[1] }
}

const ended = { code: 0, signal: null }

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  test(`${signal}: nothing is accepted any more, what is under way is finished`, async (t) => {
    const { url, next } = await slowServer(t)
    const command = await started(t, url)
    const port = await portOf(command)
    const wire = await wireTo(command)
    const idle = await wireTo(command)
    const arrived = next()
    wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
    const res = await arrived
    res.writeHead(200, { 'Content-Length': 10 })
    res.write('12345')
    assert.equal((await wire.head()).status, 200)
    command.signal(signal)
    await command.output(new RegExp(`${signal}: finishing`))
    await idle.atEnd()
    await assert.rejects(Wire.connect(port), { code: 'ECONNREFUSED' })
    res.end('67890')
    // Its head had promised to keep the connection; it is closed all the same, behind the last byte.
    assert.equal((await wire.bytes(10)).toString(), '1234567890')
    await wire.atEnd()
    assert.deepEqual(await within(command.exited, 'the end'), ended)
    assert.match(command.stdout, /stopped\n$/)
  })
}

test('an answer that begins after the signal says that the connection ends', async (t) => {
  const { url, next } = await slowServer(t)
  const command = await started(t, url)
  const wire = await wireTo(command)
  const arrived = next()
  wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
  const res = await arrived
  command.signal('SIGTERM')
  await command.output(/SIGTERM: finishing/)
  res.end('late')
  const answer = await wire.message()
  assert.deepEqual([answer.status, answer.text, answer.field('connection')], [200, 'late', 'close'])
  assert.deepEqual(await within(command.exited, 'the end'), ended)
})

test('a client that reads slowly gets all of an answer that the server has finished', async (t) => {
  const size = 4_000_000
  const { url, next } = await slowServer(t)
  const command = await started(t, url)
  const wire = await wireTo(command)
  const arrived = next()
  wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
  const res = await arrived
  res.writeHead(200, { 'Content-Length': size })
  res.flushHeaders()
  await wire.head()
  wire.socket.pause()
  res.end(Buffer.alloc(size))
  command.signal('SIGTERM')
  await command.output(/SIGTERM: finishing/)
  wire.socket.resume()
  assert.equal((await wire.bytes(size)).length, size)
  assert.deepEqual(await within(command.exited, 'the end'), ended)
})

test('ShutdownTimeout cuts what does not end', async (t) => {
  const { url, next } = await slowServer(t)
  const command = await started(t, url, 'ShutdownTimeout 300ms\n')
  const wire = await wireTo(command)
  const arrived = next()
  wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
  const res = await arrived
  res.writeHead(200, { 'Content-Length': 10 })
  res.write('12345')
  await wire.head()
  command.signal('SIGTERM')
  await wire.atClose()
  assert.deepEqual(await within(command.exited, 'the end'), ended)
  await command.output(/requests? had not ended after/)
})

test('a second signal ends it at once, with exit code 1', async (t) => {
  const { url, next } = await slowServer(t)
  const command = await started(t, url)
  const wire = await wireTo(command)
  const arrived = next()
  wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
  await arrived
  command.signal('SIGTERM')
  await command.output(/SIGTERM: finishing/)
  command.signal('SIGINT')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 1, signal: null })
})

test('Ctrl-C that comes twice at once, as through npm, is one', async (t) => {
  const { url, next } = await slowServer(t)
  const command = await started(t, url)
  const wire = await wireTo(command)
  const arrived = next()
  wire.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n')
  const response = await arrived
  command.signal('SIGINT')
  command.signal('SIGINT')
  await command.output(/SIGINT: finishing/)
  response.end('whole')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 0, signal: null })
})

test('a WebSocket is closed with 1001', async (t) => {
  const { server, url } = await httpServer(t, () => {})
  server.on('upgrade', (req, socket) => {
    const accept = createHash('sha1')
      .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    // A text frame, "hi".
    socket.write(Buffer.from([0x81, 2, 0x68, 0x69]))
    socket.on('data', () => socket.end())
    socket.on('error', () => {})
  })
  const command = await started(t, url)
  const wire = await wireTo(command)
  wire.write(
    'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const head = await wire.head()
  assert.deepEqual([head.status, head.field('sec-websocket-accept')], [101, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='])
  assert.deepEqual([...(await wire.bytes(4))], [0x81, 2, 0x68, 0x69])
  command.signal('SIGTERM')
  assert.deepEqual([...(await wire.bytes(4))], [0x88, 2, 1001 >> 8, 1001 & 255])
  wire.end()
  assert.deepEqual(await within(command.exited, 'the end'), ended)
})
