import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { RawServer } from '../support/upstream.js'
import type { WireMessage } from '../support/wire.js'

withEachTransport((start) => {
  async function answering(
    t: Parameters<typeof RawServer.listen>[0],
    answer: string,
  ): Promise<{ url: string; got: WireMessage[] }> {
    const got: WireMessage[] = []
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        got.push(await wire.message())
        wire.write(Buffer.from(answer, 'latin1'))
      }
    })
    return { url: server.url, got }
  }
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  test('fields of one connection go no further, in either direction', async (t) => {
    const { url, got } = await answering(
      t,
      'HTTP/1.1 200 OK\r\nConnection: X-Inner, close\r\nX-Inner: 1\r\nKeep-Alive: timeout=77\r\nProxy-Authenticate: Basic\r\n' +
        'Proxy-Connection: x\r\nUpgrade: h2\r\nTE: x\r\nProxy-Authentication-Info: kept\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok',
    )
    const rig = await start(t, { serverList: url })
    const client = await rig.connect()
    client.write(
      'GET / HTTP/1.1\r\nX-Kept: 1\r\nHost: h\r\nConnection: keep-alive, X-Mine , x-other\r\nConnection: X-Third\r\nX-Mine: 1\r\n' +
        'X-Other: 2\r\nX-Third: 3\r\nKeep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\nTE: gzip;q=1\r\n' +
        'Proxy-Authorization: Basic x\r\nHTTP2-Settings: x\r\nAccept: */*\r\n\r\n',
    )
    const answer = await client.message()
    const sent = got[0]
    assert.deepEqual(
      sent?.headers
        .filter((_, i) => i % 2 === 0)
        .map((name) => name.toLowerCase())
        .filter((name) => name !== 'connection'),
      [
        'x-kept',
        'host',
        'accept',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-forwarded-port',
        'via',
      ],
    )
    for (const name of ['x-inner', 'proxy-authenticate', 'proxy-connection', 'upgrade', 'te']) {
      assert.deepEqual(answer.all(name), [], name)
    }
    assert.equal(answer.field('x-kept'), '1')
    assert.doesNotMatch(answer.field('keep-alive') ?? '', /77/)
    assert.doesNotMatch(answer.field('connection') ?? '', /inner/i)
  })

  test('TE: trailers is passed on, and nothing else of TE', async (t) => {
    const { url, got } = await answering(t, ok)
    const rig = await start(t, { serverList: url })
    await rig.get('/', { headers: { TE: 'gzip, Trailers;q=0.5', Connection: 'TE' } })
    assert.deepEqual(got[0]?.all('te'), ['trailers'])
    // RFC 9110 §10.1.4: whoever sends it names it.
    assert.match(got[0]?.all('connection').join() ?? '', /\bTE\b/)
    await rig.get('/', { headers: { TE: 'gzip, xtrailers' } })
    assert.deepEqual(got[1]?.all('te'), [])
  })

  test('what Connection names is taken out before the proxy adds fields of its own', async (t) => {
    const { url, got } = await answering(t, ok)
    const rig = await start(t, { serverList: url, forwarded: true, setRequestHeader: { 'X-Set': 'by the entry' } })
    const client = await rig.connect()
    client.write(
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Forwarded-For, Forwarded, Via, X-Set, X-Forwarded-Proto\r\n\r\n',
    )
    await client.message()
    assert.equal(got[0]?.field('x-forwarded-for'), '127.0.0.1')
    assert.equal(got[0].field('x-forwarded-proto'), 'http')
    assert.equal(got[0].field('forwarded'), 'for=127.0.0.1;host=h;proto=http')
    assert.equal(got[0].field('via'), '1.1 pointsman')
    assert.equal(got[0].field('x-set'), 'by the entry')
  })

  test('duplicates keep their number, order and case, both ways', async (t) => {
    const { url, got } = await answering(
      t,
      'HTTP/1.1 401 No\r\nset-cookie: a=1; Path=/\r\nWWW-Authenticate: Basic\r\nSet-Cookie: b=2\r\nwww-authenticate: Digest\r\n' +
        'SET-COOKIE: a=1; Path=/\r\nX-Empty:\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n',
    )
    const rig = await start(t, { serverList: url })
    const client = await rig.connect()
    client.write(
      'GET / HTTP/1.1\r\nhOST: h\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nX-Empty:\r\nAccept: text/html\r\nACCEPT: */*\r\n\r\n',
    )
    const answer = await client.message()
    assert.deepEqual(answer.headers.slice(0, 14), [
      'set-cookie',
      'a=1; Path=/',
      'WWW-Authenticate',
      'Basic',
      'Set-Cookie',
      'b=2',
      'www-authenticate',
      'Digest',
      'SET-COOKIE',
      'a=1; Path=/',
      'X-Empty',
      '',
      'Date',
      'Tue, 01 Jan 2030 00:00:00 GMT',
    ])
    assert.equal(answer.all('date').length, 1)
    assert.equal(answer.start, 'HTTP/1.1 401 No')
    assert.deepEqual(got[0]?.all('x-a'), ['1', '2'])
    assert.deepEqual(got[0].all('accept'), ['text/html', '*/*'])
    assert.ok(got[0].headers.includes('hOST'))
    assert.equal(got[0].field('x-empty'), '')
  })

  test('headers that a framework has set before stay, and take no duplicate away', async (t) => {
    const { url } = await answering(
      t,
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: inner\r\nContent-Length: 2\r\n\r\nok',
    )
    const rig = await start(
      t,
      { serverList: url },
      {
        listener: (proxy) => (req, res) => {
          res.setHeader('X-Powered-By', 'Framework')
          res.setHeader('Server', 'outer')
          proxy(req, res)
        },
      },
    )
    const answer = await rig.get('/')
    assert.equal(answer.headers['x-powered-by'], 'Framework')
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(answer.headers.server, 'inner')
    assert.equal(answer.body, 'ok')
  })

  test('Date is added where the server sent none', async (t) => {
    const { url } = await answering(t, ok)
    const rig = await start(t, { serverList: url })
    assert.ok(!Number.isNaN(Date.parse(String((await rig.get('/')).headers.date))))
  })

  test('bytes beyond ASCII stay what they are, also when the body comes late', async (t) => {
    const bytes = Buffer.from('Grüße €').toString('latin1')
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        const message = await wire.message()
        assert.equal(message.field('x-name'), bytes)
        const late = message.field('x-late') !== undefined
        wire.write(
          Buffer.from(
            `HTTP/1.1 200 ${bytes}\r\nX-Name: ${bytes}\r\nContent-Length: 2\r\n\r\n${late ? '' : 'ok'}`,
            'latin1',
          ),
        )
        if (!late) continue
        await settle(50)
        wire.write('ok')
      }
    })
    const rig = await start(t, { serverList: server.url })
    for (const late of ['', 'X-Late: 1\r\n']) {
      const client = await rig.connect()
      client.write(`GET / HTTP/1.1\r\nHost: h\r\nX-Name: ${bytes}\r\n${late}\r\n`)
      const answer = await client.message()
      assert.equal(answer.field('x-name'), bytes)
      assert.equal(answer.start, `HTTP/1.1 200 ${bytes}`)
      assert.equal(answer.text, 'ok')
      client.destroy()
    }
  })

  test('the target goes on byte for byte', async (t) => {
    const { url, got } = await answering(t, ok)
    const rig = await start(t, { serverList: url, match: ['/*', '^\\*$'] })
    const targets = [
      '//a//b?x=//',
      '/%2e/%41',
      '/a/../b',
      '/a;b=c',
      "/a'b|c",
      '/?',
      '/a?b?c#d'.slice(0, 6),
      '/%',
      '/a%00',
      '*',
    ]
    for (const target of targets) {
      const client = await rig.connect()
      client.write(`OPTIONS ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)
      assert.equal((await client.message()).status, 200, target)
      assert.equal(got.at(-1)?.start, `OPTIONS ${target} HTTP/1.1`)
      client.destroy()
    }
    const client = await rig.connect()
    client.write('GET http://other.test:81/a//b?c HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.message()
    assert.equal(got.at(-1)?.start, 'GET /a//b?c HTTP/1.1')
    assert.deepEqual(got.at(-1)?.all('host'), ['other.test:81'])
  })

  test('an upgrade that the server was not asked for is no answer', async (t) => {
    const { url } = await answering(
      t,
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\n',
    )
    const rig = await start(t, { serverList: url })
    assert.equal((await rig.get('/')).status, 502)
  })
})
