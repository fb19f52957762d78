import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import { WebSocket, WebSocketServer } from 'ws'
import { fastifyProxy } from '#lib/middleware/fastify.js'
import { listen, nobody, post, proxyFor, text, upstream } from './servers.js'

/** Starts the app, and ends it with the test. */
async function started(t: TestContext, app: FastifyInstance): Promise<string> {
  t.after(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

test('entries first, then the routes, each with its body', async (t) => {
  const { address, seen } = await upstream(t)
  const app = fastify({ forceCloseConnections: true })
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] }) })
  app.get('/', async () => 'app')
  app.post('/own', async (request) => request.body)
  const url = await started(t, app)
  assert.equal(await text(`${url}/`), 'app')
  assert.equal(await text(`${url}/own`, post('application/json', '{ "a": 1 }')), '{"a":1}')
  assert.equal(await text(`${url}/api/x?y`, post('application/json', '{ "a":  1 }')), 'upstream')
  // Of a type that Fastify itself would refuse with 415.
  assert.equal(await text(`${url}/api/x`, post('application/xml', '<a/>')), 'upstream')
  assert.deepEqual(
    seen.map(({ url, body }) => [url, body]),
    [
      ['/api/x?y', '{ "a":  1 }'],
      ['/api/x', '<a/>'],
    ],
  )
  const missing = await fetch(`${url}/nothing`)
  assert.deepEqual(
    [missing.status, ((await missing.json()) as { message: string }).message],
    [404, 'Route GET:/nothing not found'],
  )
})

test('hooks before the plugin can refuse a request; onResponse and the log are told how it ended', async (t) => {
  const { address, seen } = await upstream(t)
  const lines: string[] = []
  const ended: [string, number][] = []
  const app = fastify({
    forceCloseConnections: true,
    logger: { level: 'info', stream: { write: (line: string) => lines.push(line) } },
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization === undefined) return reply.code(401).send('who are you?')
  })
  const logged = new Promise<void>((resolve) => {
    app.addHook('onResponse', async (request, reply) => {
      ended.push([request.url, reply.raw.statusCode])
      if (ended.length === 2) resolve()
    })
  })
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] }) })
  const url = await started(t, app)
  assert.equal(await text(`${url}/api/a`), 'who are you?')
  assert.equal(seen.length, 0)
  assert.equal(await text(`${url}/api/a`, { headers: { authorization: 'Bearer x' } }), 'upstream')
  await logged
  assert.deepEqual(ended, [
    ['/api/a', 401],
    ['/api/a', 200],
  ])
  const problems = lines.map((line) => JSON.parse(line)).filter(({ level }) => level > 30)
  assert.deepEqual(problems, [])
})

test('errors are answered by the proxy, and not by the error handler of the app', async (t) => {
  const app = fastify({ forceCloseConnections: true })
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send())
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/*', serverList: await nobody() }] }) })
  const answer = await fetch(await started(t, app))
  assert.equal(answer.status, 502)
  assert.equal(answer.headers.get('proxy-status'), 'pointsman; error=connection_refused')
})

test('app.inject() reaches the servers too', async (t) => {
  const { address, seen } = await upstream(t)
  const app = fastify()
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] }) })
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/api/a', payload: { a: 1 } })
  assert.deepEqual([statusCode, body, seen[0]?.body], [200, 'upstream', '{"a":1}'])
  await app.close()
})

test('several proxies in one app', async (t) => {
  const [one, two] = [await upstream(t, 'one'), await upstream(t, 'two')]
  const app = fastify({ forceCloseConnections: true })
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/one/*', serverList: one.address }] }) })
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/two/*', serverList: two.address }] }) })
  app.get('/', async () => 'app')
  const url = await started(t, app)
  assert.deepEqual([await text(`${url}/one/a`), await text(`${url}/two/a`), await text(url)], ['one', 'two', 'app'])
})

test('upgrades are taken', async (t) => {
  const room = createServer()
  const sockets = new WebSocketServer({ server: room })
  sockets.on('connection', (socket) => socket.on('message', (message) => socket.send(`heard ${message}`)))
  const address = (await listen(t, room)).slice(7)
  t.after(() => {
    for (const client of sockets.clients) client.terminate()
  })
  const app = fastify({ forceCloseConnections: true })
  app.register(fastifyProxy, { proxy: proxyFor(t, { entries: [{ match: '/ws', serverList: address }] }) })
  const url = await started(t, app)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  await once(socket, 'open')
  socket.send('hello')
  assert.equal(String((await once(socket, 'message'))[0]), 'heard hello')
  socket.terminate()
})
