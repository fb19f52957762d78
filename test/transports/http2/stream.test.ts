import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect } from 'node:http2'
import { type TestContext, test } from 'node:test'
import type { Session } from '#lib/transports/http2/session.js'
import { type Carried, handOver, openStream } from '#lib/transports/http2/stream.js'
import { H2Server } from '../../support/h2-server.js'
import { within } from '../../support/wire.js'

/** Opens a stream of a session of Node's own; `told` is what is told of it. */
async function opened(t: TestContext) {
  const server = await H2Server.listen(t, ({ stream }) => stream.respond({}, { endStream: true }))
  const http2 = connect(`http://127.0.0.1:${server.port}`)
  t.after(() => http2.destroy())
  await once(http2, 'connect')
  const session = {
    open: (head, endStream, waitForTrailers) => http2.request(head, { endStream, waitForTrailers }),
  } as Pick<Session, 'open'> as Session
  const told: string[] = []
  let close = (): void => {}
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  const carriage: Carried = {
    requestTrailers: [],
    informational: () => told.push('informational'),
    answered: (status) => told.push(`answered ${status}`),
    arrived: () => true,
    trailers: () => told.push('trailers'),
    ended: () => told.push('ended'),
    told: () => told.push('told'),
    drained: () => told.push('drained'),
    closed: () => {
      told.push('closed')
      close()
    },
  }
  const stream = openStream(
    session,
    carriage,
    { ':path': '/' },
    { writes: false, stays: false, mayHaveTrailers: false },
  )
  return { stream, carriage, told, closed: within(closed, 'the close') }
}

test('a stream that is closed holds no longer what it was opened for', async (t) => {
  const { stream, carriage, told, closed } = await opened(t)
  assert.equal(stream.carriage, carriage)
  await closed
  assert.deepEqual([told.includes('answered 200'), told.at(-1)], [true, 'closed'])
  assert.notEqual(stream.carriage, carriage)
})

test('nor does one that was handed over, of which only the close is told', async (t) => {
  const { stream, carriage, told, closed } = await opened(t)
  handOver(stream)
  assert.equal(stream.carriage, carriage)
  ;(stream as ClientHttp2Stream).resume()
  await closed
  assert.deepEqual(told, ['closed'])
  assert.notEqual(stream.carriage, carriage)
})
