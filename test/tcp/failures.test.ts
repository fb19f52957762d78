import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createTcpRouter, type Route } from '#lib/tcp/index.js'
import { named, refusingPort, rig, server } from '../support/tcp.js'
import { eventually, within } from '../support/wire.js'

/** Counts the tries to connect that have failed, of this whole process. */
function failedTries(t: TestContext): () => number {
  let failed = 0
  const watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    socket.once('close', (hadError) => {
      if (hadError) failed++
    })
  }
  subscribe('net.client.socket', watch)
  t.after(() => unsubscribe('net.client.socket', watch))
  return () => failed
}

test('a server that refuses is tried ten times more, and then the client is closed', async (t) => {
  const remote = `127.0.0.1:${await refusingPort()}`
  const failed = failedTries(t)
  const { clock, connect, told, summaries } = await rig(t, () => ({ remote }), {}, true)
  const client = await connect()
  client.write('hello')
  for (let tries = 1; tries <= 10; tries++) {
    await eventually(() => failed() === tries, `try ${tries}`)
    clock.advance(99)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(failed(), tries)
    assert.deepEqual(told, [])
    clock.advance(1)
  }
  await client.atEnd()
  await eventually(() => summaries.length === 1, 'the end')
  assert.deepEqual(told, [`connectError ${remote}`])
  assert.equal((summaries[0]!.error as { code?: string }).code, 'ERR_CONNECT_REFUSED')
  assert.equal(failed(), 11)
})

test('a server that comes back while its client is kept gets all bytes', async (t) => {
  const port = await refusingPort()
  const failed = failedTries(t)
  const { clock, connect, connections, told } = await rig(t, () => ({ remote: `127.0.0.1:${port}` }), {}, true)
  const client = await connect()
  client.write('first ')
  await eventually(() => failed() === 1, 'the first refusal')
  client.end('second')
  await eventually(() => connections[0]?.socket.bytesRead === 12, 'the second part')
  await server(
    t,
    (socket) => {
      let got = ''
      socket.on('data', (chunk) => {
        got += chunk.toString()
      })
      socket.on('end', () => socket.end(`got ${got}`))
    },
    port,
  )
  clock.advance(100)
  assert.equal(await client.atEnd(), 'got first second')
  assert.deepEqual(told, [])
})

test('refusal is what a client gets when there is no connection in the end', async (t) => {
  const remote = `127.0.0.1:${await refusingPort()}`
  const decision: Route = () => ({ remote, reply: 'welcome', refusal: 'sorry' })
  const { connect, told } = await rig(t, decision, { connectRetries: 0 })
  const client = await connect()
  client.write('hello')
  assert.equal(await client.atEnd(), 'sorry')
  assert.deepEqual(told, [`connectError ${remote}`])
})

test('a name that does not resolve closes that connection, with an event', async (t) => {
  const remote = 'does-not-exist.invalid:80'
  const { connect, told } = await rig(t, () => ({ remote }), { connectRetries: 1, retryDelay: 1 })
  const client = await connect()
  client.write('hello')
  await within(client.atEnd(), 'the close')
  assert.deepEqual(told, [`connectError ${remote}`])
})

