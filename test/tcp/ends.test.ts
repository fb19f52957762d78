import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder } from '../support/process.js'
import { type Rig, rig, server } from '../support/tcp.js'
import { eventually } from '../support/wire.js'

/** More than the system keeps of a connection whose other end does not read. */
const plenty = 32 * 2 ** 20

/** Why the only connection was ended, once it is over. */
async function reason({ summaries }: Rig): Promise<string | undefined> {
  await eventually(() => summaries.length === 1, 'the end of the connection')
  return (summaries[0]!.error as { code?: string } | undefined)?.code
}

test('a client that breaks off before there is a decision is told of in the summary alone', async (t) => {
  const router = await rig(t, () => ({ noop: true }))
  const client = await router.connect()
  client.write('x')
  await eventually(() => router.connections[0]?.socket.bytesRead === 1, 'the first byte')
  ;(client.socket as Socket).resetAndDestroy()
  assert.equal(await reason(router), 'ERR_TCP_BROKEN')
  assert.deepEqual(router.told, [])
})

test('a server may answer the end of a client with its own, without a byte', async (t) => {
  const quiet = await server(t, (socket) => socket.resume().on('end', () => socket.end()))
  const router = await rig(t, () => ({ remote: quiet.address }))
  const client = await router.connect()
  client.end('x')
  await client.atClose()
  assert.equal(client.ended, true)
  assert.equal(await reason(router), undefined)
  assert.deepEqual(router.told, [])
})

test('a server of a Unix socket that closes behind its answer has ended', {
  skip: process.platform === 'win32',
}, async (t) => {
  const path = join(folder(t), 'app.sock')
  const listener = createServer((socket) => {
    socket.once('data', () => socket.end('answer', () => socket.destroy()))
  })
  t.after(() => listener.close())
  await once(listener.listen(path), 'listening')
  const router = await rig(t, () => ({ remote: `unix:${path}` }))
  const client = await router.connect()
  client.write('x')
  assert.equal(await client.atEnd(), 'answer')
  client.end()
  assert.equal(await reason(router), undefined)
})

test('the end of a server comes through though it reads nothing any more', async (t) => {
  let stop = (): void => {}
  const full = await server(t, (socket) => {
    socket.once('data', () => socket.pause())
    stop = () => socket.end('enough')
  })
  const router = await rig(t, () => ({ remote: full.address }), { maxBuffer: 2 ** 30 })
  const client = await router.connect()
  client.write(Buffer.alloc(plenty))
  await eventually(() => router.connections[0]?.socket.isPaused() === true, 'the client to be held back')
  stop()
  assert.equal(await client.atEnd(), 'enough')
})

test('a client that does not end after its last bytes is cut after five seconds', async (t) => {
  const router = await rig(t, () => ({ close: 'bye' }), {}, true)
  const client = await router.connect()
  client.write('x')
  assert.equal(await client.atEnd(), 'bye')
  router.clock.advance(4_999)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(router.router.counts.current, 1)
  router.clock.advance(1)
  await eventually(() => router.router.counts.current === 0, 'the cut')
})

test('a client that is held back when it is closed has its end seen', async (t) => {
  let decide = (_: { close: string }): void => {}
  const router = await rig(t, () => new Promise((resolve) => (decide = resolve)), { maxBuffer: 1000 }, true)
  const client = await router.connect()
  client.end(Buffer.alloc(2 ** 20))
  await eventually(() => router.connections[0]?.socket.isPaused() === true, 'the client to be held back')
  decide({ close: 'bye' })
  assert.equal(await client.atEnd(), 'bye')
  assert.equal(await reason(router), undefined)
})

test('what was read before a server broke off waits for its client, and not for ever', async (t) => {
  let breakOff = (): void => {}
  const breaking = await server(t, (socket) => {
    socket.once('data', () => socket.write(Buffer.alloc(plenty)))
    breakOff = () => socket.resetAndDestroy()
  })
  const router = await rig(t, () => ({ remote: breaking.address }), {}, true)
  const client = await router.connect()
  client.write('x')
  await eventually(() => client.received > 0, 'the first bytes')
  client.socket.pause()
  const { socket } = router.connections[0]!
  await eventually(() => socket.writableLength > 0 && socket.writableNeedDrain, 'the client to be behind')
  breakOff()
  // Only what the client sends lets the router, which does not read, see the break.
  for (let times = 0; router.summaries.length === 0 && times < 500; times++) {
    client.write('more')
    await new Promise((resolve) => setTimeout(resolve, 5))
    router.clock.advance(100)
  }
  assert.equal(await reason(router), 'ERR_TCP_BROKEN')
})
