import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { streamWindow } from '#lib/transports/http2/session.js'
import { Sent } from '../../support/carriage.js'
import { answer, H2Server } from '../../support/h2-server.js'
import { settle, upstreamTo } from './support.js'

const megabyte = 1024 * 1024

/** A server that sends 100 MiB for `/large`, and little for everything else. */
async function largeServer(t: Parameters<typeof H2Server.listen>[0]): Promise<H2Server> {
  const chunk = Buffer.alloc(megabyte, 'x')
  return H2Server.listen(
    t,
    (each) => {
      if (each.headers[':path'] !== '/large') return answer(each)
      const { stream } = each
      stream.respond({ ':status': 200, 'content-length': String(100 * megabyte) })
      let left = 100
      const go = (): void => {
        while (left > 0 && !stream.destroyed) {
          left--
          if (!stream.write(chunk)) {
            stream.once('drain', go)
            return
          }
        }
        stream.end()
      }
      go()
    },
    { maxSessionMemory: 1_000 },
  )
}

function large(to: ReturnType<typeof upstreamTo>): Sent {
  return new (class extends Sent {
    override counting = true
  })(to, { target: '/large' })
}

describe('flow control', () => {
  test('a large body leaves room for small requests beside it', async (t) => {
    const server = await largeServer(t)
    const to = upstreamTo(t, server.url)
    const body = large(to)
    await body.when('data')
    for (let i = 0; i < 20; i++) assert.equal((await new Sent(to).over()).at(-1), 'end')
    assert.ok(body.received < 100 * megabyte, 'the small ones passed it')
    await body.when('end')
    assert.equal(body.received, 100 * megabyte)
    assert.equal(server.sessions.length, 1)
  })

  test('clients that stop reading stall their own streams, each within its window', async (t) => {
    const server = await largeServer(t)
    const to = upstreamTo(t, server.url)
    const stalled: Sent[] = []
    // More than the window of the connection holds.
    for (let i = 0; i < 40; i++) {
      const each = large(to)
      each.wants = false
      stalled.push(each)
    }
    for (const each of stalled) await each.when('data')
    await settle(50)
    assert.equal((await new Sent(to).over()).at(-1), 'end')
    const sent = server.arrived.slice(0, 40).map(({ stream }) => stream)
    for (const stream of sent) assert.ok((stream.state.localWindowSize ?? 0) >= 0)
    const taken = stalled[0] as Sent
    assert.ok(taken.received < 256 * 1024, `${taken.received} bytes were given to a client that wants none`)
    taken.wants = true
    taken.carriage.resume()
    await taken.when('end')
    assert.equal(taken.received, 100 * megabyte)
    for (const each of stalled.slice(1)) each.carriage.abort()
    assert.equal((await new Sent(to).over()).at(-1), 'end')
    assert.equal(server.sessions.length, 1)
  })

  test('what waits for a client is no more than the window of its stream', async (t) => {
    let written = 0
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.respond({ ':status': 200 })
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const go = (error?: Error | null): void => {
        if (error || stream.destroyed) return
        written += chunk.length
        stream.write(chunk, go)
      }
      go()
    })
    const sent = new Sent(upstreamTo(t, server.url))
    sent.wants = false
    await sent.when('data')
    let before = -1
    while (before !== written) {
      before = written
      await settle(200)
    }
    assert.ok(written <= streamWindow + 512 * 1024, `${written} bytes`)
    assert.ok(written >= streamWindow / 2, `${written} bytes`)
    sent.carriage.abort()
  })

  test('an upload is held back when the server does not read, and goes on when it does', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => stream.pause())
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
    const sent = new Sent(upstreamTo(t, server.url), { method: 'PUT', headers, hasBody: true })
    await sent.when('connected')
    const chunk = Buffer.alloc(64 * 1024)
    let written = 0
    while (sent.carriage.write(chunk)) written += chunk.length
    assert.ok(written <= megabyte, `it took ${written} bytes`)
    const drained = sent.drains()
    await server.requests(1)
    const each = server.arrived[0]!
    let received = 0
    each.stream.on('data', (part: Buffer) => {
      received += part.length
    })
    each.stream.on('end', () => answer(each))
    each.stream.resume()
    await drained
    sent.carriage.end([])
    assert.equal((await sent.over()).at(-1), 'end')
    assert.equal(received, written + chunk.length)
  })
})
