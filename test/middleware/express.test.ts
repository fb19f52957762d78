import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import { WebSocket, WebSocketServer } from 'ws'
import { listen, nobody, post, proxyFor, text, upstream } from './servers.js'

test('mounted under a path: what Express gives is matched and forwarded', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use('/api', proxyFor(t, { entries: [{ match: '/users/*', serverList: address }] }))
  app.use((req, res) => {
    res.send(`app ${req.url}`)
  })
  const url = await listen(t, app)
  assert.equal(await text(`${url}/api/users/1?full=1`), 'upstream')
  assert.equal(seen[0]?.url, '/users/1?full=1')
  assert.equal(seen[0]?.headers.host, url.slice(7))
  assert.equal(await text(`${url}/api/other?a`), 'app /api/other?a')
  assert.equal(await text(`${url}/users/1`), 'app /users/1')
  assert.equal(seen.length, 1)
})

test('mounted in a router, by a route pattern and by a method', async (t) => {
  const { address, seen } = await upstream(t)
  const proxy = proxyFor(t, { entries: [{ match: '/*', serverList: address }] })
  const router = express.Router()
  router.use('/v1', proxy)
  const app = express()
  app.use('/deep', router)
  app.get('/only-get/*path', proxy)
  const url = await listen(t, app)
  await text(`${url}/deep/v1`)
  await text(`${url}/deep/v1/x%20y`)
  await text(`${url}/only-get/a/b`)
  assert.equal((await fetch(`${url}/only-get/a/b`, { method: 'DELETE' })).status, 404)
  assert.deepEqual(
    seen.map((each) => each.url),
    ['/', '/x%20y', '/only-get/a/b'],
  )
})

test('several proxies in one app: each passes on what it does not match', async (t) => {
  const [one, two] = [await upstream(t, 'one'), await upstream(t, 'two')]
  const app = express()
  app.use(proxyFor(t, { entries: [{ match: '/one/*', serverList: one.address }] }))
  app.use(proxyFor(t, { entries: [{ match: ['/one/*', '/two/*'], serverList: two.address }] }))
  const url = await listen(t, app)
  assert.deepEqual([await text(`${url}/one/a`), await text(`${url}/two/a`)], ['one', 'two'])
  assert.equal((await fetch(`${url}/three`)).status, 404)
})

test('several proxies attached to one server: each upgrade has one answer', async (t) => {
  const rooms = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer()
      const sockets = new WebSocketServer({ server })
      t.after(() => {
        for (const client of sockets.clients) client.terminate()
      })
      sockets.on('connection', (socket) => socket.send(name))
      return (await listen(t, server)).slice(7)
    }),
  )
  const app = express()
  const proxies = rooms.map((address, index) =>
    proxyFor(t, { entries: [{ match: `/${index}`, serverList: address, via: false }] }),
  )
  for (const proxy of proxies) app.use(proxy)
  const server = createServer(app)
  for (const proxy of proxies) proxy.attach(server)
  const url = (await listen(t, server)).replace('http', 'ws')
  for (const [index, name] of ['one', 'two'].entries()) {
    const socket = new WebSocket(`${url}/${index}`)
    const [message] = await once(socket, 'message')
    assert.equal(String(message), name)
    socket.terminate()
  }
  const [error] = await once(new WebSocket(`${url}/2`), 'error')
  assert.match(error.message, /404/)
})

test('errors are answered by the proxy, and not by the error handler of the app', async (t) => {
  const failures: string[] = []
  const warnings: string[] = []
  const proxy = proxyFor(t, { entries: [{ match: '/*', serverList: await nobody() }] }, warnings)
  proxy.on('error', (error) => failures.push(error.code))
  const app = express()
  app.use(proxy)
  app.use(((_error, _req, res, _next) => {
    res.status(418).end()
  }) as express.ErrorRequestHandler)
  const url = await listen(t, app)
  const answer = await fetch(`${url}/a`, { headers: { accept: 'application/json' } })
  assert.equal(answer.status, 502)
  assert.deepEqual(await answer.json(), {
    error: { status: 502, message: 'The server behind this proxy did not answer properly.' },
  })
  assert.equal(answer.headers.get('proxy-status'), 'pointsman; error=connection_refused')
  assert.deepEqual(failures, ['ERR_CONNECT_REFUSED'])
  assert.equal(warnings.length, 1)
})

test('an error of the app before the proxy goes to the app', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use((_req, _res, next) => next(new Error('not today')))
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: address }] }))
  app.use(((error, _req, res, _next) => {
    res.status(418).send(error.message)
  }) as express.ErrorRequestHandler)
  assert.equal(await text(await listen(t, app)), 'not today')
  assert.equal(seen.length, 0)
})

