import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type Rig, withEachTransport } from '../support/rig.js'
import { type Cleanup, deadPort, httpServer } from '../support/upstream.js'

type Parse = (bytes: Buffer, req: IncomingMessage) => unknown

withEachTransport((start) => {
  /** A proxy behind something that reads bodies, and a server that tells what it got. */
  async function behind(t: Cleanup, parse: Parse): Promise<Rig> {
    const { url } = await httpServer(t, (req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => {
        const { 'content-length': length, 'transfer-encoding': coding, 'content-encoding': encoding } = req.headers
        res.end(JSON.stringify({ body: Buffer.concat(chunks).toString(), length, coding, encoding }))
      })
    })
    return start(
      t,
      { serverList: url },
      {
        listener: (proxy) => async (req, res) => {
          const chunks: Buffer[] = []
          for await (const chunk of req) chunks.push(chunk as Buffer)
          Object.assign(req, { body: parse(Buffer.concat(chunks), req) })
          proxy(req, res)
        },
      },
    )
  }

  async function send(
    rig: Rig,
    type: string,
    body: string | Buffer,
    more: object = {},
  ): Promise<Record<string, string>> {
    const answer = await rig.get('/', { method: 'POST', headers: { 'Content-Type': type, ...more } }, body)
    assert.equal(answer.status, 200, answer.body)
    return JSON.parse(answer.body) as Record<string, string>
  }

  test('express.json() before the proxy: the body is made again', async (t) => {
    const rig = await behind(t, (bytes) => JSON.parse(bytes.toString()))
    for (const value of [{ a: [1, { b: 'ü' }] }, [], 'text', 0, false, null]) {
      const got = await send(rig, 'application/json; charset=utf-8', `  ${JSON.stringify(value)}  `)
      assert.deepEqual(JSON.parse(got.body!), value)
      assert.equal(got.length, String(Buffer.byteLength(got.body!)))
      assert.equal(got.coding, undefined)
    }
    assert.equal((await send(rig, 'application/problem+json', '{"a":1}')).body, '{"a":1}')
  })

  test('a chunked body that was read is sent with a length', async (t) => {
    const rig = await behind(t, (bytes) => JSON.parse(bytes.toString()))
    const got = await send(rig, 'application/json', '{"a":1}', { 'Transfer-Encoding': 'chunked' })
    assert.deepEqual(got, { body: '{"a":1}', length: '7' })
  })

  test('express.urlencoded() before the proxy, flat and nested', async (t) => {
    const rig = await behind(t, (bytes) => Object.fromEntries(new URLSearchParams(bytes.toString())))
    assert.equal((await send(rig, 'application/x-www-form-urlencoded', 'a=1&b=x+y%26z')).body, 'a=1&b=x%20y%26z')
    const nested = await behind(t, () => ({ a: { b: ['1', '2'] }, c: '' }))
    const got = await send(nested, 'application/x-www-form-urlencoded', 'whatever')
    assert.deepEqual(
      [...new URLSearchParams(got.body)],
      [
        ['a[b][0]', '1'],
        ['a[b][1]', '2'],
        ['c', ''],
      ],
    )
  })

  test('lists of equal names keep their values', async (t) => {
    const rig = await behind(t, () => ({ tag: ['x', 'y'] }))
    const got = await send(rig, 'application/x-www-form-urlencoded', 'tag=x&tag=y')
    assert.equal(got.body, 'tag=x&tag=y')
  })

  test('express.raw() and express.text() before the proxy', async (t) => {
    const raw = await behind(t, (bytes) => bytes)
    assert.equal((await send(raw, 'application/octet-stream', 'bytes')).body, 'bytes')
    const text = await behind(t, (bytes) => bytes.toString())
    assert.equal((await send(text, 'text/plain', 'größer')).body, 'größer')
  })

  test('what a parser has unpacked goes on without its coding', async (t) => {
    const rig = await behind(t, (bytes) => JSON.parse(gunzipSync(bytes).toString()))
    const got = await send(rig, 'application/json', gzipSync('{"a":1}'), { 'Content-Encoding': 'gzip' })
    assert.deepEqual(got, { body: '{"a":1}', length: '7' })
  })

  test('anything else is a 500, and the log says what to do', async (t) => {
    const rig = await behind(t, () => ({ fields: 1 }))
    const answer = await rig.get(
      '/form',
      { method: 'POST', headers: { 'Content-Type': 'multipart/form-data; boundary=x' } },
      'x',
    )
    assert.equal(answer.status, 500)
    assert.doesNotMatch(answer.body, /express|parser/)
    await rig.over(1)
    assert.ok(
      rig.log.some((line) => /mount the proxy before the body parser/.test(line)),
      rig.log.join('\n'),
    )
    assert.equal(rig.ends[0]?.error?.code, 'ERR_BODY_CONSUMED')
    const nothing = await behind(t, () => undefined)
    assert.equal((await nothing.get('/', { method: 'POST' }, 'x')).status, 500)
  })

  test('requests without a body do not mind', async (t) => {
    const rig = await behind(t, () => ({}))
    assert.equal((await rig.get('/')).status, 200)
    assert.equal((await rig.get('/', { method: 'POST', headers: { 'Content-Length': '0' } })).status, 200)
  })

  test('a body that a handler has only looked at is not lost', async (t) => {
    const { url } = await httpServer(t, (req, res) => req.pipe(res))
    const rig = await start(
      t,
      { serverList: url },
      {
        listener: (proxy) => (req, res) => {
          Object.assign(req, { body: {} })
          setImmediate(() => proxy(req, res))
        },
      },
    )
    assert.equal((await rig.get('/', { method: 'POST' }, 'whole body')).body, 'whole body')
  })

  test('a handler that listens to the body hears it as the proxy does', async (t) => {
    const { url } = await httpServer(t, (req, res) => req.pipe(res))
    let heard = ''
    const rig = await start(
      t,
      { serverList: url },
      {
        listener: (proxy) => (req, res) => {
          req.on('data', (chunk: Buffer) => {
            heard += chunk.toString()
          })
          proxy(req, res)
        },
      },
    )
    // The second goes over a kept connection.
    for (const text of ['whole body', 'another']) {
      heard = ''
      assert.equal((await rig.get('/', { method: 'POST' }, text)).body, text)
      assert.equal(heard, text)
    }
  })

  test('a remade body is replayed to another server', async (t) => {
    const { url } = await httpServer(t, (req, res) => req.pipe(res))
    const rig = await start(
      t,
      { serverList: [`127.0.0.1:${await deadPort()}`, url] },
      {
        listener: (proxy) => async (req, res) => {
          for await (const _ of req);
          Object.assign(req, { body: 'again' })
          proxy(req, res)
        },
      },
    )
    assert.equal((await rig.get('/', { method: 'POST' }, 'first')).body, 'again')
  })
})