test('a server that does not answer the connection is given up after connectTimeout', async (t) => {
  // A listener that accepts nobody, with its backlog full, answers no further connection.
  const code = `
    const { createServer, connect } = require('node:net')
    const { parentPort } = require('node:worker_threads')
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(code, { eval: true })
  t.after(() => worker.terminate())
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  const fillers = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }))
  for (const filler of fillers) filler.on('error', () => {})
  t.after(() => {
    for (const filler of fillers) filler.destroy()
  })
  await eventually(() => fillers.some(({ connecting }) => !connecting), 'the backlog to fill')
  const remote = `127.0.0.1:${port}`
  const {
    clock,
    connect: connectClient,
    told,
    summaries,
  } = await rig(t, () => ({ remote }), { connectTimeout: 700, connectRetries: 1 }, true)
  const client = await connectClient()
  client.write('hello')
  // The deadline of the decision has a timer too, until it fires.
  await eventually(() => clock.pending === 2, 'the try')
  clock.advance(700)
  clock.advance(100)
  clock.advance(699)
  assert.deepEqual(told, [])
  clock.advance(1)
  await client.atEnd()
  await eventually(() => summaries.length === 1, 'the end')
  assert.deepEqual(told, [`connectError ${remote}`])
  assert.equal((summaries[0]!.error as { code?: string }).code, 'ERR_CONNECT_TIMEOUT')
})

for (const how of ['ends', 'breaks off'] as const) {
  test(`a server that accepts and ${how} without a byte is a connect error, and not tried again`, async (t) => {
    const useless = await server(t, (socket) =>
      how === 'ends' ? socket.end() : socket.once('data', () => socket.resetAndDestroy()),
    )
    const { connect, told, summaries } = await rig(t, () => ({ remote: useless.address }))
    const client = await connect()
    client.write('hello')
    await client.atEnd()
    await eventually(() => summaries.length === 1, 'the end')
    assert.deepEqual(told, [`connectError ${useless.address}`])
    assert.equal((summaries[0]!.error as { code?: string }).code, 'ERR_TCP_SILENT_CLOSE')
    assert.equal(useless.accepted(), 1)
  })
}

test('a silent server is closed after inactivityTimeout, whatever the client sends meanwhile', async (t) => {
  const silent = await server(t, (socket) => socket.resume().on('end', () => socket.end()))
  const { clock, connect, told, connections } = await rig(
    t,
    () => ({ remote: silent.address }),
    { inactivityTimeout: 2000 },
    true,
  )
  const client = await connect()
  client.write('hello')
  await eventually(() => silent.open.size === 1, 'the server')
  await eventually(() => clock.pending > 0, 'the deadline')
  clock.advance(1999)
  client.write('more')
  await eventually(() => connections[0]!.socket.bytesRead === 9, 'more')
  assert.deepEqual(told, [])
  clock.advance(1)
  await client.atEnd()
  await eventually(() => silent.open.size === 0, 'the close at the server')
  assert.deepEqual(told, [`inactivityError ${silent.address}`])
})

test('a server that has answered may be silent from then on', async (t) => {
  const echo = await named(t, 'x')
  const options = { inactivityTimeout: 2000 }
  const { clock, connect, told } = await rig(t, () => ({ remote: echo.address }), options, true)
  const client = await connect()
  client.write('hello')
  await client.until('x:hello')
  clock.advance(100_000)
  client.end('bye')
  assert.equal(await client.atEnd(), 'bye')
  assert.deepEqual(told, [])
})

test('a client that leaves first is nobody’s error', async (t) => {
  const silent = await server(t, (socket) => socket.resume())
  const refusing = `127.0.0.1:${await refusingPort()}`
  const failed = failedTries(t)
  const { clock, connect, told, summaries } = await rig(
    t,
    (data) => ({ remote: data.toString() === 's' ? silent.address : refusing }),
    { inactivityTimeout: 2000 },
    true,
  )
  // It ends, and the silent server never does.
  const first = await connect()
  first.end('s')
  await eventually(() => silent.open.size === 1, 'the server')
  await eventually(() => clock.pending > 0, 'the deadline')
  clock.advance(2000)
  await eventually(() => summaries.length === 1, 'the end of the first')
  // It ends, and no server can be reached.
  const second = await connect()
  second.end('r')
  for (let tries = 1; tries <= 11; tries++) {
    await eventually(() => failed() === tries, `try ${tries}`)
    clock.advance(100)
  }
  await eventually(() => summaries.length === 2, 'the end of the second')
  // It breaks off while no server can be reached.
  const third = await connect()
  third.write('r')
  await eventually(() => failed() === 12, 'a refusal')
  ;(third.socket as Socket).resetAndDestroy()
  await eventually(() => summaries.length === 3, 'the end of the third')
  clock.advance(10_000)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(failed(), 12)
  assert.deepEqual(told, [])
})

test('nothing moves for idleTimeout: the connection is closed; a byte of either side starts the time again', async (t) => {
  const chatty = await server(t, (socket) => {
    socket.on('data', (chunk) => {
      if (chunk.toString() === '?') socket.write('!')
    })
    socket.on('end', () => socket.end())
  })
  const { clock, connect, summaries, connections } = await rig(
    t,
    () => ({ remote: chatty.address }),
    { idleTimeout: 5000 },
    true,
  )
  const client = await connect()
  client.write('?')
  await client.until('!')
  clock.advance(4999)
  client.write('.')
  await eventually(() => connections[0]!.socket.bytesRead === 2, 'a byte')
  clock.advance(4999)
  client.write('?')
  await client.until('!')
  clock.advance(4999)
  assert.equal(summaries.length, 0)
  clock.advance(1)
  await client.atEnd()
  await eventually(() => summaries.length === 1, 'the end')
  assert.equal((summaries[0]!.error as { code?: string }).code, 'ERR_TCP_IDLE')
  await eventually(() => chatty.open.size === 0, 'the close at the server')
})

test('a client without a decision is closed after decisionTimeout, whatever it sends', async (t) => {
  const { clock, connect, told, connections, router } = await rig(t, () => ({ noop: true }), {}, true)
  const [silent, slow] = [await connect(), await connect()]
  await eventually(() => router.counts.current === 2, 'both clients')
  for (let second = 1; second < 30; second++) {
    clock.advance(1000)
    slow.write('.')
    await eventually(() => connections.some(({ socket }) => socket.bytesRead === second), 'a byte')
  }
  assert.deepEqual(told, [])
  clock.advance(1000)
  await silent.atEnd()
  await slow.atEnd()
  assert.deepEqual(told, ['error ERR_TCP_DECISION_TIMEOUT', 'error ERR_TCP_DECISION_TIMEOUT'])
})

test('a promise that never settles is no decision', async (t) => {
  const { clock, connect, told } = await rig(t, () => new Promise<never>(() => {}), { decisionTimeout: 50 }, true)
  const client = await connect()
  client.write('hello')
  await eventually(() => clock.pending > 0, 'the deadline')
  clock.advance(50)
  await client.atEnd()
  assert.deepEqual(told, ['error ERR_TCP_DECISION_TIMEOUT'])
})

test('100 MB without a decision end at maxBuffer', async (t) => {
  let most = 0
  const { port, told, connections } = await rig(t, (data) => {
    most = Math.max(most, data.length)
    return { noop: true }
  })
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.write(Buffer.alloc(100 * 2 ** 20))
  await within(new Promise((resolve) => socket.once('close', resolve)), 'the close')
  assert.deepEqual(told, ['error ERR_TCP_BUFFER_FULL'])
  assert.ok(most <= 2 * 65_536, `${most} bytes were kept`)
  assert.ok(connections[0]!.socket.bytesRead <= 4 * 65_536)
})

const nonsense: readonly [what: string, route: () => unknown, message: RegExp][] = [
  [
    'throws',
    () => {
      throw new Error('oh')
    },
    /the route threw: oh/,
  ],
  [
    'throws no error',
    () => {
      throw undefined
    },
    /the route threw: undefined/,
  ],
  [
    'throws what cannot be a text',
    () => {
      throw Object.create(null)
    },
    /the route threw: an object/,
  ],
  ['rejects', () => Promise.reject(new Error('oh')), /the route threw: oh/],
  ['rejects with what cannot be a text', () => Promise.reject(Object.create(null)), /the route threw: an object/],
  [
    'returns what throws when it is looked at',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    /the route threw: .*revoked/,
  ],
  ['returns nothing', () => undefined, /returned undefined/],
  ['promises a number', () => Promise.resolve(5), /returned 5/],
  ['returns an empty object', () => ({}), /without one of remote, noop and close/],
  ['returns several decisions', () => ({ noop: true, close: true }), /or with several of them/],
  ['returns a list', () => ['127.0.0.1:80'], /unknown key "0"/],
  ['misspells a key', () => ({ remote: 'h:1', repley: 'x' }), /did you mean "reply"/],
  ['returns a port as remote', () => ({ remote: 80 }), /returned 80 as remote/],
  ['returns a remote without a port', () => ({ remote: '127.0.0.1' }), /the port is missing/],
  ['returns a remote with a bad port', () => ({ remote: '127.0.0.1:99999' }), /bad port "99999"/],
  ['returns an empty remote', () => ({ remote: '' }), /the host is missing/],
  ['returns a relative socket', () => ({ remote: 'unix:app.sock' }), /is absolute/],
  ['returns an object as data', () => ({ remote: 'h:1', data: {} }), /an object as data/],
  ['returns a number as reply', () => ({ remote: 'h:1', reply: 1 }), /returned 1 as reply/],
  ['returns a number as close', () => ({ close: 1 }), /returned 1 as close/],
  ['returns a word as noop', () => ({ noop: 'yes' }), /returned "yes" as noop/],
  ['returns an unknown version', () => ({ remote: 'h:1', sendProxyProtocol: 3 }), /returned 3 as sendProxyProtocol/],
]

for (const [what, route, message] of nonsense) {
  test(`a route that ${what} closes that connection, with an error, and no other`, async (t) => {
    const echo = await named(t, 'x')
    const { connect, router } = await rig(t, ((data: Buffer) =>
      data.toString() === 'bad' ? route() : { remote: echo.address }) as Route)
    const errors: Error[] = []
    router.on('error', (error) => errors.push(error))
    const other = await connect()
    other.write('good')
    await other.until('x:good')
    const client = await connect()
    client.write('bad')
    assert.equal(await client.atEnd(), '')
    await eventually(() => errors.length === 1, 'the error')
    assert.match(errors[0]!.message, message)
    other.end('still')
    assert.equal(await other.atEnd(), 'still')
  })
}

test('an error that nobody listens to does no harm', async (t) => {
  const router = createTcpRouter(() => {
    throw new Error('oh')
  })
  t.after(() => router.close())
  const { port } = (await router.listen(0, '127.0.0.1')) as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.write('x')
  await within(new Promise((resolve) => socket.once('close', resolve)), 'the close')
})

test('a client that connects and leaves tells nothing', async (t) => {
  let calls = 0
  const { connect, told, summaries } = await rig(t, () => {
    calls++
    return { noop: true }
  })
  const client = await connect()
  client.end()
  await client.atClose()
  const breaking = await connect()
  breaking.write('some')
  await eventually(() => calls === 1, 'the route')
  ;(breaking.socket as Socket).resetAndDestroy()
  await eventually(() => summaries.length === 2, 'both ends')
  assert.deepEqual(told, [])
})

test('an address that is taken rejects, and nothing is left of it', async (t) => {
  const taken = await server(t, () => {})
  const { router } = await rig(t, () => ({ noop: true }))
  await assert.rejects(router.listen(taken.port, '127.0.0.1'), { code: 'EADDRINUSE' })
  await within(router.close(), 'the router to close')
})
