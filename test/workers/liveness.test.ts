/** A worker notices that its proxy is gone, and leaves nothing behind however often it comes and goes. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { ManualClock } from '../support/clock.js'
import { scriptedRandom } from '../support/random.js'
import { eventually, within } from '../support/wire.js'
import { ask, isReady, join, joinYard, openYard } from './support.js'

const hello = (_req: unknown, res: { end(text: string): void }): void => res.end('hello')

test('a proxy that vanishes without a word is found within ten seconds, and dialled again', async (t) => {
  const sockets: Socket[] = []
  const mute = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: pointsman-worker\r\nConnection: Upgrade\r\n'
      socket.write(`${head}Pointsman-Process: p1\r\nPointsman-Processes: 1\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`)
      socket.write(Buffer.from('000000040000000000', 'hex'))
    })
  })
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    mute.close()
  })
  const clock = new ManualClock()
  const { port } = mute.address() as { port: number }
  const joined = join(t, hello, `http://127.0.0.1:${port}`, { clock, random: scriptedRandom(0) })
  await within(once(joined, 'joined'), 'the connection')
  const lost = once(joined, 'lost')
  clock.advance(5_000)
  clock.advance(5_000)
  const [{ reason }] = await within(lost, 'the loss')
  assert.equal(reason, 'the proxy does not answer')
  await eventually(() => clock.pending > 0, 'the next try to be due')
  clock.advance(100)
  await within(once(joined, 'joined'), 'the next connection')
  assert.equal(sockets.length, 2)
})

test('a proxy that answers its pings is not given up', async (t) => {
  const clock = new ManualClock()
  const yard = await openYard(t)
  const joined = await joinYard(t, yard, hello, { clock })
  let lost = 0
  joined.on('lost', () => lost++)
  for (let i = 0; i < 10; i++) {
    clock.advance(5_000)
    // The answer to the ping is read.
    assert.equal((await ask(yard, 'w1')).body, 'hello')
  }
  assert.equal(lost, 0)
})

test('ten thousand joins and leaves leave no handle, timer or listener', { timeout: 120_000 }, async (t) => {
  const yard = await openYard(t)
  const resources = (): number => process.getActiveResourcesInfo().length
  const cycle = async (i: number): Promise<void> => {
    const joined = join({ after() {} }, hello, yard.url, { instance: `w${i}` })
    await isReady(yard, joined)
    if (i % 100 === 0) assert.equal((await ask(yard, `w${i}`)).body, 'hello')
    await joined.leave()
  }
  for (let i = 0; i < 100; i++) await cycle(i)
  const count = 10_000
  const [before, listeners] = [resources(), process.eventNames().length]
  globalThis.gc?.()
  const heap = process.memoryUsage().heapUsed
  for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => cycle(i + j)))
  await eventually(() => yard.gate.workers.length === 0, 'the last one to be gone')
  await eventually(() => resources() <= before, `resources to be let go: ${process.getActiveResourcesInfo()}`)
  assert.equal(process.eventNames().length, listeners)
  globalThis.gc?.()
  const grown = (process.memoryUsage().heapUsed - heap) / count
  if (globalThis.gc !== undefined) assert.ok(grown < 200, `${grown} bytes of heap for each`)
})
