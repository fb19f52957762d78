/** Requests that come through a tunnel, served by an application in the worker's process. */

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import { eventually, within } from '../support/wire.js'
import { ask, joinYard, openYard, upload } from './support.js'

const mebibyte = Buffer.alloc(1024 * 1024, 'x')

test('a listener serves a request that came through a tunnel', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (req, res) => {
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    const { 'x-a': field, host } = req.headers
    res.end(`${req.method} ${req.url} ${host} ${field} ${req.socket.remoteAddress}`, 'latin1')
  })
  const sent = await ask(yard, 'w1', { target: '/a?b', headers: ['Host', 'site.test', 'X-A', 'é'] })
  assert.deepEqual(sent.log, ['connected', 'response 200', 'data', 'end'])
  assert.equal(sent.body, 'GET /a?b site.test é 127.0.0.1')
  const cookies = sent.head?.headers.filter((_, i, all) => all[i - 1] === 'set-cookie')
  assert.deepEqual(cookies, ['a=1', 'b=2'])
  assert.deepEqual(yard.found.at(-1), [{ service: 'default', instance: 'w1', weight: 1 }])
})

test('one tunnel carries many requests at once, and one pipe many after each other', async (t) => {
  const yard = await openYard(t)
  const sockets = new Set<unknown>()
  await joinYard(t, yard, (req, res) => {
    sockets.add(req.socket)
    res.end(req.url)
  })
  for (let i = 0; i < 50; i++) assert.equal((await ask(yard, 'w1', { target: `/${i}` })).body, `/${i}`)
  assert.equal(sockets.size, 1)
  const together = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(yard, 'w1', { target: `/${i}` })))
  assert.deepEqual(
    together.map(({ body }) => body),
    together.map((_, i) => `/${i}`),
  )
})

test('an Express app parses bodies, and knows the client by X-Forwarded-For', async (t) => {
  const yard = await openYard(t)
  const app = express()
  app.set('trust proxy', 'loopback')
  app.use(express.json())
  app.post('/users', (req, res) => {
    res.status(201).json({ hello: req.body.name, ip: req.ip, protocol: req.protocol })
  })
  await joinYard(t, yard, app)
  const body = Buffer.from(JSON.stringify({ name: 'Ada' }))
  const headers = ['Host', 'h', 'Content-Type', 'application/json', 'Content-Length', String(body.length)]
  const forwarded = ['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https']
  const sent = yard.send('w1', { method: 'POST', target: '/users', headers: [...headers, ...forwarded], hasBody: true })
  await upload(sent, body, 1)
  await sent.over()
  assert.equal(sent.head?.status, 201)
  assert.deepEqual(JSON.parse(sent.body), { hello: 'Ada', ip: '203.0.113.9', protocol: 'https' })
  const missing = await ask(yard, 'w1', { target: '/nothing' })
  assert.equal(missing.head?.status, 404)
})

test('an http.Server is served by its own listeners, while it listens elsewhere or not', async (t) => {
  const yard = await openYard(t)
  const server = createServer((_req, res) => res.end('own'))
  await joinYard(t, yard, server)
  assert.equal((await ask(yard, 'w1')).body, 'own')
})

test('answers without a body: HEAD, 204, 304, and one of no length', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (req, res) => {
    if (req.url === '/204') res.writeHead(204).end()
    else if (req.url === '/304') res.writeHead(304, { ETag: '"a"' }).end()
    else if (req.url === '/205') res.writeHead(205).end('x')
    else if (req.url === '/0') res.writeHead(200, { 'Content-Length': 0 }).end()
    else res.writeHead(200, { 'Content-Length': 5 }).end('hello')
  })
  const head = await ask(yard, 'w1', { method: 'HEAD' })
  assert.deepEqual(head.log, ['connected', 'response 200', 'end'])
  assert.ok(head.head?.headers.join().includes('content-length,5'))
  for (const status of [204, 304, 205]) {
    const sent = await ask(yard, 'w1', { target: `/${status}` })
    assert.deepEqual([sent.log.at(-1), sent.body, sent.head?.status], ['end', '', status])
  }
  assert.deepEqual((await ask(yard, 'w1', { target: '/0' })).body, '')
  // The pipe is fit for the next one after each.
  assert.equal((await ask(yard, 'w1')).body, 'hello')
})

