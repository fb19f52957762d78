/** How a worker comes to its proxies, and how it leaves them. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import type { JoinedProxy, JoinOptions, WorkerError } from '#lib/workers/join.js'
import { joinProxy } from '#lib/workers/join.js'
import { certificates } from '../support/certificates.js'
import { ManualClock } from '../support/clock.js'
import { noOpenssl } from '../support/network.js'
import { scriptedRandom } from '../support/random.js'
import { deadPort, freePort } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'
import { ask, isReady, join, joinYard, openYard, type Yard } from './support.js'

const hello = (_req: unknown, res: { end(text: string): void }): void => res.end('hello')

/** The next error that a worker tells of. */
async function nextError(joined: JoinedProxy): Promise<WorkerError> {
  return (await within(once(joined, 'error'), 'an error'))[0]
}

test('the worker may be there before the proxy, and outlives it', async (t) => {
  const port = await freePort()
  const listen = { host: '127.0.0.1', port, socketPath: undefined }
  const joined = join(t, hello, `http://127.0.0.1:${port}`)
  const error = await nextError(joined)
  assert.deepEqual([error.code, error.proxy], ['ERR_WORKER_UNREACHABLE', `http://127.0.0.1:${port}`])
  assert.match(error.message, /^cannot reach http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/)
  for (const process of ['first', 'second']) {
    const yard = await openYard(t, { options: { listen }, process: { id: process, count: 1 } })
    await isReady(yard, joined)
    assert.deepEqual(joined.connections, [{ proxy: `http://127.0.0.1:${port}`, process }])
    assert.equal((await ask(yard, 'w1')).body, 'hello')
    const lost = once(joined, 'lost')
    await yard.listener.close()
    await yard.gate.close()
    assert.deepEqual(await within(lost, 'the loss'), [{ proxy: addressOf(port), process, reason: undefined }])
  }
})

function addressOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

test('it joins several proxies', async (t) => {
  const yards = [await openYard(t), await openYard(t, { process: { id: 'other', count: 1 } })]
  const joined = join(
    t,
    hello,
    yards.map(({ url }) => url),
    { service: 'api', weight: 3 },
  )
  for (const yard of yards) {
    await isReady(yard, joined)
    assert.deepEqual(yard.gate.workers, [{ service: 'api', instance: 'w1', weight: 3 }])
    assert.ok(yard.log.includes('worker api/w1 joined from 127.0.0.1, weight 3'), yard.log.join('\n'))
  }
  assert.deepEqual(joined.connections.map(({ process }) => process).sort(), ['other', 'p1'])
})

test('it joins every process that shares an address, and keeps dialling until it has met them all', async (t) => {
  const yards = [
    await openYard(t, { process: { id: 'p1', count: 2 } }),
    await openYard(t, { process: { id: 'p2', count: 2 } }),
  ]
  // Deals its connections out as a kernel would: not in turn.
  const deal = [0, 0, 0, 1, 1]
  let dealt = 0
  const dealer = createServer((socket) => {
    const index = deal[dealt++ % deal.length] as number
    const far = connect((yards[index] as Yard).port, '127.0.0.1')
    for (const each of [socket, far]) each.on('error', () => {})
    socket.pipe(far).pipe(socket)
    socket.on('close', () => far.destroy())
    far.on('close', () => socket.destroy())
  })
  dealer.listen(0, '127.0.0.1')
  await once(dealer, 'listening')
  t.after(() => dealer.close())
  const { port } = dealer.address() as { port: number }
  const joined = join(t, hello, `http://127.0.0.1:${port}`)
  for (const yard of yards) await isReady(yard, joined)
  assert.deepEqual(joined.connections.map(({ process }) => process).sort(), ['p1', 'p2'])
  assert.equal(dealt, 4)
  // One of them dies: the other is asked, refuses what it has, and the next deal finds the one that is missing.
  const [first] = yards as [Yard]
  await first.gate.close()
  await eventually(() => joined.connections.length === 1, 'the loss')
})

