import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { Sent } from '../../support/carriage.js'
import { type Arrived, answerWith, H2Server } from '../../support/h2-server.js'
import { eventually, within } from '../../support/wire.js'
import { upstreamTo } from './support.js'

const settings = { enableConnectProtocol: true }
const upgrade = {
  upgrade: 'websocket',
  headers: [
    ...['Host', 'h', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
    // The example of RFC 6455 §1.3.
    ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ],
}

function firstData(socket: Duplex): Promise<string> {
  return within(new Promise((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))), 'data')
}

describe('WebSocket over HTTP/2', () => {
  test('asks by extended CONNECT, and is told as HTTP/1.1 would', async (t) => {
    const server = await H2Server.listen(
      t,
      ({ stream }) => {
        stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' }, { sendDate: false } as never)
        stream.write('early')
        stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk}`))
      },
      { settings },
    )
    const sent = new Sent(upstreamTo(t, server.url), { ...upgrade, target: '/chat?a=b' })
    assert.deepEqual(await sent.over(), ['connected', 'upgraded'])
    const { headers } = server.arrived[0] as Arrived
    assert.equal(headers[':method'], 'CONNECT')
    assert.equal(headers[':protocol'], 'websocket')
    assert.equal(headers[':path'], '/chat?a=b')
    assert.equal(headers['sec-websocket-version'], '13')
    assert.equal(headers['sec-websocket-key'], undefined)
    assert.deepEqual(sent.head, {
      status: 101,
      reason: 'Switching Protocols',
      headers: [
        ...['sec-websocket-protocol', 'chat', 'Upgrade', 'websocket', 'Connection', 'Upgrade'],
        ...['Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
      ],
      hasBody: false,
    })
    const socket = sent.socket as Duplex
    assert.equal(socket.listenerCount('data'), 0)
    const early = firstData(socket)
    socket.resume()
    assert.equal((sent.rest?.toString() ?? '') + (sent.rest?.length === 0 ? await early : ''), 'early')
    const echo = firstData(socket)
    socket.write('ping')
    assert.equal(await echo, 'echo ping')
    sent.carriage.abort()
    assert.equal(socket.destroyed, false, 'it belongs to somebody else now')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    server.arrived[0]?.stream.destroy(new Error('gone'))
    await within(closed, 'its close')
  })

  test('the end of one side is the end of the other', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => stream.respond({ ':status': 200 }), { settings })
    const sent = new Sent(upstreamTo(t, server.url), upgrade)
    await sent.over()
    sent.socket?.destroy()
    await eventually(() => server.arrived[0]?.stream.destroyed === true, 'the stream of the server to be closed')
  })

  test('that is refused is an ordinary answer', async (t) => {
    const server = await H2Server.listen(t, ({ stream }) => answerWith(stream, 403, 'sorry!'), { settings })
    const sent = new Sent(upstreamTo(t, server.url), upgrade)
    assert.deepEqual(await sent.over(), ['connected', 'response 403', 'data', 'end'])
    assert.equal(sent.body, 'sorry!')
  })

  test('to a server that does not allow it is an error that says so, and nothing is sent', async (t) => {
    const server = await H2Server.listen(t)
    const sent = new Sent(upstreamTo(t, server.url), upgrade)
    assert.equal((await sent.over()).at(-1), 'failed ERR_UPGRADE_INVALID')
    assert.match(sent.error?.message ?? '', /ENABLE_CONNECT_PROTOCOL/)
    assert.equal(server.arrived.length, 0)
  })

  test('no other protocol can be asked for', async (t) => {
    const server = await H2Server.listen(t, () => {}, { settings })
    const sent = new Sent(upstreamTo(t, server.url), { ...upgrade, upgrade: 'irc' })
    assert.equal((await sent.over()).at(-1), 'failed ERR_UPGRADE_INVALID')
    assert.match(sent.error?.message ?? '', /"irc"/)
  })
})
