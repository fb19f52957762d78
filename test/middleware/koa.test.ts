import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import Koa from 'koa'
import { koaProxy } from '#lib/middleware/koa.js'
import { listen, nobody, post, proxyFor, text, upstream } from './servers.js'

test('unmatched requests find the context as it was', async (t) => {
  const { address, seen } = await upstream(t)
  const app = new Koa()
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] })))
  app.use(async (ctx) => {
    const body = Buffer.concat(await ctx.req.toArray()).toString()
    ctx.body = {
      body,
      url: ctx.url,
      status: ctx.status,
      respond: ctx.respond ?? 'unset',
      headers: Object.keys(ctx.response.headers),
      listeners: ctx.res.listenerCount('close'),
    }
  })
  const bare = new Koa()
  let listeners = 0
  bare.use((ctx) => {
    listeners = ctx.res.listenerCount('close')
    ctx.body = ''
  })
  await text(await listen(t, createServer(bare.callback())))
  const url = await listen(t, createServer(app.callback()))
  assert.deepEqual(JSON.parse(await text(`${url}/own?a`, post('text/plain', 'body'))), {
    body: 'body',
    url: '/own?a',
    status: 404,
    respond: 'unset',
    headers: [],
    listeners,
  })
  assert.equal(seen.length, 0)
})

test('matched requests go to the server with their body, and the others do not see them', async (t) => {
  const { address, seen } = await upstream(t)
  const app = new Koa()
  const steps: string[] = []
  app.use(async (ctx, next) => {
    await next()
    steps.push(`${ctx.url} ${ctx.res.statusCode} ${ctx.res.writableFinished}`)
  })
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] })))
  app.use((ctx) => {
    steps.push('behind')
    ctx.body = 'app'
  })
  const url = await listen(t, createServer(app.callback()))
  assert.equal(await text(`${url}/api/x`, post('application/json', '{ "a":  1 }')), 'upstream')
  assert.deepEqual([seen[0]?.url, seen[0]?.body], ['/api/x', '{ "a":  1 }'])
  assert.equal(await text(`${url}/own`), 'app')
  assert.deepEqual(steps, ['/api/x 200 true', 'behind', '/own 200 false'])
})

test('errors are answered by the proxy, and are no errors of the app', async (t) => {
  const app = new Koa()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/*', serverList: await nobody() }] })))
  const answer = await fetch(await listen(t, createServer(app.callback())))
  assert.equal(answer.status, 502)
  assert.match(await answer.text(), /did not answer properly/)
  assert.deepEqual(errors, [])
})

test('errors behind the proxy are the app’s', async (t) => {
  const { address } = await upstream(t)
  const app = new Koa()
  app.silent = true
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/api/*', serverList: address }] })))
  app.use((ctx) => ctx.throw(418, 'teapot'))
  const answer = await fetch(await listen(t, createServer(app.callback())))
  assert.deepEqual([answer.status, await answer.text()], [418, 'teapot'])
})

test('a client that leaves ends its request, and middleware before the proxy goes on', async (t) => {
  let reached = (): void => {}
  const arrived = new Promise<void>((resolve) => {
    reached = resolve
  })
  const address = (await listen(t, () => reached())).slice(7)
  const app = new Koa()
  const ended = new Promise<void>((resolve) => {
    app.use((_ctx, next) => next().then(resolve))
  })
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/*', serverList: address }] })))
  const { hostname, port } = new URL(await listen(t, createServer(app.callback())))
  const client = connect(Number(port), hostname)
  await once(client, 'connect')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await arrived
  client.destroy()
  await ended
})

test('several proxies in one app', async (t) => {
  const [one, two] = [await upstream(t, 'one'), await upstream(t, 'two')]
  const app = new Koa()
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/one', serverList: one.address }] })))
  app.use(koaProxy(proxyFor(t, { entries: [{ match: '/two', serverList: two.address }] })))
  const url = await listen(t, createServer(app.callback()))
  assert.deepEqual([await text(`${url}/one`), await text(`${url}/two`)], ['one', 'two'])
  assert.equal((await fetch(`${url}/three`)).status, 404)
})
