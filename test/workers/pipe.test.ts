import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { PipeEnd } from '#lib/workers/pipe.js'
import { ManualClock } from '../support/clock.js'
import { within } from '../support/wire.js'

const clock = new ManualClock()

function pipe(): [near: PipeEnd, far: PipeEnd] {
  const near = new PipeEnd({ remoteAddress: '192.0.2.1', remotePort: 7 }, true, clock)
  const far = new PipeEnd({ remoteAddress: '192.0.2.1', remotePort: 7 }, false, clock)
  near.join(far)
  return [near, far]
}

test('what is written at one end is read at the other, and so is the end', async () => {
  const [near, far] = pipe()
  const read = async (end: PipeEnd): Promise<string> => {
    let text = ''
    end.on('data', (chunk) => {
      text += chunk
    })
    await within(once(end, 'end'), 'the end')
    return text
  }
  near.end('there')
  assert.equal(await read(far), 'there')
  far.end('and back')
  assert.equal(await read(near), 'and back')
  assert.deepEqual([near.bytesWritten, far.bytesRead, near.bytesRead], [5, 5, 8])
  assert.deepEqual([far.remoteAddress, far.remotePort], ['192.0.2.1', 7])
})

test('one direction is read during the write, the other in a later turn', async () => {
  const [near, far] = pipe()
  const read: string[] = []
  near.on('data', (chunk) => read.push(`near ${chunk}`))
  far.on('data', (chunk) => read.push(`far ${chunk}`))
  await new Promise((resolve) => setImmediate(resolve))
  far.write('a')
  assert.deepEqual(read, ['near a'])
  near.write('b')
  assert.deepEqual(read, ['near a'])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(read, ['near a', 'far b'])
})

test('an end that is not read holds the other back', async () => {
  const [near, far] = pipe()
  const chunk = Buffer.alloc(16 * 1024)
  let written = 0
  while (near.write(chunk) || written < 4) written++
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(far.readableLength <= 128 * 1024, `${far.readableLength} bytes wait`)
  assert.ok(near.writableLength > 0)
  const drained = once(near, 'drain')
  far.resume()
  await within(drained, 'room')
})

test('an end that is destroyed breaks the other off, behind what has arrived', async () => {
  const [near, far] = pipe()
  near.write('part')
  await new Promise((resolve) => setImmediate(resolve))
  near.destroy()
  const closed = once(far, 'close')
  assert.equal(String(Buffer.concat(await far.toArray())), 'part')
  await within(closed, 'the close')
  assert.equal(far.destroyed, true)
  // However late it is read.
  const [first, late] = pipe()
  first.write('part')
  await new Promise((resolve) => setImmediate(resolve))
  first.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(String(Buffer.concat(await late.toArray())), 'part')
  // What is still written goes nowhere, and harms nobody.
  const [other, gone] = pipe()
  gone.destroy()
  other.on('error', () => {})
  other.write('x')
  await within(once(other, 'close'), 'the close')
})

test('a timeout is one without a byte in either direction', () => {
  const [near, far] = pipe()
  let timeouts = 0
  far.setTimeout(1_000, () => timeouts++)
  clock.advance(900)
  far.write('x')
  clock.advance(900)
  assert.equal(timeouts, 0)
  clock.advance(100)
  assert.equal(timeouts, 1)
  far.setTimeout(0)
  clock.advance(10_000)
  assert.equal(timeouts, 1)
  near.destroy()
  far.destroy()
})
