import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { type Change, ChangeError, type Control } from '#lib/forward/control.js'
import type { Rig } from '../support/rig.js'
import { configOf, startRig } from '../support/rig.js'
import { type Cleanup, httpServer } from '../support/upstream.js'
import { eventually } from '../support/wire.js'

/** A server that answers with its name. */
async function named(t: Cleanup, name: string): Promise<string> {
  const { url } = await httpServer(t, (_, res) => res.end(name))
  return url
}

/** The servers that so many requests reach, in order of their names. */
async function reached({ get }: Rig, count: number): Promise<string> {
  const names: string[] = []
  for (let i = 0; i < count; i++) names.push((await get()).body)
  return names.sort().join(' ')
}

const states = async ({ proxy }: Rig) => {
  const { pools } = await proxy.control.snapshot()
  return pools.flatMap(({ servers }) => servers.map(({ state }) => state)).join(' ')
}

async function refused(rig: Rig, change: Change, code: string, message: RegExp): Promise<void> {
  const before = JSON.stringify([(await rig.proxy.control.snapshot()).pools, rig.proxy.control.changes])
  await assert.rejects(rig.proxy.control.change(change), (error: unknown) => {
    assert.ok(error instanceof ChangeError)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
  assert.equal(JSON.stringify([(await rig.proxy.control.snapshot()).pools, rig.proxy.control.changes]), before)
}

/** Comes back when a request waits for a server of the first pool. */
async function untilQueued(control: Control): Promise<void> {
  let queued = 0
  await eventually(() => {
    void control.snapshot().then(({ pools }) => {
      queued = pools[0]!.queued
    })
    return queued === 1
  }, 'a request to wait')
}

test('a server is added, weighed, and removed', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await startRig(t, 'http1', { name: 'web', serverList: a })
  const { control } = rig.proxy
  assert.deepEqual(await control.change({ kind: 'add', url: `http://${b}/` }), {
    changed: true,
    servers: [{ pool: 'web', server: `http://${b}` }],
  })
  assert.equal(await reached(rig, 4), 'a a b b')
  assert.equal((await control.change({ kind: 'add', url: b, pool: 'web' })).changed, false)
  await control.change({ kind: 'server', server: b, weight: 3 })
  assert.equal(await reached(rig, 4), 'a b b b')
  await control.change({ kind: 'remove', server: a })
  assert.equal(await reached(rig, 2), 'b b')
  assert.deepEqual(
    (await control.snapshot()).pools[0]?.servers.map(({ id }) => id),
    [`http://${b}`],
  )
})

test('a pool that is empty makes its requests wait for its first server', async (t) => {
  const a = await named(t, 'a')
  const rig = await startRig(t, 'http1', { serverList: a })
  await rig.proxy.control.change({ kind: 'remove', server: a })
  const waiting = rig.get()
  await eventually(() => rig.proxy.pools[0]?.servers.length === 0, 'an empty pool')
  const queued = async () => (await rig.proxy.control.snapshot()).pools[0]?.queued
  while ((await queued()) !== 1) await new Promise(setImmediate)
  await rig.proxy.control.change({ kind: 'add', url: a })
  assert.equal((await waiting).body, 'a')

  await rig.proxy.control.change({ kind: 'remove', server: a })
  const late = rig.get()
  while ((await queued()) !== 1) await new Promise(setImmediate)
  rig.clock.advance(5000)
  assert.equal((await late).status, 503)
})

test('a server that is drained or disabled gets nothing, and comes back', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await startRig(t, 'http1', { serverList: [a, b] })
  const told: string[] = []
  rig.proxy.on('serverStateChange', ({ from, to, reason }) => told.push(`${from} ${to} ${reason}`))
  for (const state of ['draining', 'disabled'] as const) {
    await rig.proxy.control.change({ kind: 'server', server: a, state })
    assert.equal(await reached(rig, 3), 'b b b')
    assert.equal(await states(rig), `${state} up`)
  }
  await rig.proxy.control.change({ kind: 'server', server: a, state: 'up' })
  assert.equal(await reached(rig, 2), 'a b')
  assert.deepEqual(told, ['up draining by request', 'draining disabled by request', 'disabled up by request'])
  await rig.proxy.control.change({ kind: 'server', server: a, state: 'up' })
  assert.equal(told.length, 3)
})

