import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Sent } from '../../support/carriage.js'
import { answer, answerWith, H2Server } from '../../support/h2-server.js'
import { eventually } from '../../support/wire.js'
import { settle, upstreamTo } from './support.js'

describe('an answer', () => {
  test('is told with its fields in their order, doubled ones included, and without pseudo-fields', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => {
      const head = { ':status': 404, b: '1', 'set-cookie': ['a=1', 'b=2'], a: '2', 'content-length': '2' }
      stream.respond(head, { sendDate: false } as never)
      stream.end('no')
    })
    const sent = new Sent(upstreamTo(t, server.url))
    assert.deepEqual(await sent.over(), ['connected', 'response 404', 'data', 'end'])
    assert.equal(sent.head?.reason, '')
    assert.deepEqual(sent.head?.headers, [
      ...['b', '1', 'set-cookie', 'a=1', 'set-cookie', 'b=2', 'a', '2', 'content-length', '2'],
    ])
  })

  test('that is a head alone has no body, and ends with it', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true })
    })
    const sent = new Sent(upstreamTo(t, server.url))
    assert.deepEqual(await sent.over(), ['connected', 'response 200', 'end'])
    assert.equal(sent.head?.hasBody, false)
    assert.deepEqual(sent.trailers, [])
  })

  for (const [title, error] of [
    ['without an error', undefined],
    ['with INTERNAL_ERROR', new Error('broken')],
  ] as const) {
    test(`that the server gives up ${title} is incomplete, and the connection goes on`, async (t) => {
      const server = await H2Server.listen(t, (each, index) => {
        if (index > 0) return answer(each)
        each.stream.respond({ ':status': 200 })
        each.stream.write('part', () => each.stream.destroy(error))
      })
      const to = upstreamTo(t, server.url)
      const sent = new Sent(to)
      assert.equal((await sent.over()).at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
      assert.match(sent.error?.message ?? '', error === undefined ? /NO_ERROR/ : /INTERNAL_ERROR/)
      assert.equal((await new Sent(to).over()).at(-1), 'end')
      assert.equal(server.sessions.length, 1)
    })
  }

  test('that never comes, because the server resets the stream', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => stream.close(2))
    const sent = new Sent(upstreamTo(t, server.url))
    assert.deepEqual(await sent.over(), ['connected', 'failed ERR_STREAM_RESET'])
    assert.match(sent.error?.message ?? '', /INTERNAL_ERROR/)
  })

  test('that is shorter or longer than its Content-Length is incomplete', async (t) => {
    for (const body of ['shor', 'longer']) {
      const server = await H2Server.listen(t, ({ stream }) => {
        stream.respond({ ':status': 200, 'content-length': '5' })
        stream.end(body)
      })
      const sent = new Sent(upstreamTo(t, server.url))
      assert.equal((await sent.over()).at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
    }
  })

  test('that a slow client has not taken survives the end of the connection', async (t) => {
    const body = Buffer.alloc(700_000, 'x')
    const server = await H2Server.listen(t, ({ stream }) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }))
      stream.end(body)
    })
    const sent = new Sent(upstreamTo(t, server.url))
    sent.wants = false
    await sent.when('data')
    await eventually(() => server.arrived[0]!.stream.closed, 'the end on the side of the server')
    await settle()
    server.sockets[0]!.destroy()
    await settle()
    sent.wants = true
    sent.carriage.resume()
    assert.equal((await sent.over()).at(-1), 'end')
    assert.equal(sent.received, body.length)
    assert.deepEqual(sent.trailers, ['x-sum', '1'])
  })

  test('before the request has ended is told, and abort resets what is left of it', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => answerWith(stream, 413, 'no'))
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
    const sent = new Sent(upstreamTo(t, server.url), { method: 'POST', headers, hasBody: true }, (carriage) =>
      carriage.write(Buffer.from('part')),
    )
    assert.deepEqual(await sent.over(), ['connected', 'response 413', 'data', 'end'])
    sent.carriage.abort()
    await eventually(() => server.arrived[0]!.stream.closed, 'the stream to be closed')
    assert.equal(sent.log.at(-1), 'end')
  })

  test('has informational ones before it', async (t) => {
    const server = await H2Server.listen(t, (each) => {
      each.stream.additionalHeaders({ ':status': 103, link: ['</a>', '</b>'] })
      answer(each)
    })
    const sent = new Sent(upstreamTo(t, server.url))
    assert.deepEqual(await sent.over(), ['connected', 'informational 103', 'response 200', 'data', 'end'])
    assert.deepEqual(sent.informationals[0]?.headers, ['link', '</a>', 'link', '</b>'])
  })
})