test('the proxy before express.json(): the body goes on byte by byte, and unmatched ones are parsed', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use(proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] }))
  app.use(express.json())
  app.post('/own', (req, res) => {
    res.json({ got: req.body })
  })
  const url = await listen(t, app)
  const body = '{ "spaces":  "kept",\n"é": 1.0 }'
  assert.equal(await text(`${url}/api/a`, post('application/json', body)), 'upstream')
  assert.equal(seen[0]?.body, body)
  assert.equal(await text(`${url}/own`, post('application/json', body)), '{"got":{"spaces":"kept","é":1}}')
})

test('the proxy behind body parsers: the body is made again', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use(express.json({ strict: false }), express.urlencoded({ extended: true }), express.text(), express.raw())
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: address }] }))
  const url = await listen(t, app)
  const bodies: [type: string, sent: string, expected?: string][] = [
    ['application/json', '{ "name":  "Ada é" }', '{"name":"Ada é"}'],
    ['application/json', '[1, 2]', '[1,2]'],
    ['application/json', 'null'],
    ['application/json', '17'],
    ['application/x-www-form-urlencoded', 'a=1&b=x%20y&c=%C3%A9'],
    ['application/x-www-form-urlencoded', 'a%5Bb%5D=1&list%5B0%5D=x'],
    ['text/plain', 'plain é'],
    ['application/octet-stream', 'raw'],
  ]
  for (const [type, sent, expected = sent] of bodies) {
    assert.equal(await text(url, post(type, sent)), 'upstream', sent)
    const { body, headers } = seen.at(-1) as (typeof seen)[0]
    assert.equal(body, expected)
    assert.equal(headers['content-length'], String(Buffer.byteLength(body)))
    assert.equal(headers['transfer-encoding'], undefined)
    assert.equal(headers['content-type'], type)
  }
  // Of a type that no parser takes: it streams.
  await text(url, post('application/xml', '<a/>'))
  assert.equal(seen.at(-1)?.body, '<a/>')
  await text(url)
  assert.equal(seen.at(-1)?.body, '')
})

test('a body in chunks, remade behind express.json(), is framed once', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use(express.json(), proxyFor(t, { entries: [{ match: '/*', serverList: address }] }))
  const url = await listen(t, app)
  const stream = new Blob(['{"a":', '1}']).stream()
  const options = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: stream, duplex: 'half' }
  assert.equal(await text(url, options as RequestInit), 'upstream')
  assert.deepEqual([seen[0]?.method, seen[0]?.body], ['PUT', '{"a":1}'])
  assert.equal(seen[0]?.headers['transfer-encoding'], undefined)
})

test('a body that was read and not kept: 500, and the log tells how to mount the proxy', async (t) => {
  const { address, seen } = await upstream(t)
  const warnings: string[] = []
  const app = express()
  app.use(async (req, _res, next) => {
    await req.toArray()
    next()
  })
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: address }] }, warnings))
  const url = await listen(t, app)
  const answer = await fetch(url, post('multipart/form-data; boundary=x', '--x--'))
  assert.equal(answer.status, 500)
  assert.doesNotMatch(await answer.text(), /express|mount/)
  assert.match(warnings.join('\n'), /mount the proxy before the body parser/)
  assert.equal(seen.length, 0)
  assert.equal(await text(url), 'upstream')
})

test('what middleware before the proxy set on the answer is there, and the server has the last word', async (t) => {
  const { address } = await upstream(t, 'upstream', { 'X-Both': 'server', 'Set-Cookie': 'a=1' })
  const app = express()
  app.disable('x-powered-by')
  app.use((_req, res, next) => {
    res.set({ 'X-Frame-Options': 'DENY', 'X-Both': 'app' })
    next()
  })
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: address }] }))
  const { headers } = await fetch(await listen(t, app))
  assert.equal(headers.get('x-frame-options'), 'DENY')
  assert.equal(headers.get('x-both'), 'server')
  assert.deepEqual(headers.getSetCookie(), ['a=1'])
})

test('fields of the same name all arrive, also when the app has set others before', async (t) => {
  const url = await listen(t, (_req, res) => {
    res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Vary', 'Accept', 'Vary', 'Cookie']).end()
  })
  // Express sets X-Powered-By by itself.
  const app = express()
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: url }] }))
  const { headers } = await fetch(await listen(t, app))
  assert.equal(headers.get('x-powered-by'), 'Express')
  assert.deepEqual(headers.getSetCookie(), ['a=1', 'b=2'])
  assert.equal(headers.get('vary'), 'Accept, Cookie')
})

test('middleware before the proxy can change the address of the request', async (t) => {
  const { address, seen } = await upstream(t)
  const app = express()
  app.use((req, _res, next) => {
    req.url = `/new${req.url}`
    next()
  })
  app.use(proxyFor(t, { entries: [{ match: '/new/*', serverList: address }] }))
  assert.equal(await text(`${await listen(t, app)}/a?b`), 'upstream')
  assert.equal(seen[0]?.url, '/new/a?b')
})