/** A server whose answers stop half way until they are let go on. */
async function slow(t: Cleanup) {
  const answers: ServerResponse[] = []
  const { url } = await httpServer(t, (_, res) => {
    res.write('half ')
    answers.push(res)
  })
  return { url, answers }
}

test('a removal with time to drain waits for what is under way', async (t) => {
  const { url, answers } = await slow(t)
  const b = await named(t, 'b')
  const rig = await startRig(t, 'http1', { serverList: url, backupList: b })
  const download = rig.get()
  await eventually(() => answers.length === 1, 'the request to arrive')
  let over = false
  const removal = rig.proxy.control.change({ kind: 'remove', server: url, drain: 5000 }).then((result) => {
    over = true
    return result
  })
  assert.equal((await rig.get()).body, 'b')
  assert.equal(await states(rig), 'draining up')
  rig.clock.advance(4999)
  assert.equal(over, false)
  answers[0]?.end('whole')
  assert.equal((await download).body, 'half whole')
  assert.deepEqual((await removal).servers, [{ pool: 'entry 1', server: `http://${url}` }])
  assert.equal(await states(rig), 'up')
})

test('two removals of one server both end', async (t) => {
  const { url, answers } = await slow(t)
  const rig = await startRig(t, 'http1', { serverList: url })
  const download = rig.get()
  await eventually(() => answers.length === 1, 'the request to arrive')
  const removals = [5000, 9000].map((drain) => rig.proxy.control.change({ kind: 'remove', server: url, drain }))
  answers[0]?.end('whole')
  await download
  await Promise.all(removals)
  assert.equal(await states(rig), '')
})

test('what is still under way when the time to drain is over is cut', async (t) => {
  const { url, answers } = await slow(t)
  const rig = await startRig(t, 'http1', { serverList: [url, await named(t, 'b')], loadBalance: 'First-Alive' })
  const client = await rig.connect()
  client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await eventually(() => answers.length === 1, 'the request to arrive')
  await client.until('half ')
  const removal = rig.proxy.control.change({ kind: 'remove', server: url, drain: 5000 })
  const cut = once(client.socket, 'close')
  rig.clock.advance(5000)
  await removal
  await cut
  assert.equal(await states(rig), 'up')
})

test('a removal without time lets what is under way go on', async (t) => {
  const { url, answers } = await slow(t)
  const rig = await startRig(t, 'http1', { serverList: [url, await named(t, 'b')], loadBalance: 'First-Alive' })
  const download = rig.get()
  await eventually(() => answers.length === 1, 'the request to arrive')
  await rig.proxy.control.change({ kind: 'remove', server: url })
  assert.equal((await rig.get()).body, 'b')
  answers[0]?.end('whole')
  assert.equal((await download).body, 'half whole')
})

test('balancer and checks of a pool, and the check of a server', async (t) => {
  let health = 200
  const { url } = await httpServer(t, (req, res) => {
    res.statusCode = req.url === '/health' ? health : 200
    res.end('a')
  })
  const b = await named(t, 'b')
  const rig = await startRig(t, 'http1', { name: 'web', serverList: [url, b] })
  const { control } = rig.proxy
  await control.change({ kind: 'pool', pool: 'web', loadBalance: 'first alive' })
  assert.equal(await reached(rig, 3), 'a a a')
  assert.equal((await control.snapshot()).pools[0]?.balancer, 'First-Alive')
  health = 500
  await control.change({ kind: 'server', server: url, health: { path: '/health', interval: 1, fails: 1, passes: 1 } })
  rig.clock.advance(100)
  await eventually(() => rig.proxy.pools[0]?.servers[0]?.state === 'down', 'the server to be down')
  assert.equal(await reached(rig, 2), 'b b')
  const [server] = (await control.snapshot()).pools[0]?.servers ?? []
  assert.equal(server?.lastCheck?.result, 'it answered 500')
  assert.match(server?.reason ?? '', /a check failed: it answered 500/)
  await control.change({ kind: 'server', server: url, health: { path: false } })
  assert.equal(await reached(rig, 2), 'a a')
})

