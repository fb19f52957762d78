import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import type { WireMessage } from '../support/wire.js'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

withEachTransport((start) => {
  /** A server that takes messages apart by itself, and keeps what it understood. */
  async function listener(t: Parameters<typeof RawServer.listen>[0]): Promise<{ url: string; got: WireMessage[] }> {
    const got: WireMessage[] = []
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        got.push(await wire.message())
        wire.write(ok)
      }
    })
    return { url: server.url, got }
  }

  for (const method of ['DELETE', 'OPTIONS', 'GET', 'POST', 'PATCH']) {
    for (const framing of ['Transfer-Encoding: chunked', 'Content-Length: 62']) {
      test(`the body of a ${method} with ${framing} stays its body (CVE-2026-29057)`, async (t) => {
        const { url, got } = await listener(t)
        const rig = await start(t, { serverList: url })
        const client = await rig.connect()
        const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: h\r\nX-Long: 12345678901234567\r\n\r\n'
        assert.equal(smuggled.length, 62)
        const body = framing.startsWith('T') ? `3e\r\n${smuggled}\r\n0\r\n\r\n` : smuggled
        client.write(`${method} /real HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n${body}`)
        assert.equal((await client.message()).status, 200)
        client.write('GET /next HTTP/1.1\r\nHost: h\r\n\r\n')
        assert.equal((await client.message()).status, 200)
        await settle()
        assert.deepEqual(
          got.map(({ start: line }) => line),
          [`${method} /real HTTP/1.1`, 'GET /next HTTP/1.1'],
        )
        assert.equal(got[0]?.text, smuggled)
        assert.equal(got[0].all('content-length').length + got[0].all('transfer-encoding').length, 1)
      })
    }
  }

  const doubtful: [title: string, fields: string, body: string][] = [
    ['Content-Length and Transfer-Encoding', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['Transfer-Encoding and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', '0\r\n\r\n'],
    ['two different lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n', 'abcde'],
    ['the same length twice', 'Content-Length: 4\r\nContent-Length: 4\r\n', 'abcd'],
    ['a list of lengths', 'Content-Length: 4, 4\r\n', 'abcd'],
    ['a signed length', 'Content-Length: +4\r\n', 'abcd'],
    ['a length in hex', 'Content-Length: 0x4\r\n', 'abcd'],
    ['an empty length', 'Content-Length:\r\n', 'abcd'],
    ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'],
    ['chunked in the middle', 'Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'],
    ['gzip before chunked', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
    ['a vertical tab in the coding', 'Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'],
    ['quotes around the coding', 'Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'],
    ['a space before the colon', 'Transfer-Encoding : chunked\r\n', '0\r\n\r\n'],
    ['a second Host', 'Host: other\r\n', ''],
    ['NUL in a value', 'X-A: a\0b\r\n', ''],
    ['a control character in a value', 'X-A: a\x01b\r\n', ''],
    ['CR in a value', 'X-A: a\rb\r\n', ''],
  ]
  for (const lenient of [false, true]) {
    for (const [title, fields, body] of doubtful) {
      test(`a request with ${title} reaches no server${lenient ? ', with a lenient parser too' : ''}`, async (t) => {
        const { url, got } = await listener(t)
        const rig = await start(t, { serverList: url }, { server: { insecureHTTPParser: lenient } })
        const client = await rig.connect()
        client.write(`POST /x HTTP/1.1\r\nHost: h\r\n${fields}\r\n${body}`)
        assert.equal((await client.message()).status, 400)
        await client.atEnd()
        assert.deepEqual(got, [])
      })
    }
  }

  test('a target with bytes that a server might cut at reaches no server', async (t) => {
    const { url, got } = await listener(t)
    const rig = await start(t, { serverList: url }, { server: { insecureHTTPParser: true } })
    for (const target of ['/a\tb', '/a\x01b', '/a\x7fb', '/a\0b', 'a', 'http://', 'http://user@h/']) {
      const client = await rig.connect()
      client.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)
      assert.equal((await client.message()).status, 400, JSON.stringify(target))
      client.destroy()
    }
    assert.deepEqual(got, [])
  })

  test('Connection cannot take framing, host or type out of a request', async (t) => {
    const { url, got } = await listener(t)
    const rig = await start(t, { serverList: url })
    const client = await rig.connect()
    client.write(
      'POST /x HTTP/1.1\r\nHost: h\r\nConnection: content-length, Host, transfer-encoding, content-type, x-mine\r\n' +
        'Content-Length: 4\r\nContent-Type: text/plain\r\nX-Mine: 1\r\n\r\nabcd',
    )
    assert.equal((await client.message()).status, 200)
    assert.equal(got[0]?.text, 'abcd')
    assert.deepEqual(got[0].all('content-length'), ['4'])
    assert.deepEqual(got[0].all('host'), ['h'])
    assert.deepEqual(got[0].all('content-type'), ['text/plain'])
    assert.deepEqual(got[0].all('x-mine'), [])
  })

  for (const evil of [
    'Host: evil',
    'Authorization: x',
    'Content-Length: 99',
    'Transfer-Encoding: x',
    'X-Bad: a\x01b',
    'Via: x',
  ]) {
    test(`trailers cannot change what was decided at the head: ${evil.slice(0, 8)}`, async (t) => {
      const { url, got } = await listener(t)
      for (const lenient of [false, true]) {
        const rig = await start(t, { serverList: url }, { server: { insecureHTTPParser: lenient } })
        const client = await rig.connect()
        client.write(
          'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\n' +
            `${evil}\r\nX-Sum: 7\r\n\r\n`,
        )
        // The parser refuses some of them by itself.
        if ((await client.message()).status === 200) assert.deepEqual(got.at(-1)?.trailers, ['X-Sum', '7'])
        else assert.deepEqual(got, [])
      }
    })
  }

  test('an upgrade cannot carry a body that the server would take for something else', async (t) => {
    const { url, got } = await listener(t)
    const rig = await start(t, { serverList: url })
    for (const framing of ['Content-Length: 30', 'Transfer-Encoding: chunked']) {
      for (const protocol of ['websocket', 'h2c', 'h2c, websocket', 'websocket, H2C']) {
        const client = await rig.connect()
        client.write(
          `GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${framing}\r\n\r\n` +
            'GET /smuggled HTTP/1.1\r\n\r\n',
        )
        assert.equal((await client.message()).status, 400)
        await client.atEnd()
      }
    }
    assert.deepEqual(got, [])
  })

  test('h2c is never negotiated: the request goes on without it', async (t) => {
    const { url, got } = await listener(t)
    const rig = await start(t, { serverList: url })
    for (const protocol of ['h2c', 'H2C', 'websocket, h2c']) {
      const client = await rig.connect()
      client.write(
        `GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\n` +
          'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
      )
      assert.equal((await client.message()).status, 200)
      const message = got.at(-1)
      assert.deepEqual(message?.all('upgrade'), [])
      assert.deepEqual(message?.all('http2-settings'), [])
      assert.doesNotMatch(message?.field('connection') ?? '', /upgrade|http2/i)
      client.destroy()
    }
  })

  test('a CONNECT is not forwarded', async (t) => {
    const { url, got } = await listener(t)
    const rig = await start(t, { serverList: url })
    const client = await rig.connect()
    client.write('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.atClose()
    assert.deepEqual(got, [])
  })

  test('what is pipelined behind a request that was answered early does not reach a server', async (t) => {
    const seen: string[] = []
    const server = await RawServer.listen(t, async (wire) => {
      seen.push((await wire.head()).start)
      wire.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345')
    const answer = await client.message()
    assert.equal(answer.status, 413)
    assert.equal(answer.field('connection'), 'close')
    client.write('67890GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.atEnd()
    await settle(100)
    assert.deepEqual(seen, ['POST /big HTTP/1.1'])
  })

  test('an answer that two readers would cut differently does not reach the client', async (t) => {
    const answers = [
      'Transfer-Encoding: foo\r\n\r\n',
      'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
      'Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'X-A: a\0b\r\nContent-Length: 0\r\n\r\n',
    ]
    let next = 0
    const server = await RawServer.listen(t, async (wire) => {
      await wire.message()
      wire.write(`HTTP/1.1 200 OK\r\n${answers[next++]}`)
    })
    const rig = await start(t, { serverList: server.url, highAvailability: false })
    for (const answer of answers) {
      const got = await rig.get('/')
      assert.equal(got.status, 502, answer)
      assert.match(String(got.headers['proxy-status']), /error=http_protocol_error/)
    }
  })

  test('a message behind an answer is not the answer to the next request', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`)
      }
    })
    const rig = await start(t, { serverList: server.url })
    for (let i = 0; i < 5; i++) assert.equal((await rig.get('/')).body, 'ok')
  })
})
