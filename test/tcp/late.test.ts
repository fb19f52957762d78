import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createTcpPool, type Decision } from '#lib/tcp/index.js'
import { ManualClock } from '../support/clock.js'
import { named, type Rig, refusingPort, rig } from '../support/tcp.js'
import { eventually } from '../support/wire.js'

interface Answer {
  readonly shown: string
  readonly resolve: (decision: Decision) => void
  readonly reject: (error: Error) => void
}

/** A router whose route promises, and what it was asked. */
async function promising(t: TestContext, maxBuffer = 65_536): Promise<Rig & { asked: Answer[] }> {
  const asked: Answer[] = []
  const route = (data: Buffer): Promise<Decision> =>
    new Promise((resolve, reject) => asked.push({ shown: data.toString(), resolve, reject }))
  return { ...(await rig(t, route, { maxBuffer }, true)), asked }
}

test('what a promise decides after decisionTimeout counts for nothing', async (t) => {
  const echo = await named(t, 'x')
  const { connect, clock, asked, told, router } = await promising(t)
  const clients = [await connect(), await connect()]
  for (const client of clients) client.write('x')
  await eventually(() => asked.length === 2, 'both calls')
  clock.advance(30_000)
  for (const client of clients) await client.atEnd()
  asked[0]!.resolve({ remote: echo.address })
  asked[1]!.reject(new Error('too late'))
  await eventually(() => router.counts.current === 0, 'the end')
  // A connection that was begun now would be there before this one.
  const next = await connect()
  next.write('y')
  await eventually(() => asked.length === 3, 'the next call')
  asked[2]!.resolve({ remote: echo.address })
  await next.until('x:y')
  assert.equal(echo.accepted(), 1)
  assert.deepEqual(told, ['error ERR_TCP_DECISION_TIMEOUT', 'error ERR_TCP_DECISION_TIMEOUT'])
})

test('a client that has ended when a promise wants more is closed', async (t) => {
  const { connect, asked, connections, router, told } = await promising(t)
  const client = await connect()
  client.end('x')
  await eventually(() => connections[0]?.socket.readableEnded === true, 'the end of the client')
  asked[0]!.resolve({ noop: true })
  await client.atClose()
  await eventually(() => router.counts.current === 0, 'the end')
  assert.deepEqual(told, [])
})

test('maxBuffer bytes are not too many, and a client held back at them is read again', async (t) => {
  const echo = await named(t, 'x')
  const { connect, asked, connections } = await promising(t, 4)
  const client = await connect()
  client.write('abcd')
  await eventually(() => connections[0]?.socket.isPaused() === true, 'the client to be held back')
  asked[0]!.resolve({ noop: true })
  await eventually(() => connections[0]?.socket.isPaused() === false, 'the client to be read')
  client.write('e')
  await eventually(() => asked.length === 2, 'the second call')
  assert.equal(asked[1]!.shown, 'abcde')
  asked[1]!.resolve({ remote: echo.address })
  assert.equal(await client.until('e'), 'x:abcde')
})

test('no server is tried any more for a client that has left', async (t) => {
  const clock = new ManualClock()
  const pool = createTcpPool({ serverList: `127.0.0.1:${await refusingPort()}`, attemptsCount: 5 }, { clock })
  t.after(() => pool.close())
  const { connect, clock: time, router } = await rig(t, () => ({ remote: pool }), {}, true)
  const client = await connect()
  client.write('x')
  await eventually(() => pool.pool.members[0]!.server.health.consecutiveFailures === 1, 'the first try')
  ;(client.socket as Socket).resetAndDestroy()
  await eventually(() => router.counts.current === 0, 'the end of the client')
  time.advance(100)
  assert.equal(pool.servers[0]!.active, 0)
})