test('what makes no sense is refused with a reason, and changes nothing', async (t) => {
  const rig = await startRig(t, 'http1', [
    { name: 'web', match: '/web/*', serverList: '127.0.0.1:1' },
    { name: 'api', serverList: '127.0.0.1:2' },
  ])
  await refused(rig, { kind: 'add', url: '127.0.0.1:3' }, 'invalid', /there are 2 pools.*web, api/)
  await refused(rig, { kind: 'add', url: 'ftp://h', pool: 'web' }, 'invalid', /unknown scheme "ftp"/)
  await refused(rig, { kind: 'add', url: 'h', pool: 'wbe' }, 'not-found', /wbe.*web/)
  await refused(rig, { kind: 'add', url: 'h', pool: 'web', weight: 0 }, 'invalid', /bad weight 0/)
  await refused(rig, { kind: 'add', url: 'h', pool: 'web', health: { path: 'x' } }, 'invalid', /health\.path: "x"/)
  await refused(rig, { kind: 'remove', server: '127.0.0.1:9' }, 'not-found', /no server 127\.0\.0\.1:9 in any pool/)
  await refused(rig, { kind: 'remove', server: '127.0.0.1:1', pool: 'api' }, 'not-found', /in the pool api/)
  await refused(rig, { kind: 'server', server: '127.0.0.1:1', weight: 1.5 }, 'invalid', /bad weight/)
  await refused(rig, { kind: 'server', server: '127.0.0.1:1', health: { fails: 0 } }, 'invalid', /health\.fails/)
  await refused(
    rig,
    { kind: 'pool', pool: 'web', loadBalance: 'Round-Robbin' },
    'invalid',
    /did you mean "Round-Robin"/,
  )
  await assert.rejects(rig.proxy.control.reload(), /comes from no file/)
})

test('a pool that is reset is as the configuration has it now, and stays so', async (t) => {
  const a = await named(t, 'a')
  const entry = { name: 'web', serverList: a, healthCheck: '/written', healthInterval: 20 }
  const rig = await startRig(t, 'http1', entry)
  const { control } = rig.proxy
  const picture = async () => {
    const { balancer, health } = (await control.snapshot()).pools[0]!
    return [balancer, health?.path, health?.interval, health?.fails]
  }
  await control.change({ kind: 'pool', pool: 'web', loadBalance: 'naive', health: { path: '/set', fails: 7 } })
  assert.deepEqual(await picture(), ['Naive', '/set', 20_000, 7])
  await rig.proxy.reload(configOf('http1', { ...entry, loadBalance: 'Weighted', healthInterval: 40 }))
  assert.equal((await picture())[0], 'Naive')
  await control.change({ kind: 'pool', pool: 'web', health: { fails: 9 }, reset: true })
  assert.deepEqual(await picture(), ['Weighted', '/written', 40_000, 9])
  await control.change({ kind: 'pool', pool: 'web', reset: true })
  assert.deepEqual(await picture(), ['Weighted', '/written', 40_000, 3])
  assert.deepEqual(control.changes, [])
  await rig.proxy.reload(configOf('http1', entry))
  assert.deepEqual(await picture(), ['Round-Robin', '/written', 20_000, 3])
})

