import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import connect from 'connect'
import { listen, nobody, post, proxyFor, text, upstream } from './servers.js'

test('Connect: entries first, then the app; a mount path is cut off', async (t) => {
  const { address, seen } = await upstream(t)
  const app = connect()
  const proxy = proxyFor(t, { entries: [{ match: '/*.php', serverList: address }] })
  app.use('/blog', proxy)
  app.use((req, res) => {
    res.end(`app ${req.url}`)
  })
  const url = await listen(t, app)
  assert.equal(await text(`${url}/blog/index.php?p=1`, post('application/json', '{"a": 1}')), 'upstream')
  assert.deepEqual([seen[0]?.url, seen[0]?.body], ['/index.php?p=1', '{"a": 1}'])
  assert.equal(await text(`${url}/blog/about`), 'app /blog/about')
  assert.equal(await text(`${url}/index.php`), 'app /index.php')
})

test('Connect: errors of the proxy do not reach the error handler', async (t) => {
  const app = connect()
  app.use(proxyFor(t, { entries: [{ match: '/*', serverList: await nobody() }] }))
  app.use(((_error, _req, res, _next) => {
    res.end('error handler')
  }) as connect.ErrorHandleFunction)
  const answer = await fetch(await listen(t, app))
  assert.equal(answer.status, 502)
  assert.match(await answer.text(), /^502 Bad Gateway\n/)
})

test('plain Node: what no entry matches is answered with 404', async (t) => {
  const { address } = await upstream(t)
  const url = await listen(t, createServer(proxyFor(t, { entries: [{ match: '/a/*', serverList: address }] })))
  assert.equal(await text(`${url}/a/b`), 'upstream')
  const answer = await fetch(`${url}/b`)
  assert.deepEqual([answer.status, await answer.text()], [404, '404 Not Found\nNothing is served at this address.\n'])
})

test('the path of the status page is not passed on, and under a mount path it is below that', async (t) => {
  const { address, seen } = await upstream(t)
  const app = connect()
  app.use(
    '/mounted',
    proxyFor(t, { defaults: { statisticsURL: '/status' }, entries: [{ match: '/*', serverList: address }] }),
  )
  const url = await listen(t, app)
  assert.match(await text(`${url}/mounted/status`), new RegExp(address))
  assert.equal(seen.length, 0)
  assert.equal((await fetch(`${url}/status`)).status, 404)
})

test('after close, matched requests get 503 and others go on', async (t) => {
  const { address } = await upstream(t)
  const app = connect()
  const proxy = proxyFor(t, { entries: [{ match: '/a', serverList: address }] })
  app.use(proxy)
  app.use((_req, res) => {
    res.end('app')
  })
  const url = await listen(t, app)
  assert.equal(await text(`${url}/a`), 'upstream')
  await proxy.close()
  assert.equal((await fetch(`${url}/a`)).status, 503)
  assert.equal(await text(`${url}/b`), 'app')
})
