import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createTcpPool, type TcpPoolConfig, type TcpRouterOptions } from '#lib/tcp/index.js'
import { ManualClock } from '../support/clock.js'
import { seededRandom } from '../support/random.js'
import { named, type Rig, refusingPort, rig, server } from '../support/tcp.js'
import { eventually, type Wire } from '../support/wire.js'

/** A pool with a clock of its own, and a router that sends everybody there. */
async function poolRig(t: TestContext, config: TcpPoolConfig, options: TcpRouterOptions = {}) {
  const clock = new ManualClock()
  const changes: string[] = []
  const pool = createTcpPool(config, {
    clock,
    random: seededRandom(1),
    onStateChange: ({ server: id, from, to }) => changes.push(`${id} ${from} ${to}`),
  })
  t.after(() => pool.close())
  const router = await rig(t, () => ({ remote: pool }), options)
  return { ...router, pool, clock, changes }
}

/** Connects, and tells which server answers; the connection stays open. */
async function open({ connect }: Rig): Promise<{ client: Wire; by: string }> {
  const client = await connect()
  client.write('!')
  return { client, by: (await client.until(':!')).replace(':!', '') }
}

/** Which server answers. */
async function ask(router: Rig): Promise<string> {
  const { client, by } = await open(router)
  client.end()
  await client.atClose()
  return by
}

async function askTimes(router: Rig, times: number): Promise<string> {
  const answers = []
  for (let i = 0; i < times; i++) answers.push(await ask(router))
  return answers.join(' ')
}

test('the balancers choose: in turn, by weight, by open connections', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const list = `${a.address} ${b.address}`
  assert.equal(await askTimes(await poolRig(t, { serverList: list }), 4), 'a b a b')
  const weighted = { serverList: `${a.address}*2 ${b.address}`, loadBalance: 'Weighted' }
  assert.equal(await askTimes(await poolRig(t, weighted), 6), 'a b a a b a')
  const least = await poolRig(t, { serverList: list, loadBalance: 'Least-Connections' })
  const first = await open(least)
  assert.equal(first.by, 'a')
  assert.equal(await askTimes(least, 3), 'b b b')
  assert.deepEqual(
    least.pool.servers.map(({ active }) => active),
    [1, 0],
  )
  const naive = await poolRig(t, { serverList: list, loadBalance: 'Naive' })
  assert.equal((await open(naive)).by, 'a')
  assert.equal(await askTimes(naive, 2), 'b b')
  const bySource = await poolRig(t, { serverList: list, loadBalance: 'Source-Hash' })
  const [one] = new Set((await askTimes(bySource, 5)).split(' '))
  assert.equal(await askTimes(bySource, 2), `${one} ${one}`)
})

test('a server that refuses is passed over, goes offline, and is tried again after its time', async (t) => {
  const port = await refusingPort()
  const b = await named(t, 'b')
  const dead = `tcp://127.0.0.1:${port}`
  const router = await poolRig(t, { serverList: `127.0.0.1:${port} ${b.address}`, offlineTimeOut: 60 })
  assert.equal(await askTimes(router, 4), 'b b b b')
  assert.deepEqual(router.changes, [`${dead} up offline`])
  assert.deepEqual(router.told, [])
  // Something else comes up there; nobody asks it before its time.
  const back = await server(
    t,
    (socket) => {
      socket.once('data', () => socket.end('a:!'))
      socket.on('end', () => socket.end())
    },
    port,
  )
  router.clock.advance(59_999)
  assert.equal(await askTimes(router, 3), 'b b b')
  assert.equal(back.accepted(), 0)
  router.clock.advance(1)
  const answers = await askTimes(router, 4)
  assert.equal(answers.split(' ').filter((by) => by === 'a').length, 2)
  assert.deepEqual(router.changes, [`${dead} up offline`, `${dead} offline up`])
})

test('with all servers down the client is kept for the retries, and one that comes up gets it', async (t) => {
  const [one, two] = [await refusingPort(), await refusingPort()]
  const config = { serverList: `127.0.0.1:${one} 127.0.0.1:${two}` }
  const failing = await poolRig(t, config, { connectRetries: 3, retryDelay: 5 })
  const client = await failing.connect()
  client.write('!')
  await client.atEnd()
  assert.equal(failing.told.length, 1)
  assert.match(failing.told[0]!, /^connectError tcp:\/\/127\.0\.0\.1:/)
  const patient = await poolRig(t, config, { connectRetries: 1000, retryDelay: 5 })
  const waiting = open(patient)
  await eventually(() => patient.changes.length === 2, 'both servers to be offline')
  await server(t, (socket) => void socket.once('data', () => socket.end('late:!')), one)
  assert.equal((await waiting).by, 'late')
})

test('servers that close without a byte, or are silent, fail; a client that leaves does not count', async (t) => {
  const useless = await server(
    t,
    (socket) => void socket.once('data', (data) => data.toString() === '?' && socket.end()),
  )
  const router = await poolRig(t, { serverList: useless.address }, { inactivityTimeout: 30 })
  const say = async (text: string): Promise<void> => {
    const client = await router.connect()
    if (text === '') client.end('.')
    else client.write(text)
    await client.atEnd()
    client.end()
    await client.atClose()
  }
  const leaver = await router.connect()
  leaver.write('.')
  await eventually(() => router.pool.servers[0]!.active === 1, 'the connection')
  leaver.destroy()
  await eventually(() => router.pool.servers[0]!.active === 0, 'its end')
  await say('?')
  assert.deepEqual(router.changes, [])
  await say('silence')
  assert.deepEqual(router.changes, [`tcp://${useless.address} up offline`])
})