test('changes outlive a reload, and are the same in another process', async (t) => {
  const [a, b, c] = [await named(t, 'a'), await named(t, 'b'), await named(t, 'c')]
  const entry = { name: 'web', serverList: [a, b] }
  const rig = await startRig(t, 'http1', entry)
  const { control } = rig.proxy
  for (let i = 0; i < 3; i++) {
    await control.change({ kind: 'add', url: c, weight: 2 })
    await control.change({ kind: 'remove', server: c })
  }
  await control.change({ kind: 'add', url: c })
  await control.change({ kind: 'server', server: c, weight: 2 })
  await control.change({ kind: 'server', server: b, state: 'disabled' })
  await control.change({ kind: 'server', server: b, weight: 5 })
  await control.change({ kind: 'pool', pool: 'web', loadBalance: 'Weighted', health: { interval: 7 } })
  assert.equal(control.changes.length, 4)
  const picture = async ({ proxy }: { proxy: Rig['proxy'] }) =>
    (await proxy.control.snapshot()).pools.map(({ balancer, servers }) => [
      balancer,
      servers.map(({ id, weight, state }) => [id, weight, state]),
    ])
  const before = await picture(rig)
  await rig.proxy.reload(configOf('http1', entry))
  assert.deepEqual(await picture(rig), before)
  assert.equal(await reached(rig, 3), 'a c c')
  const other = await startRig(t, 'http1', entry)
  other.proxy.control.restore(JSON.parse(JSON.stringify(control.changes)))
  assert.deepEqual(await picture(other), before)
  // A pool that the configuration has no more takes its changes with it.
  await rig.proxy.reload(configOf('http1', { name: 'other', serverList: a }))
  assert.equal(await reached(rig, 2), 'a a')
})

test('counts: requests by their status, durations, retries, latencies', async (t) => {
  const { url } = await httpServer(t, (req, res) => {
    if (req.url === '/broken') req.socket.destroy()
    else {
      res.statusCode = req.url === '/missing' ? 404 : 200
      res.end()
    }
  })
  const rig = await startRig(t, 'http1', { name: 'web', serverList: url })
  for (const path of ['/', '/missing', '/', '/broken']) await rig.get(path)
  await rig.over(4)
  const { pools, active, client, processes } = await rig.proxy.control.snapshot()
  assert.deepEqual(pools[0]?.requests, [0, 0, 2, 0, 1, 1])
  assert.equal(pools[0]?.duration.count, 4)
  assert.equal(pools[0]?.servers[0]?.latency.count, 3)
  assert.equal(active, 0)
  assert.deepEqual(client, { success: 3, failed: 1 })
  assert.equal(processes[0]?.pid, process.pid)
  await rig.proxy.reload(configOf('http1', { name: 'web', serverList: url }))
  assert.equal((await rig.proxy.control.snapshot()).pools[0]?.duration.count, 4)
})

test('requests that wait for a first server go on waiting over a reload', async (t) => {
  const a = await named(t, 'a')
  const rig = await startRig(t, 'http1', { name: 'web', serverList: a })
  const { control } = rig.proxy
  await control.change({ kind: 'remove', server: a })
  const [waiting, leaving] = [rig.get(), await rig.connect()]
  leaving.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  const queued = async () => (await control.snapshot()).pools[0]?.queued
  while ((await queued()) !== 2) await new Promise(setImmediate)
  rig.clock.advance(3000)
  await rig.proxy.reload(configOf('http1', { name: 'web', serverList: a }))
  assert.equal(await queued(), 2)
  leaving.socket.destroy()
  while ((await queued()) !== 1) await new Promise(setImmediate)
  await control.change({ kind: 'add', url: a })
  assert.equal((await waiting).body, 'a')
  // The time that they had already waited counts.
  await control.change({ kind: 'remove', server: a })
  const late = rig.get()
  while ((await queued()) !== 1) await new Promise(setImmediate)
  rig.clock.advance(3000)
  await rig.proxy.reload(configOf('http1', { name: 'web', serverList: a }))
  rig.clock.advance(2000)
  assert.equal((await late).status, 503)
})