test('a wrong token is a clear error, and no storm of tries', async (t) => {
  const yard = await openYard(t, { options: { token: 'right' } })
  const clock = new ManualClock()
  let refused = 0
  for (const [token, message] of [
    ['wrong', /the token is not the one of \[WORKERS\] \(401\)$/],
    [undefined, /a token is needed: Authorization: Bearer TOKEN, with the Token of \[WORKERS\] \(401\)$/],
  ] as const) {
    const log: string[] = []
    const note = (line: string): void => void log.push(line)
    const logger = { info: note, warn: note, error: note }
    const joined = join(t, hello, yard.url, { ...(token && { token }), logger, clock, random: scriptedRandom(0) })
    const error = await nextError(joined)
    assert.deepEqual([error.code, error.status], ['ERR_WORKER_REFUSED', 401])
    assert.match(error.message, message)
    await eventually(() => clock.pending === 1, 'the next try to be due')
    const tries = yard.tries()
    clock.advance(29_999)
    assert.equal(clock.pending, 1)
    clock.advance(1)
    await eventually(() => yard.tries() === tries + 1, 'the next try')
    await eventually(() => clock.pending === 1, 'the one after it to be due')
    assert.equal(log.length, 1, 'the same is said once')
    refused += 2
    await joined.leave()
    assert.equal(yard.tries(), refused)
  }
  await joinYard(t, yard, hello, { token: 'right' })
  assert.equal((await ask(yard, 'w1')).body, 'hello')
})

test('a service that no entry lists is told so, and taken when a reload lists it', async (t) => {
  const services = ['x', 'y']
  const yard = await openYard(t, { services })
  const joined = join(t, hello, yard.url, { service: 'api' })
  const error = await nextError(joined)
  assert.deepEqual([error.code, error.status], ['ERR_WORKER_UNWANTED', 404])
  assert.match(error.message, /no entry lists worker:api; known: worker:x, worker:y \(404\)/)
  services.push('api')
  await isReady(yard, joined)
})

test('over TLS, with the authority of its own', { skip: noOpenssl }, async (t) => {
  const { ca, localhost } = certificates()
  const yard = await openYard(t, { options: { certificate: localhost.cert, certificateKey: localhost.key } })
  assert.match(yard.url, /^https:/)
  await joinYard(t, yard, (req, res) => res.end(`${'encrypted' in req.socket}`), { tls: { ca } })
  assert.equal((await ask(yard, 'w1')).body, 'false')
  const stranger = join(t, hello, yard.url, { instance: 'w2' })
  const error = await nextError(stranger)
  assert.equal(error.code, 'ERR_WORKER_UNREACHABLE')
  assert.match(String((error.cause as NodeJS.ErrnoException).code), /UNABLE_TO_VERIFY|SELF_SIGNED/)
})

test('what answers there may be no proxy at all', { skip: noOpenssl }, async (t) => {
  const { localhost, ca } = certificates()
  const site = createTlsServer(localhost, (_req, res) => res.end('<h1>Welcome'))
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.after(() => {
    site.closeAllConnections()
    site.close()
  })
  const { port } = site.address() as { port: number }
  const error = await nextError(join(t, hello, `https://127.0.0.1:${port}`, { tls: { ca } }))
  assert.deepEqual([error.code, error.status], ['ERR_WORKER_UNWANTED', 200])
  const plain = await nextError(join(t, hello, `http://127.0.0.1:${port}`))
  assert.equal(plain.code, 'ERR_WORKER_UNREACHABLE')
  const dead = await nextError(join(t, hello, `127.0.0.1:${await deadPort()}`))
  assert.equal(dead.code, 'ERR_WORKER_UNREACHABLE')
})