test('a silent server that keeps its connections proves that it is up again', async (t) => {
  const port = await refusingPort()
  const clock = new ManualClock()
  const pool = createTcpPool({ serverList: `127.0.0.1:${port}`, attemptsCount: 1, offlineTimeOut: 1 }, { clock })
  t.after(() => pool.close())
  const router = await rig(t, () => ({ remote: pool }), { connectRetries: 0 }, true)
  const first = await router.connect()
  first.write('log line')
  await first.atEnd()
  assert.equal(pool.servers[0]!.state, 'offline')
  const sink = await server(t, (socket) => socket.resume(), port)
  clock.advance(1000)
  const second = await router.connect()
  second.write('log line')
  await eventually(() => sink.open.size === 1, 'the sink')
  await eventually(() => router.clock.pending > 0, 'the deadline')
  assert.equal(pool.servers[0]!.state, 'offline')
  router.clock.advance(1000)
  assert.equal(pool.servers[0]!.state, 'up')
})

test('MaxConnections makes clients wait for their turn', async (t) => {
  const a = await named(t, 'a')
  const router = await poolRig(t, { serverList: a.address, maxConnections: 1, queueLength: 1 }, { connectRetries: 0 })
  const { client } = await open(router)
  const second = open(router)
  await eventually(() => router.pool.pool.queue.size === 1, 'the second client to wait')
  const third = await router.connect()
  third.write('!')
  await third.atEnd()
  assert.equal(router.told.length, 1)
  client.end()
  assert.equal((await second).by, 'a')
  // One that leaves gives its place up.
  const fourth = await router.connect()
  fourth.write('!')
  await eventually(() => router.pool.pool.queue.size === 1, 'the fourth client to wait')
  ;(fourth.socket as Socket).resetAndDestroy()
  await eventually(() => router.pool.pool.queue.size === 0, 'its place to be free')
})

test('a client that has waited for QueueTimeout, or finds the queue full, is closed, whatever retries are left', async (t) => {
  const a = await named(t, 'a')
  const clock = new ManualClock()
  const pool = createTcpPool({ serverList: a.address, maxConnections: 1, queueLength: 1, queueTimeout: 3 }, { clock })
  t.after(() => pool.close())
  const router = await rig(t, () => ({ remote: pool }), {}, true)
  const errors: unknown[] = []
  router.router.on('connectError', (_, error) => errors.push((error as { code?: string }).code))
  const clients = []
  for (let at = 0; at < 3; at++) {
    const client = await router.connect()
    client.write('!')
    clients.push(client)
    await eventually(() => router.connections[at]?.socket.bytesRead === 1, 'its first byte')
  }
  await clients[2]!.atEnd()
  clock.advance(2_999)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(errors, ['ERR_QUEUE_FULL'])
  clock.advance(1)
  await clients[1]!.atEnd()
  assert.deepEqual(errors, ['ERR_QUEUE_FULL', 'ERR_QUEUE_TIMEOUT'])
  assert.equal(await clients[0]!.until('!'), 'a:!')
})

test('backups are used while no server of the list is', async (t) => {
  const backup = await named(t, 'backup')
  const config = { serverList: `127.0.0.1:${await refusingPort()}`, backupList: backup.address, attemptsCount: 1 }
  assert.equal(await askTimes(await poolRig(t, config), 3), 'backup backup backup')
})

test('active checks connect: a server that does not accept is down, and up again once it does', async (t) => {
  const port = await refusingPort()
  const b = await named(t, 'b')
  const config = {
    serverList: `127.0.0.1:${port} ${b.address}`,
    healthCheck: true,
    healthInterval: 10,
    healthFails: 2,
    healthPasses: 1,
  }
  const router = await poolRig(t, config)
  const id = `tcp://127.0.0.1:${port}`
  const state = (): string => router.pool.servers[0]!.state
  const last = () => router.pool.pool.members[0]!.check?.last
  router.clock.advance(1000)
  await eventually(() => last() !== null, 'the first check')
  assert.equal(state(), 'up')
  router.clock.advance(11_000)
  await eventually(() => state() === 'down', 'the second check')
  const back = await server(t, (socket) => socket.resume().on('end', () => socket.end()), port)
  router.clock.advance(11_000)
  await eventually(() => state() === 'up', 'the third check')
  assert.deepEqual(router.changes, [`${id} up down`, `${id} down up`])
  await eventually(() => back.open.size === 0, 'the check to leave nothing')
  router.pool.close()
  router.pool.close()
  assert.equal(router.clock.pending, 0)
})

test('options of pools are checked by name', () => {
  const make = (config: object) => () => createTcpPool(config as TcpPoolConfig)
  assert.throws(make({}), /serverList is missing/)
  assert.throws(make({ serverList: 'h' }), /serverList: the port is missing in "h"/)
  assert.throws(make({ serverList: 'http://h:80' }), /serverList: bad server address/)
  assert.throws(make({ serverList: 'h:1*0' }), /bad weight "0" in "h:1\*0"/)
  assert.throws(make({ serverList: 'h:1', loadBalance: 'Rond-Robin' }), /loadBalance: .*did you mean "Round-Robin"/)
  assert.throws(make({ serverList: 'h:1', offlineTimeout: 5 }), /did you mean "offlineTimeOut"/)
  assert.throws(make({ serverList: 'h:1', healthCheck: '/path' }), /healthCheck: .*neither On nor Off/)
  const pool = createTcpPool({ serverList: ['tcp://DB.example:5432*3', '[::1]:1', 'unix:/run/app.sock'] })
  assert.deepEqual(
    pool.servers.map(({ server: id, weight, state }) => [id, weight, state]),
    [
      ['tcp://db.example:5432', 3, 'up'],
      ['tcp://[::1]:1', 1, 'up'],
      ['unix:/run/app.sock', 1, 'up'],
    ],
  )
  pool.close()
})