test('uploads and downloads of 100 MiB stream in both directions', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, async (req, res) => {
    if (req.method === 'POST') {
      let size = 0
      for await (const chunk of req) size += (chunk as Buffer).length
      res.end(String(size))
      return
    }
    res.writeHead(200, { 'Content-Length': 100 * mebibyte.length })
    for (let i = 0; i < 100; i++) if (!res.write(mebibyte)) await new Promise((resolve) => res.once('drain', resolve))
    res.end()
  })
  const before = process.memoryUsage().rss
  const down = yard.send('w1')
  down.counting = true
  await within(down.receives(100 * mebibyte.length), 'the download', 60_000)
  assert.equal((await down.over()).at(-1), 'end')
  for (const headers of [
    ['Host', 'h', 'Transfer-Encoding', 'chunked'],
    ['Host', 'h', 'Content-Length', String(100 * mebibyte.length)],
  ]) {
    const up = yard.send('w1', { method: 'POST', headers, hasBody: true })
    await upload(up, mebibyte, 100)
    await up.over()
    assert.equal(up.body, String(100 * mebibyte.length))
  }
  const grown = (process.memoryUsage().rss - before) / mebibyte.length
  assert.ok(grown < 100, `${grown} MiB more`)
})

test('an answer that nobody reads holds its application back, and no other request', async (t) => {
  const yard = await openYard(t)
  let written = 0
  await joinYard(t, yard, async (req, res) => {
    if (req.url === '/small') return void res.end('small')
    for (let i = 0; i < 64 && !res.destroyed; i++) {
      written += mebibyte.length
      if (!res.write(mebibyte)) await new Promise((resolve) => res.once('drain', resolve))
    }
    res.end()
  })
  const stalled = Array.from({ length: 10 }, () => {
    const sent = yard.send('w1', { target: '/large' })
    sent.wants = false
    return sent
  })
  await Promise.all(stalled.map((sent) => sent.when('data')))
  for (let i = 0; i < 20; i++) assert.equal((await ask(yard, 'w1', { target: '/small' })).body, 'small')
  assert.ok(written < 10 * 8 * mebibyte.length, `${written} bytes were taken from the application`)
  const [first] = stalled
  if (first === undefined) throw new Error('there is none')
  first.wants = true
  first.carriage.resume()
  await within(first.receives(64 * mebibyte.length), 'the rest', 30_000)
  for (const sent of stalled.slice(1)) sent.carriage.abort()
})

test('an application that reads no body holds its client back, and no other request', async (t) => {
  const yard = await openYard(t)
  const held: IncomingMessage[] = []
  await joinYard(t, yard, (req, res) => {
    if (req.url === '/small') res.end('small')
    else held.push(req)
  })
  const uploads = Array.from({ length: 10 }, () =>
    yard.send('w1', { method: 'PUT', target: '/', headers: ['Host', 'h'], hasBody: true }),
  )
  for (const sent of uploads) {
    await sent.when('connected')
    let written = 0
    while (sent.carriage.write(mebibyte)) if (++written > 32) throw new Error('more and more is taken')
  }
  await eventually(() => held.length === 10, 'the requests to arrive')
  for (let i = 0; i < 20; i++) assert.equal((await ask(yard, 'w1', { target: '/small' })).body, 'small')
  for (const sent of uploads) sent.carriage.abort()
})

test('server-sent events arrive as they are sent', async (t) => {
  const yard = await openYard(t)
  let say: ((text: string) => void) | undefined
  await joinYard(t, yard, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.flushHeaders()
    say = (text) => res.write(text)
  })
  const sent = yard.send('w1')
  await sent.when('response')
  assert.equal(sent.body, '')
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    const size = sent.received
    say?.(event)
    await sent.receives(size + event.length)
  }
  assert.equal(sent.body, 'data: 1\n\ndata: 2\n\n')
  sent.carriage.abort()
})

test('informational answers and trailers pass, in both directions', async (t) => {
  const yard = await openYard(t)
  let trailers: string[] = []
  await joinYard(t, yard, (req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    req.resume().on('end', () => {
      trailers = req.rawTrailers
      res.writeHead(200, { Trailer: 'X-Sum' })
      res.write('body')
      res.addTrailers({ 'X-Sum': '42' })
      if (req.url === '/later') setImmediate(() => res.end())
      else res.end()
    })
  })
  for (const target of ['/', '/later']) {
    const headers = ['Host', 'h', 'TE', 'trailers', 'Transfer-Encoding', 'chunked']
    const sent = yard.send('w1', { method: 'PUT', target, headers, hasBody: true })
    await sent.when('connected')
    sent.carriage.write(Buffer.from('abc'))
    sent.carriage.end(['X-Check', 'c'])
    await sent.over()
    assert.deepEqual(sent.log, ['connected', 'informational 103', 'response 200', 'data', 'end'])
    assert.deepEqual(sent.informationals[0]?.headers, ['link', '</a.css>; rel=preload'])
    assert.deepEqual(sent.trailers, ['x-sum', '42'])
    assert.deepEqual(trailers, ['x-check', 'c'])
  }
})

