import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Entry, type Rig, withEachTransport } from '../support/rig.js'
import { type Cleanup, deadPort, httpServer, RawServer } from '../support/upstream.js'

withEachTransport((start, transport) => {
  async function echo(
    t: Cleanup,
    entry: Entry | ((url: string) => Entry),
    answer: Record<string, string | string[]> = {},
  ): Promise<{ rig: Rig; url: string; last: () => IncomingMessage }> {
    let last: IncomingMessage | undefined
    const { url } = await httpServer(t, (req, res) => {
      last = req
      for (const [name, value] of Object.entries(answer)) {
        const filled = [value]
          .flat()
          .map((each) =>
            each.replaceAll('SERVER', req.socket.localPort === undefined ? '' : `127.0.0.1:${req.socket.localPort}`),
          )
        res.setHeader(name, Array.isArray(value) ? filled : filled[0]!)
      }
      res.end('body')
    })
    const rig = await start(t, { serverList: url, ...(typeof entry === 'function' ? entry(url) : entry) })
    return { rig, url, last: () => last as IncomingMessage }
  }

  test('RemoveRequestHeader also takes out what the proxy writes by itself', async (t) => {
    const server = await httpServer(t, (req, res) => res.end(JSON.stringify(req.headers)))
    const rig = await start(t, { serverList: server.url, removeRequestHeader: ['Via', 'X-Forwarded-Port'] })
    const headers = JSON.parse((await rig.get('/')).body)
    assert.equal(headers.via, undefined)
    assert.equal(headers['x-forwarded-port'], undefined)
    assert.equal(headers['x-forwarded-proto'], 'http')
  })

  test('StripPrefix, AddPrefix and RewritePath, the query untouched', async (t) => {
    const cases: [entry: Entry, path: string, expected: string][] = [
      [{ stripPrefix: '/api' }, '/api/a//b?x=/api/', '/a//b?x=/api/'],
      [{ stripPrefix: '/api/' }, '/api', '/'],
      [{ stripPrefix: '/api' }, '/api?x', '/?x'],
      [{ stripPrefix: '/api' }, '/apis/x', '/apis/x'],
      [{ stripPrefix: '/api' }, '/%61pi/x%20y', '/x%20y'],
      [{ addPrefix: '/v1' }, '/a?b', '/v1/a?b'],
      [{ addPrefix: '/v1/' }, '/', '/v1/'],
      [{ stripPrefix: '/old', addPrefix: '/new' }, '/old/x', '/new/x'],
      [{ rewritePath: { from: '^/old/(.*)$', to: '/new/$1' } }, '/old/a%2Fb?c', '/new/a%2Fb?c'],
      [
        {
          rewritePath: [
            { from: '^/a', to: '/b' },
            { from: '^/b', to: '/c' },
          ],
        },
        '/a/x',
        '/c/x',
      ],
    ]
    for (const [entry, path, expected] of cases) {
      const { rig, last } = await echo(t, entry)
      assert.equal((await rig.get(path)).status, 200)
      assert.equal(last().url, expected, JSON.stringify([entry, path]))
    }
  })

  test('PreserveHost', async (t) => {
    const on = await echo(t, {})
    await on.rig.get('/', { headers: { Host: 'shop.test:99' } })
    assert.equal(on.last().headers.host, 'shop.test:99')
    const off = await echo(t, { preserveHost: false })
    await off.rig.get('/', { headers: { Host: 'shop.test:99' } })
    assert.equal(off.last().headers.host, off.url)
    assert.equal(off.last().headers['x-forwarded-host'], 'shop.test:99')
    assert.equal(off.last().rawHeaders.filter((name) => name.toLowerCase() === 'host').length, 1)
  })

  test('SetRequestHeader and RemoveRequestHeader, also with several values', async (t) => {
    const { rig, last } = await echo(t, {
      setRequestHeader: { 'X-One': 'new', 'X-Many': ['a', 'b'], Host: 'inner.test', 'User-Agent': '' },
      removeRequestHeader: ['Cookie', 'x-gone'],
    })
    await rig.get('/', {
      headers: { 'X-One': ['1', '2'], 'x-many': '3', Cookie: 'a=1', 'X-Gone': 'x', 'User-Agent': 'y', 'X-Kept': 'z' },
    })
    const { headers, rawHeaders } = last()
    assert.equal(headers['x-one'], 'new')
    assert.equal(headers['x-many'], 'a, b')
    assert.equal(headers.host, 'inner.test')
    assert.equal(headers['user-agent'], '')
    assert.equal(headers.cookie, undefined)
    assert.equal(headers['x-gone'], undefined)
    assert.equal(headers['x-kept'], 'z')
    assert.equal(rawHeaders.filter((name) => name.toLowerCase() === 'x-one').length, 1)
  })

  test('SetResponseHeader and RemoveResponseHeader, also with several values', async (t) => {
    const { rig } = await echo(
      t,
      {
        setResponseHeader: { 'X-Frame': 'DENY', 'Set-Cookie': ['a=1', 'b=2'] },
        removeResponseHeader: ['server', 'X-Inner'],
      },
      { Server: 'inner', 'X-Inner': '1', 'x-frame': ['1', '2'], 'Set-Cookie': 'c=3' },
    )
    const { headers, raw } = await rig.get('/')
    assert.equal(headers.server, undefined)
    assert.equal(headers['x-inner'], undefined)
    assert.equal(headers['x-frame'], 'DENY')
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(raw.filter((name) => name.toLowerCase() === 'x-frame').length, 1)
  })

  test('RewriteLocation turns redirects that point at the server, and no others', async (t) => {
    const cases: [entry: Entry, location: string, expected: string][] = [
      [{}, 'http://SERVER/login?x#y', 'http://shop.test:99/login?x#y'],
      [{}, 'HTTP://SERVER', 'http://shop.test:99/'],
      [{}, 'https://elsewhere.test/x', 'https://elsewhere.test/x'],
      [{}, '/login', '/login'],
      [{}, 'login', 'login'],
      [{}, '?page=2', '?page=2'],
      [{ stripPrefix: '/api' }, '/login', '/api/login'],
      [{ stripPrefix: '/api' }, 'http://SERVER/login', 'http://shop.test:99/api/login'],
      [{ addPrefix: '/v1' }, '/v1/login', '/login'],
      [{ addPrefix: '/v1' }, '/v10/login', '/v10/login'],
      [{ addPrefix: '/v1' }, '/v1', '/'],
      [{ addPrefix: '/v1/' }, '/v1/login', '/login'],
      [{ stripPrefix: '/api' }, '//elsewhere.test/x', '//elsewhere.test/x'],
      [{ stripPrefix: '/api' }, '//SERVER/x', '//shop.test:99/api/x'],
    ]
    for (const [entry, location, expected] of cases) {
      const { rig } = await echo(t, { rewriteLocation: true, ...entry }, { Location: location })
      const answer = await rig.get('/api/x', { headers: { Host: 'shop.test:99' } })
      assert.equal(answer.headers.location, expected, JSON.stringify([entry, location]))
    }
    const off = await echo(t, {}, { Location: 'http://SERVER/x' })
    assert.equal((await off.rig.get('/')).headers.location, `http://${off.url}/x`)
  })

  test('RewriteCookieDomain and RewriteCookiePath', async (t) => {
    const cases: [entry: Entry, cookie: string, expected: string][] = [
      [
        { rewriteCookieDomain: 'inner.test shop.test' },
        'a=1; Domain=inner.test; Path=/',
        'a=1; Domain=shop.test; Path=/',
      ],
      [{ rewriteCookieDomain: 'inner.test shop.test' }, 'a=1; domain=.INNER.test', 'a=1; domain=shop.test'],
      [{ rewriteCookieDomain: '.inner.test shop.test' }, 'a=1; Domain=inner.test', 'a=1; Domain=shop.test'],
      [{ rewriteCookieDomain: 'inner.test shop.test' }, 'a=1; Domain=other.test', 'a=1; Domain=other.test'],
      [{ rewriteCookieDomain: { from: '*', to: '' } }, 'a=Domain=x; Domain=other.test; Secure', 'a=Domain=x; Secure'],
      [{ rewriteCookiePath: '/App /' }, 'a=1; Path=/App; HttpOnly', 'a=1; Path=/; HttpOnly'],
      [{ rewriteCookiePath: '/App /' }, 'a=1; Path=/app', 'a=1; Path=/app'],
      [{ rewriteCookiePath: '/app /shop' }, 'a=1; Path=/app/x', 'a=1; Path=/shop/x'],
      [{ rewriteCookiePath: '/app /shop' }, 'a=1; Path=/apple', 'a=1; Path=/apple'],
      [{ rewriteCookiePath: '/ /shop' }, 'a=1; Path=/', 'a=1; Path=/shop'],
      [{ rewriteCookiePath: '/ /shop' }, 'a=1; constructor; __proto__=x', 'a=1; constructor; __proto__=x'],
    ]
    for (const [entry, cookie, expected] of cases) {
      const { rig } = await echo(t, entry, { 'Set-Cookie': [cookie, 'b=2'] })
      assert.deepEqual((await rig.get('/')).headers['set-cookie'], [expected, 'b=2'], JSON.stringify([entry, cookie]))
    }
  })

  test('the answers of the proxy are in the form that the client asks for', async (t) => {
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()}` })
    const cases: [accept: string | undefined, type: string][] = [
      ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html; charset=utf-8'],
      ['application/json', 'application/json'],
      ['application/problem+json, text/html;q=0.5', 'application/json'],
      ['text/html;q=0.1, text/plain', 'text/plain; charset=utf-8'],
      ['image/png', 'text/plain; charset=utf-8'],
      [undefined, 'text/plain; charset=utf-8'],
    ]
    for (const [accept, type] of cases) {
      const answer = await rig.get('/', accept === undefined ? {} : { headers: { Accept: accept } })
      assert.equal(answer.status, 502)
      assert.equal(answer.headers['content-type'], type, accept)
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers['content-length'], String(answer.bytes.length))
      if (type === 'application/json') assert.equal(JSON.parse(answer.body).error.status, 502)
    }
    const head = await rig.get('/', { method: 'HEAD' })
    assert.equal(head.status, 502)
    assert.equal(head.body, '')
    assert.ok(Number(head.headers['content-length']) > 0)
  })

  test('ErrorPage takes the place of the built-in one', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'pointsman-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const page = join(directory, '502.html')
    writeFileSync(page, '<h1>Back soon</h1>')
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()}`, errorPage: { 502: page } })
    const answer = await rig.get('/', { headers: { Accept: 'application/json' } })
    assert.equal(answer.body, '<h1>Back soon</h1>')
    assert.match(String(answer.headers['content-type']), /^text\/html/)
    assert.match(String(answer.headers['proxy-status']), /connection_refused/)
  })

  test('what a handler before the proxy changed of the request goes on', async (t) => {
    let seen: IncomingMessage | undefined
    const { url } = await httpServer(t, (req, res) => {
      seen = req
      res.end()
    })
    const rig = await start(
      t,
      { serverList: url },
      {
        listener: (proxy) => (req, res) => {
          delete req.headers.authorization
          req.headers['x-user'] = '7'
          req.url = req.url?.replace('/mounted', '')
          proxy(req, res)
        },
      },
    )
    await rig.get('/mounted/x', { headers: { Authorization: 'secret', 'X-User': 'forged', 'X-Other': 'y' } })
    assert.equal(seen?.url, '/x')
    assert.equal(seen.headers.authorization, undefined)
    assert.equal(seen.headers['x-user'], '7')
    assert.equal(seen.headers['x-other'], 'y')
  })

  if (transport === 'http-proxy') {
    test('the events of http-proxy may change heads', async (t) => {
      const { rig, last } = await echo(t, {}, { 'Set-Cookie': ['a=1', 'b=2'], 'X-Gone': '1', 'X-Kept': 'k' })
      rig.proxy.on('proxyReq', (proxyReq, req) => {
        proxyReq.setHeader('X-Added', `for ${req.url}`)
        proxyReq.removeHeader('X-Drop')
      })
      rig.proxy.on('proxyRes', (proxyRes) => {
        delete proxyRes.headers['x-gone']
        proxyRes.headers['x-new'] = '1'
        proxyRes.headers['set-cookie']?.push('c=3')
      })
      const answer = await rig.get('/p', { method: 'POST', headers: { 'X-Drop': '1' } }, 'body')
      assert.equal(last().headers['x-added'], 'for /p')
      assert.equal(last().headers['x-drop'], undefined)
      assert.equal(answer.headers['x-new'], '1')
      assert.equal(answer.headers['x-gone'], undefined)
      assert.equal(answer.headers['x-kept'], 'k')
      assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2', 'c=3'])
      assert.equal(answer.body, 'body')
    })

    test('proxyReqWs may change the head of an upgrade', async (t) => {
      const heads: (string | undefined)[] = []
      const server = await RawServer.listen(t, async (wire) => {
        const head = await wire.head()
        heads.push(head.field('x-added'), head.field('upgrade'))
        wire.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      })
      const rig = await start(t, { serverList: server.url })
      let requests = 0
      rig.proxy.on('proxyReq', () => requests++)
      rig.proxy.on('proxyReqWs', (proxyReq, req) => proxyReq.setHeader('X-Added', `for ${req.url}`))
      const client = await rig.connect()
      client.write('GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      assert.equal((await client.head()).status, 101)
      assert.deepEqual(heads, ['for /ws', 'websocket'])
      assert.equal(requests, 0)
    })

    test('a listener that makes a head impossible costs that request alone', async (t) => {
      const { rig } = await echo(t, {})
      rig.proxy.once('proxyReq', (proxyReq) => proxyReq.setHeader('Trailer', 'X-T'))
      assert.equal((await rig.get('/')).status, 400)
      assert.equal((await rig.get('/')).status, 200)
    })

    test('options of http-proxy: auth, headers, changeOrigin', async (t) => {
      const { rig, last, url } = await echo(t, {
        httpProxy: { auth: 'user:pass', headers: { 'X-Fixed': '1' }, changeOrigin: true },
      })
      await rig.get('/', { headers: { Host: 'shop.test' } })
      assert.equal(last().headers.authorization, `Basic ${Buffer.from('user:pass').toString('base64')}`)
      assert.equal(last().headers['x-fixed'], '1')
      assert.equal(last().headers.host, url)
    })
  }
})