test('changes to entries without a label stay with what they match, wherever it stands', async (t) => {
  const [a, b, c] = [await named(t, 'a'), await named(t, 'b'), await named(t, 'c')]
  const entries = [
    { match: '/a/*', serverList: a },
    { match: '/*', serverList: [a, b] },
  ]
  const rig = await startRig(t, 'http1', entries)
  const { control } = rig.proxy
  await control.change({ kind: 'add', url: c, pool: 'entry 2' })
  await control.change({ kind: 'server', server: b, pool: 'entry 2', state: 'disabled' })
  await rig.get('/a/x')
  await rig.proxy.reload(configOf('http1', [{ match: '/new', serverList: a }, ...entries]))
  assert.deepEqual(
    (await control.snapshot()).pools.map(({ servers }) => servers.map(({ id, state }) => `${id} ${state}`)),
    [[`http://${a} up`], [`http://${a} up`], [`http://${a} up`, `http://${b} disabled`, `http://${c} up`]],
  )
  assert.deepEqual(
    (await control.snapshot()).pools.map(({ duration }) => duration.count),
    [0, 1, 0],
  )
  assert.deepEqual(
    control.changes.map((change) => change.pool),
    ['entry 3', 'entry 3'],
  )
})

test('checks are the same in another process, in whatever order they were changed', async (t) => {
  const a = await named(t, 'a')
  const entry = { name: 'web', serverList: a }
  const [one, other] = [await startRig(t, 'http1', entry), await startRig(t, 'http1', entry)]
  const { control } = one.proxy
  await control.change({ kind: 'server', server: a, health: { path: '/health' } })
  await control.change({ kind: 'pool', pool: 'web', health: { interval: '500ms', path: '/' } })
  await control.change({ kind: 'server', server: a, health: { fails: 7 } })
  other.proxy.control.restore(JSON.parse(JSON.stringify(control.changes)))
  const keys = (rig: Rig) => rig.proxy.control.verdicts.map(({ check }) => check)
  assert.equal(keys(one).length, 1)
  assert.deepEqual(keys(other), keys(one))
})

test('an answer that has not begun is cut with a 503, not with an answer that nobody gave', async (t) => {
  const { url } = await httpServer(t, () => {})
  const rig = await startRig(t, 'http1', { serverList: url })
  const answer = rig.get()
  await eventually(() => rig.proxy.pools[0]?.servers[0]?.connections === 1, 'the request to be under way')
  const removal = rig.proxy.control.change({ kind: 'remove', server: url, drain: 1000 })
  rig.clock.advance(1000)
  await removal
  assert.equal((await answer).status, 503)
  await rig.over(1)
  assert.deepEqual([rig.ends[0]?.status, rig.ends[0]?.error?.code], [503, 'ERR_CLOSED'])
})

test('a server that is enabled again begins slowly', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await startRig(t, 'http1', { serverList: [a, b], loadBalance: 'Weighted', slowStart: 30 })
  await rig.proxy.control.change({ kind: 'server', server: a, state: 'disabled' })
  await rig.proxy.control.change({ kind: 'server', server: a, state: 'up' })
  const names = await reached(rig, 11)
  assert.equal(names.split(' ').filter((name) => name === 'a').length, 1)
})

