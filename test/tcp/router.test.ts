import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTcpRouter, type Route } from '#lib/tcp/index.js'
import { folder } from '../support/process.js'
import { named, type Rig, rig, server } from '../support/tcp.js'
import { eventually, Wire, within } from '../support/wire.js'

/** What a client gets that sends these bytes, up to the end of its connection. */
async function answerTo({ connect }: Rig, bytes: string): Promise<string> {
  const client = await connect()
  client.end(bytes)
  return client.atEnd()
}

/** Waits for the close of a connection that the other end closes. */
async function closed(client: Wire): Promise<void> {
  await client.atEnd()
  client.end()
  await client.atClose()
}

test('the first bytes of a client decide', async (t) => {
  const [first, second] = [await named(t, '9980'), await named(t, '9981')]
  const router = await rig(t, (data): ReturnType<Route> => {
    switch (data.toString()) {
      case 'a':
        return { remote: first.address }
      case 'b':
        return { remote: second.address }
      case 'c':
        return { remote: first.address, data: 'ccc' }
      case 'd':
        return { close: 'ddd' }
      case 'g':
        return { remote: first.address, data: 'g2', reply: 'g3-' }
      default:
        return { close: true }
    }
  })
  assert.equal(await answerTo(router, 'a'), '9980:a')
  assert.equal(await answerTo(router, 'b'), '9981:b')
  assert.equal(await answerTo(router, 'c'), '9980:ccc')
  assert.equal(await answerTo(router, 'd'), 'ddd')
  assert.equal(await answerTo(router, 'g'), 'g3-9980:g2')
  assert.equal(await answerTo(router, 'xxx'), '')
  assert.deepEqual(router.told, [])
})

test('bytes are collected as long as the route wants more', async (t) => {
  const echo = await named(t, '9980')
  const calls: number[] = []
  const router = await rig(t, (data) => {
    calls.push(data.length)
    return data.includes('f') ? { remote: echo.address } : { noop: true }
  })
  const client = await router.connect()
  for (let sent = 0; sent < 2048; sent += 64) {
    client.write('e'.repeat(64))
    await eventually(() => calls.at(-1) === sent + 64, 'the route to be called with what was sent')
  }
  client.end('f')
  assert.equal(await client.atEnd(), `9980:${'e'.repeat(2048)}f`)
  assert.ok(calls.length > 30)
})

