import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServingProcess } from '#lib/cluster/serving-process.js'
import { ManualClock } from '../support/clock.js'
import { eventually, within } from '../support/wire.js'
import { elapse, settle } from './passing.js'
import { FakeCluster, FakeProcess } from './support.js'

test('a process that hangs is killed after 10 s and replaced, though nobody asks for anything', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const hanging = cluster.spawned[1]!
  hanging.freeze()
  // It is asked for the first time after two seconds.
  await elapse(cluster, 11_999)
  assert.equal(hanging.alive, true)
  await elapse(cluster, 1)
  await eventually(() => !hanging.alive && manager.pids.length === 3, 'another process')
  assert.deepEqual(cluster.lines, [
    `error process ${hanging.pid} was killed: it has not answered for 10 s; another one takes its place at once`,
  ])
  await elapse(cluster, 60_000)
  assert.equal(cluster.spawned.length, 4)
  await manager.stop(0)
})

test('a process that is busy for some seconds again and again stays', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  for (let round = 0; round < 5; round++) {
    cluster.spawned[0]!.freeze()
    await elapse(cluster, 9_000)
    cluster.spawned[0]!.thaw()
    await settle()
  }
  assert.equal(cluster.spawned.length, 3)
  assert.deepEqual(cluster.lines, [])
  await manager.stop(0)
})

test('when the manager itself has stood still, nobody is killed for it', async () => {
  const clock = new ManualClock()
  const child = new FakeProcess({}, false, clock)
  const process = new ServingProcess(child, clock, { waiting: () => {}, gone: () => {} })
  await settle()
  await process.start({ configuration: 'first', changes: [], verdicts: [], experiences: [] })
  child.freeze()
  process.beat(2_000)
  // All timers are late, and what was asked before them is given up before its answer is read.
  clock.advance(60_000)
  await settle()
  process.beat(2_000)
  child.thaw()
  for (let beat = 0; beat < 10; beat++) {
    await settle()
    process.beat(2_000)
  }
  await settle()
  assert.equal(child.alive, true)
})

test('a process that is started meanwhile, and is slow, has the time that a start may take', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open({ processes: 1 })
  await elapse(cluster, 1_000)
  cluster.spawned[0]!.die('was ended by SIGKILL')
  cluster.spawned[1]!.freeze()
  await elapse(cluster, 9_000)
  assert.equal(cluster.spawned[1]!.alive, true)
  cluster.spawned[1]!.thaw()
  await eventually(() => manager.ready, 'the second process')
  await manager.stop(0)
})

test('a process that hangs while it finishes its requests does not stay for ever', async () => {
  const cluster = new FakeCluster()
  cluster.slowToClose = true
  const manager = await cluster.open()
  const server = '10.0.0.1:80'
  await manager.change({ kind: 'add', url: server })
  const refusing = cluster.spawned[0]!
  refusing.control.servers.clear()
  await manager.change({ kind: 'server', server, weight: 2 })
  await settle()
  await elapse(cluster, 20_000)
  assert.equal(refusing.alive, true)
  refusing.freeze()
  await elapse(cluster, 12_000)
  assert.equal(refusing.alive, false)
  assert.match(cluster.lines[1]!, /was killed: it has not answered for 10 s; another one takes its place/)
  const stopped = manager.stop(0)
  await settle()
  for (const process of cluster.living) process.finish()
  await within(stopped, 'the end')
})

test('what a process had counted two seconds before it died stays counted', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  cluster.spawned[0]!.control.success = 7
  await elapse(cluster, 2_000)
  cluster.spawned[0]!.die('was ended by SIGKILL')
  await eventually(() => manager.pids.length === 3, 'the successor')
  assert.equal((await manager.snapshot()).client.success, 7)
  await manager.stop(0)
})

test('it ends with the stop, which it does not hold up', async () => {
  const cluster = new FakeCluster()
  cluster.slowToClose = true
  const manager = await cluster.open()
  for (const process of cluster.spawned) process.freeze()
  await elapse(cluster, 3_000)
  const stopped = manager.stop(30_000)
  await elapse(cluster, 20_000)
  // They have the time of the stop, not that of the heartbeat.
  assert.equal(cluster.living.length, 3)
  for (const process of cluster.spawned) {
    process.thaw()
    await settle()
    process.finish()
  }
  await within(stopped, 'the end')
  assert.deepEqual([cluster.clock.pending, cluster.lines], [0, []])
})