test('what a source tells is served, is told again after a reload, and cannot be removed by hand', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await startRig(t, 'http1', { name: 'web', serverList: 'dns:api.invalid:80' }, { discovers: false })
  const { control } = rig.proxy
  const waiting = rig.get()
  await untilQueued(control)
  await control.change({ kind: 'source', source: 'dns:http://api.invalid:80', servers: [{ url: a }] })
  assert.equal((await waiting).body, 'a')
  await control.change({
    kind: 'source',
    source: 'dns:http://api.invalid:80',
    servers: [{ url: a, weight: 2 }, { url: b }],
  })
  assert.equal(await reached(rig, 3), 'a a b')
  assert.deepEqual(
    (await control.snapshot()).pools[0]?.servers.map(({ id, source }) => [id, source]),
    [
      [`http://${a}`, 'dns:http://api.invalid:80'],
      [`http://${b}`, 'dns:http://api.invalid:80'],
    ],
  )
  await refused(
    rig,
    { kind: 'remove', server: a },
    'invalid',
    /comes from dns:\S+: take it out there, or set its state/,
  )
  await refused(rig, { kind: 'remove', server: a, drain: 5 }, 'invalid', /comes from dns:/)
  await control.change({ kind: 'server', server: a, state: 'disabled' })
  assert.equal(await reached(rig, 2), 'b b')

  await rig.proxy.reload(
    configOf('http1', { name: 'web', serverList: 'dns:api.invalid:80', loadBalance: 'First-Alive' }),
  )
  assert.equal(await reached(rig, 2), 'b b')
  assert.deepEqual(
    control.sources.map(({ id }) => id),
    ['dns:http://api.invalid:80'],
  )

  // A server that comes back is a new one.
  await control.change({ kind: 'source', source: 'dns:http://api.invalid:80', servers: [{ url: b }] })
  await control.change({ kind: 'source', source: 'dns:http://api.invalid:80', servers: [{ url: a }, { url: b }] })
  assert.equal(await reached(rig, 2), 'a a')

  await rig.proxy.reload(configOf('http1', { name: 'web', serverList: b }))
  assert.equal(await reached(rig, 2), 'b b')
})

test('a source that no pool names changes nothing; the registry needs no name', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await startRig(t, 'http1', { name: 'web', serverList: a })
  const { control } = rig.proxy
  await control.change({ kind: 'source', source: 'worker:api', servers: [{ url: b }] })
  assert.equal(await reached(rig, 2), 'a a')
  await control.change({
    kind: 'source',
    pool: 'web',
    source: 'registry',
    servers: [{ url: b }, { url: a, weight: 2 }],
  })
  assert.equal(await reached(rig, 3), 'a a b')
  await refused(
    rig,
    { kind: 'source', pool: 'web', source: 'registry', servers: [{ url: 'h:x' }] },
    'invalid',
    /bad port/,
  )
  await refused(rig, { kind: 'source', pool: 'none', source: 'registry', servers: [] }, 'not-found', /unknown pool/)
})

test('a worker is not added by hand', async (t) => {
  const rig = await startRig(t, 'http1', { name: 'web', serverList: 'dns:api.invalid:80' }, { discovers: false })
  await refused(rig, { kind: 'add', url: 'worker:api/1' }, 'invalid', /a worker joins by itself/)
})

test('a request that waits for a server at its limit is served by the servers that it began with, whatever a reload says', async (t) => {
  const [b, held] = [await named(t, 'b'), [] as ServerResponse[]]
  const { url: a } = await httpServer(t, (_, res) => void held.push(res))
  const rig = await startRig(t, 'http1', { name: 'web', serverList: a, maxConnections: 1 })
  const first = rig.get()
  await eventually(() => held.length === 1, 'the first request')
  const second = rig.get()
  await untilQueued(rig.proxy.control)
  await rig.proxy.reload(configOf('http1', { name: 'web', serverList: b }))
  held[0]!.end('a')
  await eventually(() => held.length === 2, 'the second request')
  held[1]!.end('a')
  assert.deepEqual([(await first).body, (await second).body], ['a', 'a'])
})

test('a request that waits for a worker goes on waiting over a reload, in the pool that takes its place', async (t) => {
  const a = await named(t, 'a')
  const entry = { name: 'web', serverList: 'dns:api.invalid:80' }
  const rig = await startRig(t, 'http1', entry, { discovers: false })
  const { control } = rig.proxy
  // It is known, and has not dialled in here yet.
  await control.change({ kind: 'source', source: 'dns:http://api.invalid:80', servers: [{ url: 'worker:api/1' }] })
  const waiting = rig.get()
  await untilQueued(control)
  await rig.proxy.reload(configOf('http1', entry))
  await control.change({ kind: 'source', source: 'dns:http://api.invalid:80', servers: [{ url: a }] })
  assert.equal((await waiting).body, 'a')
})
