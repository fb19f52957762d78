import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Sent } from '../../support/carriage.js'
import { answer, H2Server } from '../../support/h2-server.js'
import { settle, upstreamTo } from './support.js'

/** The fields of a request in pairs, pseudo-fields included. */
function pairs(raw: readonly string[]): string[] {
  return raw.filter((_, i) => i % 2 === 0).map((name, i) => `${name}=${raw[2 * i + 1]}`)
}

describe('the head of a request', () => {
  test('has the form of HTTP/2, and nothing that is for a connection of HTTP/1.1', async (t) => {
    const server = await H2Server.listen(t, answer)
    const headers = [
      ...['X-First', '1', 'Host', 'a.test:81', 'X-Multi', 'a', 'Connection', 'TE', 'X-Multi', 'b', 'TE', 'trailers'],
      ...['Keep-Alive', 'x', 'Transfer-Encoding', 'chunked', 'Upgrade', 'x', 'Proxy-Connection', 'x', 'X-Empty', ''],
      ...['Cookie', 'a=1; b=2', 'constructor', 'x', '__proto__', 'y'],
    ]
    const sent = new Sent(upstreamTo(t, server.url), { target: '//a//%2e/b?x=//&y', headers })
    assert.equal((await sent.over()).at(-1), 'end')
    assert.deepEqual(pairs(server.arrived[0]!.raw), [
      ':method=GET',
      ':scheme=http',
      ':authority=a.test:81',
      ':path=//a//%2e/b?x=//&y',
      'x-first=1',
      'x-multi=a',
      'x-multi=b',
      'te=trailers',
      'x-empty=',
      'cookie=a=1; b=2',
      'constructor=x',
      '__proto__=y',
    ])
  })

  test('without Host names the server', async (t) => {
    const server = await H2Server.listen(t, answer)
    await new Sent(upstreamTo(t, server.url), { headers: [] }).over()
    assert.equal(server.arrived[0]!.headers[':authority'], `127.0.0.1:${server.port}`)
  })

  test('carries bytes beyond ASCII as they are', async (t) => {
    const server = await H2Server.listen(t, answer)
    const bytes = Buffer.from('é€').toString('latin1')
    await new Sent(upstreamTo(t, server.url), { target: `/${bytes}`, headers: ['Host', 'h', 'X-Name', bytes] }).over()
    assert.equal(server.arrived[0]!.headers[':path'], `/${bytes}`)
    assert.equal(server.arrived[0]!.headers['x-name'], bytes)
  })

  test('joins fields of which HTTP/2 in Node takes one only', async (t) => {
    const server = await H2Server.listen(t, answer)
    const headers = ['Host', 'h', 'If-None-Match', '"a"', 'If-None-Match', '"b"']
    assert.equal((await new Sent(upstreamTo(t, server.url), { headers }).over()).at(-1), 'end')
    assert.equal(server.arrived[0]!.headers['if-none-match'], '"a", "b"')
  })

  test('that cannot be sent fails alone, and leaves the connection to others', async (t) => {
    const server = await H2Server.listen(t, answer)
    const to = upstreamTo(t, server.url)
    await new Sent(to).over()
    const bad = new Sent(to, { headers: ['Host', 'h', 'bad name', 'x'] })
    assert.deepEqual(await bad.over(), ['failed ERR_BAD_REQUEST'])
    assert.equal((await new Sent(to).over()).at(-1), 'end')
    assert.equal(server.sessions.length, 1)
  })
})

describe('the body of a request', () => {
  test('of known length has its Content-Length, and no frame for trailers', async (t) => {
    const server = await H2Server.listen(t, (each) => each.stream.resume().on('end', () => answer(each)))
    const headers = ['Host', 'h', 'Content-Length', '5']
    const sent = new Sent(upstreamTo(t, server.url), { method: 'POST', headers, hasBody: true }, (carriage) => {
      carriage.write(Buffer.from('hello'))
      carriage.end(['X-Late', '1'])
    })
    assert.equal((await sent.over()).at(-1), 'end')
    assert.equal(server.arrived[0]!.headers['content-length'], '5')
  })

  test('ends with its trailers', async (t) => {
    let trailers: string[] = []
    const server = await H2Server.listen(t, (each) => {
      each.stream.on('trailers', (_headers: unknown, _flags: number, raw: string[]) => {
        trailers = raw
      })
      each.stream.resume().on('end', () => answer(each))
    })
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
    const sent = new Sent(upstreamTo(t, server.url), { method: 'POST', headers, hasBody: true }, (carriage) => {
      carriage.write(Buffer.from('hello'))
      carriage.end(['X-Sum', '1', 'x-sum', '2', 'Connection', 'no'])
    })
    assert.equal((await sent.over()).at(-1), 'end')
    assert.deepEqual(trailers, ['x-sum', '1', 'x-sum', '2'])
  })

  test('abort resets the stream with CANCEL, and the connection goes on', async (t) => {
    const codes: (number | undefined)[] = []
    const server = await H2Server.listen(t, (each, index) => {
      each.stream.on('close', () => codes.push(each.stream.rstCode))
      if (index > 1) answer(each)
    })
    const to = upstreamTo(t, server.url)
    const headers = ['Host', 'h', 'Transfer-Encoding', 'chunked']
    const upload = new Sent(to, { method: 'PUT', headers, hasBody: true }, (carriage) =>
      carriage.write(Buffer.from('part')),
    )
    const waiting = new Sent(to)
    await server.requests(2)
    upload.carriage.abort()
    waiting.carriage.abort()
    assert.equal((await new Sent(to).over()).at(-1), 'end')
    await settle()
    assert.deepEqual(codes.slice(0, 2), [8, 8])
    assert.equal(server.sessions.length, 1)
  })
})
