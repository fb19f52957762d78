import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, start, text } from './program.js'

test('express: the rules of the file, and a route of the app', async (t) => {
  const { url } = await start(t, 'express.mjs')
  assert.equal(await text(`${url}/`), 'The app itself.\n')
  assert.equal((await fetch(`${url}/nothing`)).status, 404)
  assert.deepEqual(
    [await text(`${url}/api/a?b=c`), await text(`${url}/api/a`), await text(`${url}/api/a`)],
    ['Server api one got GET /api/a?b=c \n', 'Server api two got GET /api/a \n', 'Server api one got GET /api/a \n'],
  )
  assert.equal(
    await text(`${url}/api/users`, json({ name: 'Ada Lovelace é' })),
    'Server api two got POST /api/users {"name":"Ada Lovelace é"}\n',
  )
  const page = await fetch(`${url}/index.html`)
  assert.equal(await page.text(), 'Server pages got GET /index.html \n')
  assert.equal(page.headers.get('cache-control'), 'public, max-age=60')
  const status = await fetch(`${url}/proxy-status`)
  assert.match(await status.text(), /127\.0\.0\.1:1/)
})

test('connect: entries by extension, and the app for the rest', async (t) => {
  const { url } = await start(t, 'connect.mjs')
  assert.equal(await text(`${url}/shop/index.php?a=1`), 'Server scripts got /shop/index.php?a=1\n')
  assert.equal(await text(`${url}/logo.PNG`), 'Server images got /logo.PNG\n')
  assert.equal(await text(`${url}/about`), 'The app itself answers /about\n')
})

test('fastify: bodies reach the servers, and the routes of the app', async (t) => {
  const { url } = await start(t, 'fastify.mjs')
  assert.equal(await text(`${url}/`), 'The app itself.\n')
  assert.equal(await text(`${url}/greet`, json({ name: 'Ada' })), '{"hello":"Ada"}')
  assert.deepEqual(
    [await text(`${url}/api/users`, json({ name: 'Ada' })), await text(`${url}/api/users?page=2`)],
    ['Server one got POST /users {"name":"Ada"}\n', 'Server two got GET /users?page=2 \n'],
  )
  assert.equal((await fetch(`${url}/nothing`)).status, 404)
})

test('koa: bodies reach the servers, and middleware before the proxy sees how it ended', async (t) => {
  const { url, written } = await start(t, 'koa.mjs')
  assert.equal(await text(`${url}/`), 'The app itself.\n')
  assert.equal(await text(`${url}/api/users`, json({ name: 'Ada' })), 'Server one got POST /api/users {"name":"Ada"}\n')
  assert.equal(await text(`${url}/api/users`), 'Server two got GET /api/users \n')
  await written(/^GET \/ 200 \d+ ms$/m)
  await written(/^POST \/api\/users 200 \d+ ms$/m)
})