test('a client that sends byte after byte gets all of them through', async (t) => {
  const echo = await named(t, 'x')
  const router = await rig(t, (data) => (data.at(-1) === 102 ? { remote: echo.address } : { noop: true }))
  const client = await Wire.connect({ port: router.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  for (let sent = 0; sent < 2048; sent++) {
    client.write('e')
    if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  client.end('f')
  assert.equal(await client.atEnd(), `x:${'e'.repeat(2048)}f`)
})

test('what a client sends while a promise decides goes behind the data that the decision replaces', async (t) => {
  const echo = await named(t, 'x')
  const decide: ((decision: Awaited<ReturnType<Route>>) => void)[] = []
  const shown: string[] = []
  const router = await rig(t, (data) => {
    shown.push(data.toString())
    return new Promise((resolve) => decide.push(resolve))
  })
  const client = await router.connect()
  client.write('first')
  await eventually(() => decide.length === 1, 'the first call')
  client.write('second')
  await eventually(() => router.connections[0]?.socket.bytesRead === 11, 'the second part')
  decide[0]!({ noop: true })
  await eventually(() => decide.length === 2, 'the second call')
  client.write('third')
  await eventually(() => router.connections[0]?.socket.bytesRead === 16, 'the third part')
  decide[1]!({ remote: echo.address, data: 'instead-of-both-' })
  client.end()
  assert.equal(await client.atEnd(), 'x:instead-of-both-third')
  assert.deepEqual(shown, ['first', 'firstsecond'])
})

test('bytes that arrive during the decision are held back at maxBuffer, and none is lost', async (t) => {
  const size = 8 * 2 ** 20
  let received = 0
  const sink = await server(t, (socket) => {
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('end', () => socket.end('thanks'))
  })
  let decide = (_: { remote: string }): void => {}
  const router = await rig(t, () => new Promise((resolve) => (decide = resolve)), { maxBuffer: 1000 })
  const client = await router.connect()
  client.end(Buffer.alloc(size, 'z'))
  await eventually(() => router.connections[0]?.socket.isPaused() === true, 'the client to be held back')
  assert.ok(router.connections[0]!.socket.bytesRead <= 3 * 65_536)
  decide({ remote: sink.address })
  assert.equal(await client.atEnd(), 'thanks')
  assert.equal(received, size)
})

test('half-open connections stay half-open, whichever side ends first', async (t) => {
  const late = await server(t, (socket) => {
    let got = ''
    socket.on('data', (chunk) => {
      got += chunk.toString()
    })
    socket.on('end', () => setImmediate(() => socket.end(`got ${got}`)))
  })
  const early = await server(t, (socket) => {
    let got = ''
    socket.end('the end of the server')
    socket.on('data', (chunk) => {
      got += chunk.toString()
      if (got === 'ab') received.push(got)
    })
  })
  const received: string[] = []
  const router = await rig(t, (data) => ({ remote: data.toString() === 'l' ? late.address : early.address }))
  assert.equal(await answerTo(router, 'l'), 'got l')
  const client = await router.connect()
  client.write('a')
  assert.equal(await client.atEnd(), 'the end of the server')
  client.write('b')
  await eventually(() => received.length === 1, 'the bytes behind the end of the server')
  client.end()
  await client.atClose()
  await eventually(() => router.router.counts.current === 0, 'the end of both connections')
  assert.deepEqual(router.told, [])
})

test('a side that breaks off is passed on as broken, not as ended', async (t) => {
  const breaking = await server(t, (socket) => {
    socket.write('half of it')
    socket.on('data', () => socket.resetAndDestroy())
  })
  let broken: string | undefined
  const watching = await server(t, (socket) => {
    socket.write('!')
    socket.on('end', () => {
      broken ??= 'ended'
    })
    socket.on('error', () => {
      broken ??= 'broken'
    })
    socket.resume()
  })
  const router = await rig(t, (data) => ({ remote: data.toString() === 's' ? breaking.address : watching.address }))
  const client = await router.connect()
  client.write('s')
  await client.until('half of it')
  client.write('now')
  await client.atClose()
  assert.equal(client.error?.code, 'ECONNRESET')
  assert.equal(client.ended, false)

  const socket = connect({ port: router.port, host: '127.0.0.1' })
  socket.write('c')
  await within(new Promise((resolve) => socket.once('data', resolve)), 'the server')
  socket.resetAndDestroy()
  await eventually(() => broken !== undefined, 'the end at the server')
  assert.equal(broken, 'broken')
  await eventually(() => router.summaries.length === 2, 'the end of both')
  assert.deepEqual(
    router.summaries.map(({ error }) => (error as { code?: string }).code),
    ['ERR_TCP_BROKEN', 'ERR_TCP_BROKEN'],
  )
})

test('a client that reads slowly slows the server down', async (t) => {
  const size = 64 * 2 ** 20
  let sent = 0
  const chunk = Buffer.alloc(65_536, 's')
  const source = await server(t, (socket) => {
    const write = (): void => {
      while (sent < size) {
        sent += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', write)
      }
      socket.end()
    }
    socket.once('data', write)
  })
  const router = await rig(t, () => ({ remote: source.address }))
  const socket = connect({ port: router.port, host: '127.0.0.1' })
  t.after(() => socket.destroy())
  socket.write('go')
  await within(new Promise((resolve) => socket.once('data', resolve)), 'the first bytes')
  socket.pause()
  let before = -1
  // The buffers of the system fill up, and then nothing moves.
  for (let still = 0; still < 20; still = sent === before ? still + 1 : 0) {
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.ok(sent < size / 2, `${sent} bytes were taken from the server`)
  const total = await new Promise<number>((resolve) => {
    socket.on('end', () => resolve(socket.bytesRead))
    socket.resume()
  })
  assert.equal(total, size)
})

test('counts tell how many connections there are, were at most, and were at all', async (t) => {
  const echo = await named(t, 'x')
  const { router, connect, summaries } = await rig(t, () => ({ remote: echo.address }))
  assert.deepEqual(router.counts, { current: 0, peak: 0, total: 0 })
  const clients = [await connect(), await connect(), await connect()]
  await eventually(() => router.counts.current === 3, 'three connections')
  for (const client of clients) client.end('hello')
  for (const client of clients) assert.equal(await client.atEnd(), 'x:hello')
  await eventually(() => router.counts.current === 0, 'the end')
  await answerTo({ connect } as Rig, 'again')
  await eventually(() => summaries.length === 4, 'the fourth')
  assert.deepEqual(router.counts, { current: 0, peak: 3, total: 4 })
  assert.deepEqual(
    { ...summaries[0], duration: 0 },
    {
      remote: echo.address,
      received: 5,
      sent: 7,
      duration: 0,
      error: undefined,
    },
  )
})

test('connections know both of their ends, and hold the lowest number that is free', async (t) => {
  const { connect, connections, port } = await rig(t, () => ({ noop: true }))
  const clients = [await connect(), await connect(), await connect()]
  await eventually(() => connections.length === 3, 'three connections')
  assert.equal(connections[0]!.remoteAddress, '127.0.0.1')
  assert.equal(connections[0]!.localPort, port)
  assert.ok(connections[0]!.remotePort > 0)
  assert.deepEqual(
    connections.map(({ number }) => number),
    [0, 1, 2],
  )
  clients[1]!.end()
  await clients[1]!.atClose()
  await connect()
  await eventually(() => connections.length === 4, 'the fourth')
  assert.equal(connections[3]!.number, 1)
})

test('an IPv4 client of a socket for both families is told of as one, to the route and to servers', async (t) => {
  const echo = await named(t, 'x')
  const addresses: string[] = []
  const route: Route = (_, { remoteAddress, localAddress }) => {
    addresses.push(remoteAddress, localAddress)
    return { remote: echo.address, sendProxyProtocol: 1 }
  }
  const router = createTcpRouter(route)
  t.after(() => router.close({ timeout: 0 }))
  const { port } = (await router.listen(0)) as AddressInfo
  const client = await Wire.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.end('!')
  assert.match(await client.atEnd(), /^x:PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n!$/)
  assert.deepEqual(addresses, ['127.0.0.1', '127.0.0.1'])
})

test('a number that is asked for once the connection is over is not held by anybody', async (t) => {
  const { router, connect, summaries } = await rig(t, () => ({ close: true }))
  const numbers: number[] = []
  router.on('close', ({ number }) => numbers.push(number))
  for (let clients = 1; clients <= 3; clients++) {
    const client = await connect()
    client.end('x')
    await client.atClose()
    await eventually(() => summaries.length === clients, 'the end')
  }
  assert.deepEqual(numbers, [0, 0, 0])
})

test('decideAtOnce asks before the client has sent anything', async (t) => {
  const greeting = await server(t, (socket) => {
    socket.write('220 hello\r\n')
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('end', () => socket.end())
  })
  const router = await rig(t, () => ({ remote: greeting.address }), { decideAtOnce: true })
  const client = await router.connect()
  assert.equal(await client.until('\r\n'), '220 hello\r\n')
  client.end('EHLO')
  assert.equal(await client.atEnd(), 'EHLO')
})

test('Unix sockets lead in and out', { skip: process.platform === 'win32' }, async (t) => {
  const path = join(folder(t), 'tcp.sock')
  const inner = createTcpRouter((data) => ({ close: `inside: ${data}` }))
  t.after(() => inner.close({ timeout: 0 }))
  assert.equal(await inner.listen({ path }), path)
  const outer = await rig(t, () => ({ remote: `unix:${path}` }))
  assert.equal(await answerTo(outer, 'hello'), 'inside: hello')
})

test('handle takes connections of a server of your own', async (t) => {
  const echo = await named(t, 'x')
  const router = createTcpRouter(() => ({ remote: echo.address }))
  // Made without allowHalfOpen, and held back.
  const own = createServer({ pauseOnConnect: true }, (socket) => router.handle(socket))
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  t.after(() => own.close())
  const { port } = own.address() as AddressInfo
  const client = await Wire.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.end('half')
  assert.equal(await client.atEnd(), 'x:half')
  await client.atClose()
  await router.close()
  const late = await Wire.connect(port)
  await late.atClose()
  assert.equal(router.counts.total, 1)
})

test('a socket that is closed already, or comes behind the close, is no connection', async (t) => {
  const { router, port } = await rig(t, () => ({ noop: true }))
  const socket = connect({ port, host: '127.0.0.1' })
  socket.destroy()
  router.handle(socket)
  assert.equal(router.counts.total, 0)
  await within(router.close(), 'the router to close')
})

test('a router that is closed while it begins to listen listens no more', async (t) => {
  const { router } = await rig(t, () => ({ noop: true }))
  const path = join(folder(t), 'tcp.sock')
  const listening = [router.listen(0, 'localhost'), router.listen({ path })]
  const closing = router.close()
  for (const each of listening) await assert.rejects(each, /the router is closed/)
  await within(closing, 'the router to close')
})

test('close accepts nobody any more and waits for those that are there', async (t) => {
  const echo = await named(t, 'x')
  const { router, port, connect } = await rig(t, () => ({ remote: echo.address }))
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect()))
  for (const client of clients) client.write('1')
  for (const client of clients) await client.until('x:1')
  let done = false
  const closing = router.close({ timeout: Number.POSITIVE_INFINITY }).then(() => {
    done = true
  })
  await assert.rejects(Wire.connect(port), { code: 'ECONNREFUSED' })
  await assert.rejects(router.listen(0), /closed/)
  for (const client of clients.slice(1)) {
    client.end('2')
    assert.equal(await client.atEnd(), '2')
  }
  assert.equal(done, false)
  clients[0]!.end('last')
  assert.equal(await clients[0]!.atEnd(), 'last')
  await within(closing, 'the router to close')
  await router.close()
})

test('close cuts what is left when its time is up', async (t) => {
  const echo = await named(t, 'x')
  const { router, clock, connect, summaries } = await rig(t, () => ({ remote: echo.address }), {}, true)
  const clients = [await connect(), await connect()]
  clients[0]!.write('1')
  await clients[0]!.until('x:1')
  await eventually(() => router.counts.current === 2, 'both connections')
  const closing = router.close({ timeout: 10_000 })
  clock.advance(9_999)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(router.counts.current, 2)
  clock.advance(1)
  await within(closing, 'the router to close')
  for (const client of clients) await closed(client)
  assert.deepEqual(
    summaries.map(({ error }) => (error as { code?: string }).code),
    ['ERR_TCP_CUT', 'ERR_TCP_CUT'],
  )
  assert.equal(clock.pending, 0)
  await eventually(() => echo.open.size === 0, 'the connections to the server to close')
})

test('options are checked by name', () => {
  const route: Route = () => ({ noop: true })
  assert.throws(() => createTcpRouter(undefined as never), /a route is a function/)
  assert.throws(() => createTcpRouter(route, { conectTimeout: 5 } as never), /did you mean "connectTimeout"/)
  assert.throws(() => createTcpRouter(route, null as never), /options are an object, not null/)
  assert.throws(() => createTcpRouter(route, 5 as never), /options are an object, not 5/)
  assert.throws(() => createTcpRouter(route, { connectTimeout: 0 }), /connectTimeout is a whole number from 1/)
  assert.throws(() => createTcpRouter(route, { maxBuffer: '64k' as never }), /maxBuffer is a whole number.*not "64k"/)
  assert.throws(() => createTcpRouter(route, { idleTimeout: Number.NaN }), /idleTimeout/)
  assert.throws(
    () => createTcpRouter(route, { sendProxyProtocol: 3 as never }),
    /sendProxyProtocol is one of false, 1, 2/,
  )
  assert.throws(() => createTcpRouter(route, { decideAtOnce: 1 as never }), /decideAtOnce is one of false, true, not 1/)
})
