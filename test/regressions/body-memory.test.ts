/** Connections to servers read into the same memory again: only when nobody needs any more what they read before. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { request, withEachTransport } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'
import { Wire } from '../support/wire.js'

/** Bytes that tell of their place, and of the answer that they belong to. */
function body(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at / 4) * 31 + seed, at)
  return bytes
}

const sizes = [24 * 1024, 64 * 1024, 79 * 1024, 200 * 1024, 1024 * 1024]

withEachTransport((start) => {
  test('large answers one after the other over one connection are each their own', async (t) => {
    const { url } = await httpServer(t, (req, res) => {
      const [, size, seed] = (req.url ?? '').split('/').map(Number)
      // Now with a length, now in chunks.
      if ((seed ?? 0) % 2 === 0) res.setHeader('Content-Length', String(size))
      res.end(body(size ?? 0, seed ?? 0))
    })
    const rig = await start(t, { serverList: url })
    const agent = new Agent({ keepAlive: true })
    t.after(() => agent.destroy())
    for (let seed = 1; seed <= 20; seed++) {
      const size = sizes[seed % sizes.length] as number
      const { bytes } = await request({ port: rig.port, path: `/${size}/${seed}`, agent })
      assert.ok(bytes.equals(body(size, seed)), `answer ${seed} of ${size} bytes`)
    }
  })

  test('what middleware keeps of an answer stays as it was', async (t) => {
    const { url } = await httpServer(t, (req, res) => {
      const [, size, seed] = (req.url ?? '').split('/').map(Number)
      res.end(body(size ?? 0, seed ?? 0))
    })
    const kept: Buffer[][] = []
    const rig = await start(
      t,
      { serverList: url },
      {
        listener: (proxy) => (req, res) => {
          const parts: Buffer[] = []
          kept.push(parts)
          const { write, end } = res
          res.write = ((chunk: Buffer) => {
            parts.push(chunk)
            return write.call(res, chunk, 'latin1')
          }) as typeof write
          res.end = ((chunk?: Buffer) => {
            if (Buffer.isBuffer(chunk)) parts.push(chunk)
            return end.call(res, chunk, 'latin1')
          }) as typeof end
          proxy(req, res)
        },
      },
    )
    for (let seed = 1; seed <= 10; seed++) await rig.get(`/${sizes[seed % sizes.length]}/${seed}`)
    assert.equal(kept.length, 10)
    for (const [at, parts] of kept.entries()) {
      const seed = at + 1
      assert.ok(Buffer.concat(parts).equals(body(sizes[seed % sizes.length] as number, seed)), `answer ${seed}`)
    }
  })

  test('a connection that is no socket of the machine may hold on to what it was given', async (t) => {
    const size = 1024 * 1024
    const { url } = await httpServer(t, (_, res) => {
      res.setHeader('Content-Length', String(size))
      res.end(body(size, 7))
    })
    const rig = await start(t, { serverList: url })
    const kept: Buffer[] = []
    const connection = new Duplex({
      read() {},
      write(chunk: Buffer, _, done) {
        kept.push(chunk)
        done()
      },
    })
    rig.server.emit('connection', connection)
    connection.push('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    await once(connection, 'finish')
    const whole = Buffer.concat(kept)
    assert.ok(whole.subarray(whole.indexOf('\r\n\r\n') + 4).equals(body(size, 7)))
  })

  test('a client that reads late gets what was meant for it, while others are served', async (t) => {
    const size = 8 * 1024 * 1024
    const { url } = await httpServer(t, (req, res) => {
      const [, wanted, seed] = (req.url ?? '').split('/').map(Number)
      res.setHeader('Content-Length', String(wanted))
      res.end(body(wanted ?? 0, seed ?? 0))
    })
    const rig = await start(t, { serverList: url })
    const late = await Promise.all([1, 2, 3].map(() => Wire.connect({ port: rig.port, host: '127.0.0.1' })))
    for (const [seed, wire] of late.entries()) {
      wire.socket.pause()
      wire.write(`GET /${size}/${seed} HTTP/1.1\r\nHost: h\r\n\r\n`)
    }
    for (let seed = 10; seed < 30; seed++) {
      const wanted = sizes[seed % sizes.length] as number
      const { bytes } = await rig.get(`/${wanted}/${seed}`)
      assert.ok(bytes.equals(body(wanted, seed)), `answer ${seed}`)
    }
    for (const [seed, wire] of late.entries()) {
      wire.socket.resume()
      await wire.head()
      assert.ok((await wire.bytes(size)).equals(body(size, seed)), `late answer ${seed}`)
    }
  })
})