test('Expect: 100-continue is answered by the application', async (t) => {
  const yard = await openYard(t)
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.end('taken'))
  })
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    if (req.url === '/no') return void res.writeHead(417).end()
    res.writeContinue()
    server.emit('request', req, res)
  })
  await joinYard(t, yard, server)
  const headers = ['Host', 'h', 'Expect', '100-continue', 'Content-Length', '3']
  const yes = yard.send('w1', { method: 'PUT', headers, hasBody: true })
  await yes.when('informational')
  yes.carriage.write(Buffer.from('abc'))
  yes.carriage.end([])
  await yes.over()
  assert.deepEqual([yes.log[1], yes.body], ['informational 100', 'taken'])
  const no = yard.send('w1', { method: 'PUT', target: '/no', headers, hasBody: true })
  await no.when('response')
  assert.equal(no.head?.status, 417)
  no.carriage.abort()
})

test('a request that is given up reaches the application as gone', async (t) => {
  const yard = await openYard(t)
  const arrived: (string | undefined)[] = []
  const closed: string[] = []
  await joinYard(t, yard, (req, res) => {
    arrived.push(req.url)
    res.on('close', () => closed.push(`${req.url} ${res.writableFinished}`))
    if (req.url === '/begun') res.write('x')
  })
  for (const target of ['/waiting', '/begun']) {
    const sent = yard.send('w1', { target })
    if (target === '/begun') await sent.when('data')
    else await eventually(() => arrived.includes(target), 'the request to arrive')
    sent.carriage.abort()
    await eventually(() => closed.includes(`${target} false`), `the end of ${target}`)
  }
})

test('an answer before the end of the upload arrives whole', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (req, res) => {
    if (req.method === 'POST') res.writeHead(413).end('too large')
    else res.end('next')
  })
  const sent = yard.send('w1', { method: 'POST', headers: ['Host', 'h'], hasBody: true })
  await sent.when('connected')
  for (let i = 0; i < 4; i++) sent.carriage.write(mebibyte)
  await sent.over()
  assert.deepEqual([sent.log.at(-1), sent.head?.status, sent.body], ['end', 413, 'too large'])
  sent.carriage.abort()
  assert.equal((await ask(yard, 'w1')).body, 'next')
})

test('an application that breaks off is told by a reset, before and within its answer', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (req, res) => {
    if (req.url === '/later') {
      res.writeHead(200, { 'Content-Length': 10 })
      res.write('12345')
      setImmediate(() => res.destroy())
    } else {
      res.destroy()
    }
  })
  const before = await ask(yard, 'w1')
  assert.equal(before.log.at(-1), 'failed ERR_STREAM_RESET')
  assert.equal(before.error?.retry, 'if-safe')
  const within = await ask(yard, 'w1', { target: '/later' })
  assert.equal(within.log.at(-1), 'failed ERR_RESPONSE_INCOMPLETE')
})

test('a request on a kept connection that is lost goes out once more where that is safe, and only there', async (t) => {
  const yard = await openYard(t)
  const arrived: string[] = []
  await joinYard(t, yard, (req, res) => {
    arrived.push(`${req.method}`)
    if (arrived.length % 2 === 1) res.end('ok')
    else req.socket.destroy()
  })
  assert.equal((await ask(yard, 'w1')).body, 'ok')
  assert.equal((await ask(yard, 'w1')).body, 'ok')
  assert.deepEqual(arrived, ['GET', 'GET', 'GET'])
  const post = await ask(yard, 'w1', { method: 'POST', headers: ['Host', 'h', 'Content-Length', '0'] })
  assert.equal(post.log.at(-1), 'failed ERR_STREAM_RESET')
  assert.deepEqual(arrived, ['GET', 'GET', 'GET', 'POST'])
})

test('an answer that HTTP/2 cannot carry as it is loses nothing but its form', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (_req, res) => {
    const fields = ['X-Content-Type-Options', 'nosniff', 'X-Content-Type-Options', 'nosniff', 'Keep-Alive', 'timeout=7']
    res.writeHead(200, [...fields, 'Connection', 'x-private', 'X-Private', '1', 'X-Public', '\xff'])
    res.end('ok')
  })
  const sent = await ask(yard, 'w1')
  const headers = sent.head?.headers ?? []
  const field = (name: string): string[] => headers.filter((_, i) => headers[i - 1] === name && i % 2 === 1)
  assert.deepEqual(field('x-content-type-options'), ['nosniff, nosniff'])
  assert.deepEqual([field('keep-alive'), field('x-private'), field('connection')], [[], [], []])
  assert.deepEqual(field('x-public'), ['\xff'])
  assert.equal(sent.body, 'ok')
})

test('cookies that were sent apart are one field', async (t) => {
  const yard = await openYard(t)
  await joinYard(t, yard, (req, res) =>
    res.end(req.rawHeaders.filter((_, i, all) => all[i - 1] === 'cookie').join('|')),
  )
  const sent = await ask(yard, 'w1', { headers: ['Host', 'h', 'Cookie', 'a=1', 'Cookie', 'b=2'] })
  assert.equal(sent.body, 'a=1; b=2')
})