test('leave answers what is under way, takes nothing new, and is done then', async (t) => {
  const yard = await openYard(t)
  const waiting: { end(text: string): void }[] = []
  const joined = join(t, (_req, res) => void waiting.push(res), yard.url)
  await isReady(yard, joined)
  const sent = yard.send('w1')
  await eventually(() => waiting.length === 1, 'the request')
  const left = joined.leave()
  assert.equal(joined.leave(), left)
  await eventually(() => !yard.upstream('w1').ready, 'the notice')
  assert.deepEqual(yard.gate.workers, [])
  assert.equal((await ask(yard, 'w1')).log.at(-1), 'failed ERR_CONNECT_REFUSED')
  waiting[0]?.end('done')
  await sent.over()
  assert.equal(sent.body, 'done')
  await within(left, 'the worker to leave')
  assert.deepEqual(joined.connections, [])
  assert.deepEqual(yard.log.slice(-1), ['worker default/w1 leaves'])
})

test('requests that cross the notice of a worker that leaves are served', async (t) => {
  const yard = await openYard(t)
  for (let i = 0; i < 20; i++) {
    const joined = join(t, hello, yard.url)
    await isReady(yard, joined)
    const left = joined.leave()
    // The notice is written, and has not been read.
    const headers = ['Host', 'h', 'Content-Length', '2']
    const sent = Array.from({ length: 5 }, () => yard.send('w1', { method: 'POST', headers, hasBody: true }))
    for (const each of sent) {
      await each.when('connected')
      each.carriage.write(Buffer.from('ab'))
      each.carriage.end([])
    }
    for (const each of sent) assert.deepEqual([(await each.over()).at(-1), each.body], ['end', 'hello'])
    await left
    await eventually(() => yard.gate.workers.length === 0, 'its end')
  }
})

test('leave cuts what does not end in time', async (t) => {
  const yard = await openYard(t)
  let came = 0
  const joined = join(t, () => void came++, yard.url)
  await isReady(yard, joined)
  const sent = yard.send('w1')
  await eventually(() => came === 1, 'the request')
  await within(joined.leave({ timeout: 20 }), 'the worker to leave')
  await sent.over()
  assert.equal(sent.log.at(-1), 'failed ERR_CONNECTION_LOST')
})

test('leave ends a try that is under way', async (t) => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const joined = join(t, hello, `http://127.0.0.1:${(silent.address() as { port: number }).port}`)
  await eventually(() => sockets.length === 1, 'the try')
  const [socket] = sockets as [Socket]
  const closed = once(socket.resume(), 'close')
  await within(joined.leave(), 'the worker to leave')
  await within(closed, 'its connection to close')
})

test('wrong arguments are told at once', () => {
  const wrong: [unknown, unknown, JoinOptions, RegExp][] = [
    [undefined, 'http://h:1', {}, /needs a request listener, an Express app or an http\.Server/],
    [{}, 'http://h:1', {}, /needs a request listener/],
    [createTlsServer(), 'http://h:1', {}, /of a TLS server, give the listener/],
    [hello, [], {}, /needs the address of a proxy/],
    [hello, 'ftp://h:1', {}, /unknown scheme "ftp"/],
    [hello, 'http://u:pass@h:1', {}, /bad address "http:\/\/\*\*\*@h:1"; it consists of a host and a port/],
    [hello, 'ftp://u:pass@h:1', {}, /unknown scheme "ftp" in "ftp:\/\/\*\*\*@h:1"/],
    [hello, 'h', {}, /the port is missing/],
    [hello, 'unix:w.sock', {}, /the path of a socket is absolute/],
    [hello, 'http://h:1', { service: 'a b' }, /bad service "a b"/],
    [hello, 'http://h:1', { instance: '' }, /bad instance ""/],
    [hello, 'http://h:1', { weight: 0 }, /bad weight 0/],
    [hello, 'http://h:1', { token: 'a b' }, /a token consists of/],
    [hello, 'https://h:1', { tls: { ca: 'x', cert: 'x' } }, /^bad tls: ./],
  ]
  for (const [app, url, options, message] of wrong) {
    assert.throws(() => joinProxy(app as never, url as never, { logger: false, ...options }), {
      name: 'TypeError',
      message,
    })
  }
})
