import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Durations } from '#lib/pool/durations.js'
import { eventually, Wire, within } from '../support/wire.js'
import { type Json, type Managed, managed } from './support.js'

interface Sent {
  readonly name: string
  readonly data: Json
}

/** A client of `/events`, past the head of the answer. */
async function listen(
  t: TestContext,
  api: Managed,
): Promise<{ wire: Wire; next(): Promise<Sent>; line(): Promise<string> }> {
  const wire = await Wire.connect(api.port)
  t.after(() => wire.destroy())
  wire.write('GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
  const head = await wire.head()
  assert.deepEqual(
    [head.status, head.field('content-type'), head.field('cache-control')],
    [200, 'text/event-stream', 'no-store'],
  )
  let text = ''
  const line = async (): Promise<string> => {
    while (!text.includes('\n\n')) {
      const size = Number.parseInt(await wire.until('\r\n'), 16)
      text += (await wire.bytes(size)).toString()
      await wire.bytes(2)
    }
    const end = text.indexOf('\n\n') + 2
    const taken = text.slice(0, end)
    text = text.slice(end)
    return taken
  }
  const next = async (): Promise<Sent> => {
    const event = await line()
    const [, name, data] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(event) ?? assert.fail(`no event: ${event}`)
    return { name: name!, data: JSON.parse(data!) }
  }
  assert.equal(await line(), 'retry: 2000\n\n')
  return { wire, next, line }
}

test('a client is told how things stand, then once a second what happened', async (t) => {
  const api = await managed(t)
  const { next } = await listen(t, api)
  const servers = await next()
  assert.deepEqual([servers.name, servers.data], ['servers', (await api.call('GET', '/servers')).json])
  const first = await next()
  assert.deepEqual(
    [first.name, first.data.interval, first.data.requestsPerSecond, first.data.at],
    ['stats', 0, 0, '2024-01-01T00:00:00.000Z'],
  )
  for (const [status, milliseconds] of [
    [200, 4],
    [204, 4],
    [404, 4],
    [502, 4],
    [0, 4],
  ] as const) {
    api.control.record('web', '10.0.0.1:80', status, milliseconds)
  }
  api.control.active = 2
  api.control.at('web', '10.0.0.1:80').connections = 1
  api.clock.advance(1_000)
  const { name, data } = await next()
  const latency = { p50: 3.41, p90: 3.88, p99: 3.99 }
  const none = { p50: null, p90: null, p99: null }
  assert.deepEqual(
    [name, data],
    [
      'stats',
      {
        at: '2024-01-01T00:00:01.000Z',
        interval: 1,
        active: 2,
        client: { success: 3, failed: 2 },
        server: { success: 3, failed: 2 },
        requestsPerSecond: 5,
        errorsPerSecond: 2,
        latency,
        processes: [{ pid: 4711, started: '2024-01-01T00:00:00.000Z', memory: 50_000_000, cpu: 1.5 }],
        pools: [
          {
            name: 'web',
            balancer: 'Round-Robin',
            queued: 0,
            requestsPerSecond: 5,
            errorsPerSecond: 2,
            latency,
            servers: [
              { id: 'http://10.0.0.1:80', connections: 1, requestsPerSecond: 5, failuresPerSecond: 2, latency },
              { id: 'http://10.0.0.2:80', connections: 0, requestsPerSecond: 0, failuresPerSecond: 0, latency: none },
            ],
          },
        ],
      },
    ],
  )
  api.clock.advance(1_000)
  const quiet = await next()
  assert.deepEqual([quiet.data.requestsPerSecond, quiet.data.latency, quiet.data.client.success], [0, none, 3])
})

test('a change of state is told at once, with the servers after it', async (t) => {
  const api = await managed(t)
  const { next } = await listen(t, api)
  await next()
  await next()
  api.clock.advance(300)
  api.control.setState('web', '10.0.0.2:80', 'offline', 'connection refused')
  assert.deepEqual(await next(), {
    name: 'state',
    data: {
      pool: 'web',
      server: 'http://10.0.0.2:80',
      from: 'up',
      to: 'offline',
      reason: 'connection refused',
      at: '2024-01-01T00:00:00.300Z',
    },
  })
  const { name, data } = await next()
  assert.deepEqual([name, data.servers.map((each: Json) => each.state)], ['servers', ['up', 'offline']])
})

test('servers that come, go or change weight are told within a second; a mere count is not', async (t) => {
  const api = await managed(t)
  const { next } = await listen(t, api)
  await next()
  await next()
  const changes: [() => unknown, expected: unknown[]][] = [
    [() => api.call('POST', '/servers', { body: { url: '10.0.0.3:80' } }), [1, 1, 1]],
    [() => api.call('PATCH', '/servers/10.0.0.3/80', { body: { weight: 9 } }), [1, 1, 9]],
    [() => api.call('DELETE', '/servers/10.0.0.3/80'), [1, 1]],
  ]
  for (const [change, expected] of changes) {
    await change()
    api.clock.advance(1_000)
    const { name, data } = await next()
    assert.deepEqual([name, data.servers?.map((each: Json) => each.weight)], ['servers', expected])
    assert.equal((await next()).name, 'stats')
  }
  api.control.at('web', '10.0.0.1:80').connections = 17
  api.clock.advance(1_000)
  assert.equal((await next()).name, 'stats')
})

test('snapshots are taken one after the other, and none is asked for twice while one is under way', async (t) => {
  const api = await managed(t)
  const { next } = await listen(t, api)
  await next()
  await next()
  const { control } = api
  const before = control.snapshots
  const snapshot = control.snapshot.bind(control)
  let release = (): void => {}
  control.snapshot = async () => {
    const taken = await snapshot()
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return taken
  }
  for (const state of ['down', 'up', 'draining', 'disabled'] as const) {
    control.setState('web', '10.0.0.1:80', state, 'test')
    assert.equal((await next()).data.to, state)
  }
  assert.equal(control.snapshots, before + 1)
  release()
  assert.equal((await next()).data.servers[0].state, 'down')
  await eventually(() => control.snapshots === before + 2, 'the second snapshot')
  await new Promise((resolve) => setImmediate(resolve))
  release()
  assert.equal((await next()).data.servers[0].state, 'disabled')
  assert.equal(control.snapshots, before + 2)
})

test('all clients share a timer, a watch and a snapshot a second; without clients there is none', async (t) => {
  const api = await managed(t)
  assert.deepEqual([api.clock.pending, api.control.watchers, api.control.snapshots], [0, 0, 0])
  const clients = [await listen(t, api), await listen(t, api), await listen(t, api)]
  for (const { next } of clients) {
    assert.equal((await next()).name, 'servers')
    assert.deepEqual((await next()).data.interval, 0)
  }
  assert.deepEqual([api.clock.pending, api.control.watchers], [1, 1])
  const before = api.control.snapshots
  api.clock.advance(1_000)
  for (const { next } of clients) assert.equal((await next()).data.interval, 1)
  assert.equal(api.control.snapshots, before + 1)
  for (const { wire } of clients) wire.destroy()
  await eventually(() => api.control.watchers === 0, 'the end of the watch')
  assert.equal(api.clock.pending, 0)
  // The next client starts anew: counts from before it came are no traffic of its first second.
  for (let i = 0; i < 100; i++) api.control.record('web', '10.0.0.1:80', 200, 1)
  const late = await listen(t, api)
  await late.next()
  assert.equal((await late.next()).data.requestsPerSecond, 0)
  api.clock.advance(1_000)
  assert.equal((await late.next()).data.requestsPerSecond, 0)
})

test('counts that shrink, and servers that are new, make no false rates', async (t) => {
  const api = await managed(t)
  for (let i = 0; i < 10; i++) api.control.record('web', '10.0.0.1:80', 200, 1)
  const { next } = await listen(t, api)
  await next()
  await next()
  const pool = api.control.pools.get('web')!
  pool.requests[2] = 4
  Object.assign(pool, { duration: new Durations() })
  pool.duration.observe(4)
  Object.assign(pool.servers[0]!, { success: 4 })
  api.control.pools.set('other', pool)
  api.clock.advance(1_000)
  assert.equal((await next()).name, 'servers')
  const { data } = await next()
  assert.deepEqual([data.requestsPerSecond, data.latency], [0, { p50: null, p90: null, p99: null }])
  for (const pool of data.pools) {
    for (const server of pool.servers) assert.equal(server.requestsPerSecond, 0, `${pool.name} ${server.id}`)
  }
})

test('a comment every 15 s keeps a silent stream alive', async (t) => {
  const api = await managed(t)
  const { next, line } = await listen(t, api)
  await next()
  await next()
  api.control.snapshotError = new Error('no answer')
  for (let i = 0; i < 3; i++) {
    for (let second = 0; second < 15; second++) {
      api.clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(await line(), ': keep-alive\n\n')
  }
  assert.deepEqual(api.log, ['management: no snapshot for the event streams: Error: no answer'])
  api.control.snapshotError = undefined
  api.clock.advance(1_000)
  assert.equal((await next()).name, 'stats')
})

test('a client that does not read is cut, and the others are not', async (t) => {
  const api = await managed(t)
  const good = await listen(t, api)
  await good.next()
  await good.next()
  const slow = connect({ port: api.port, host: '127.0.0.1' })
  t.after(() => slow.destroy())
  slow.on('error', () => {})
  await once(slow, 'connect')
  slow.pause()
  slow.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const cut = 'management: an event stream is cut, since its client does not read'
  // A long reason fills the buffers of both ends sooner.
  const reason = 'x'.repeat(300_000)
  for (let i = 0; i < 200 && !api.log.includes(cut); i++) {
    api.control.setState('web', '10.0.0.1:80', i % 2 === 0 ? 'offline' : 'up', reason)
    while ((await good.next()).name !== 'servers');
  }
  assert.deepEqual(api.log, [cut])
  api.clock.advance(1_000)
  assert.equal((await good.next()).name, 'stats')
  const closed = once(slow, 'close')
  slow.resume()
  await closed
})

test('close ends the streams, and waits no longer than two seconds for those who do not read', async (t) => {
  const api = await managed(t)
  const { wire, next } = await listen(t, api)
  await next()
  await next()
  await api.server.close()
  assert.equal(await wire.atEnd(), '0\r\n\r\n')
  assert.deepEqual([api.control.watchers, api.clock.pending], [0, 0])
})

test('behind the answer that ends its connection as the API closes nothing is answered', async (t) => {
  const api = await managed(t)
  const waiting: (() => void)[] = []
  api.control.reload = () => new Promise((resolve) => waiting.push(resolve))
  const wire = await Wire.connect(api.port)
  const call = (line: string): string => `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  wire.write(call('POST /reload'))
  await eventually(() => waiting.length === 1, 'the first call')
  const closed = api.server.close()
  // The last of the three tells that the one before it has arrived.
  wire.write(call('GET /events') + call('POST /reload'))
  await eventually(() => waiting.length === 2, 'the last call')
  for (const answer of waiting) answer()
  const answer = await wire.message()
  assert.deepEqual([answer.status, answer.field('connection')], [200, 'close'])
  assert.equal(await wire.atEnd(), '')
  await within(closed, 'the end of the API')
  assert.deepEqual([api.control.watchers, api.clock.pending], [0, 0])
})

test('close cuts a stream whose client does not read', async (t) => {
  const api = await managed(t)
  const slow = connect({ port: api.port, host: '127.0.0.1' })
  t.after(() => slow.destroy())
  slow.on('error', () => {})
  await once(slow, 'connect')
  slow.pause()
  slow.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => api.control.watchers === 1, 'the stream')
  // Without a snapshot there is this one event, far more than the buffers of the system hold.
  api.control.snapshotError = new Error('no answer')
  api.control.setState('web', '10.0.0.1:80', 'offline', 'x'.repeat(30_000_000))
  let done = false
  const closed = api.server.close().then(() => {
    done = true
  })
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(done, false)
  api.clock.advance(2_000)
  await closed
  assert.deepEqual([api.control.watchers, api.clock.pending], [0, 0])
})
