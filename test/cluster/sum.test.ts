import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunningSum, sumSnapshots } from '#lib/cluster/sum.js'
import type { ServerSnapshot, Snapshot } from '#lib/forward/control.js'
import { Durations } from '#lib/pool/durations.js'
import { serverSnapshot, snapshotOf } from './support.js'

function durations(...all: number[]): Durations {
  const counted = new Durations()
  for (const each of all) counted.observe(each)
  return counted
}

function processOf(pid: number, server: Partial<ServerSnapshot>, success = 0): Snapshot {
  return snapshotOf([serverSnapshot('s', server)], {
    active: 2,
    client: { success, failed: 1 },
    server: { success, failed: 3 },
    processes: [{ pid, started: 1, memory: 10, cpu: 0.5 }],
  })
}

function standing(manager: Partial<ServerSnapshot>, ...processes: Partial<ServerSnapshot>[]): unknown[] {
  const parts = processes.map((fields, i) => processOf(i, fields))
  const { state, reason, offlineUntil, since } = sumSnapshots(snapshotOf([serverSnapshot('s', manager)]), parts)
    .pools[0]!.servers[0]!
  return [state, reason, offlineUntil, since]
}

test('counts, durations, connections and queues are sums', () => {
  const parts = [1, 2].map((n) => {
    const snapshot = processOf(
      n,
      { connections: n, success: 10 * n, failed: n, consecutiveFailures: n, latency: durations(n).snapshot() },
      100 * n,
    )
    const pools = snapshot.pools.map((pool) => ({
      ...pool,
      queued: n,
      requests: [0, 0, n, 0, 0, n],
      retries: n,
      duration: durations(n, n).snapshot(),
    }))
    return { ...snapshot, pools }
  })
  const sum = sumSnapshots(snapshotOf([serverSnapshot('s')]), parts)
  assert.deepEqual([sum.active, sum.client, sum.server], [4, { success: 300, failed: 2 }, { success: 300, failed: 6 }])
  assert.deepEqual(
    sum.processes.map(({ pid }) => pid),
    [1, 2],
  )
  const pool = sum.pools[0]!
  assert.deepEqual([pool.queued, pool.requests, pool.retries], [3, [0, 0, 3, 0, 0, 3], 3])
  assert.deepEqual(pool.duration, durations(1, 1, 2, 2).snapshot())
  const server = pool.servers[0]!
  assert.deepEqual([server.connections, server.success, server.failed, server.consecutiveFailures], [3, 30, 3, 2])
  assert.deepEqual(server.latency, durations(1, 2).snapshot())
})

test('what is there, with weight, balancer and last check, is what the manager says', () => {
  const lastCheck = { at: 5, passed: true, result: '200', duration: 1 }
  const manager = snapshotOf([serverSnapshot('s', { weight: 7, lastCheck }), serverSnapshot('new')])
  const part = snapshotOf([serverSnapshot('s', { weight: 1 }), serverSnapshot('old', { success: 9 })])
  const [pool] = sumSnapshots(manager, [part]).pools
  assert.deepEqual(
    pool!.servers.map(({ id, weight, success }) => [id, weight, success]),
    [
      ['s', 7, 0],
      ['new', 1, 0],
    ],
  )
  assert.deepEqual(pool!.servers[0]!.lastCheck, lastCheck)
})

test('states: the manager first, then offline where one process says so, until the latest end of it', () => {
  assert.deepEqual(
    standing(
      {},
      { state: 'offline', reason: 'refused', offlineUntil: 100, since: 40 },
      { state: 'offline', reason: 'timeout', offlineUntil: 200, since: 50 },
      {},
    ),
    ['offline', 'timeout', 200, 40],
  )
  assert.deepEqual(
    standing(
      { state: 'down', reason: 'status 500', since: 9 },
      { state: 'offline', reason: 'refused', offlineUntil: 100 },
    ),
    ['down', 'status 500', null, 9],
  )
  assert.deepEqual(standing({ state: 'draining' }, { state: 'up' }), ['draining', '', null, null])
  assert.deepEqual(standing({ reason: 'enabled', since: 5 }, { reason: 'answered', since: 8 }, {}), [
    'up',
    'answered',
    null,
    8,
  ])
  assert.deepEqual(standing({}), ['up', '', null, null])
})

test('the last check of a worker is the latest of the processes, who check it themselves', () => {
  const checked = (at: number, passed: boolean): Snapshot =>
    snapshotOf([serverSnapshot('worker:api/1', { lastCheck: { at, passed, result: 'it answered', duration: 1 } })])
  const manager = snapshotOf([serverSnapshot('worker:api/1')])
  const [pool] = sumSnapshots(manager, [checked(5, true), checked(7, false), manager, checked(6, true)]).pools
  assert.deepEqual(pool!.servers[0]!.lastCheck, { at: 7, passed: false, result: 'it answered', duration: 1 })
})

test('what a process had counted stays counted when it ends; how it stood does not', () => {
  const running = new RunningSum()
  const manager = snapshotOf([serverSnapshot('s')])
  const last = processOf(
    1,
    { success: 5, connections: 3, state: 'offline', offlineUntil: 1, latency: durations(3) },
    50,
  )
  running.end(last)
  running.end(processOf(2, { success: 1, latency: durations(3) }, 4))
  for (let round = 0; round < 2; round++) {
    const sum = running.sum(manager, [processOf(3, { success: 10, connections: 1 }, 100)])
    const server = sum.pools[0]!.servers[0]!
    assert.deepEqual([sum.client.success, server.success, server.latency.count], [154, 16, 2])
    assert.deepEqual([sum.active, server.connections, server.state], [2, 1, 'up'])
    assert.deepEqual(
      sum.processes.map(({ pid }) => pid),
      [3],
    )
  }
  running.end(processOf(3, { success: 10 }, 100))
  assert.equal(running.sum(manager, []).client.success, 154)
})

test('servers that come and go leave nothing behind, and begin at zero', () => {
  const running = new RunningSum()
  running.end(processOf(1, { success: 5 }))
  assert.deepEqual(running.sum(snapshotOf([]), []).pools[0]!.servers, [])
  assert.equal(running.sum(snapshotOf([serverSnapshot('s')]), []).pools[0]!.servers[0]!.success, 0)
})
