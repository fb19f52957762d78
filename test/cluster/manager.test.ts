import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StateChange } from '#lib/forward/control.js'
import { eventually, within } from '../support/wire.js'
import { elapse, settle } from './passing.js'
import { FakeCluster, type FakeProcess, type StubControl } from './support.js'

const server = '10.0.0.1:80'
const add = { kind: 'add', url: server } as const

test('processes get the picture before they listen, and serve', async () => {
  const cluster = new FakeCluster()
  cluster.model.servers.set(server, 'up')
  const drained = { kind: 'server', server, state: 'draining' } as const
  await cluster.model.change(drained)
  await cluster.model.change(add)
  cluster.model.verdicts = [{ check: 'c', up: false, reason: '500', last: null }]
  const opening = cluster.open()
  for (const process of cluster.spawned) process.control.servers.set(server, 'up')
  const manager = await opening
  assert.equal(manager.ready, true)
  assert.deepEqual(
    manager.pids,
    cluster.spawned.map(({ pid }) => pid),
  )
  assert.deepEqual(manager.listening.urls, ['http://localhost:8080'])
  for (const process of cluster.spawned) {
    assert.equal(process.configuration, 'first')
    assert.deepEqual(process.control.applied, [drained, add])
    assert.deepEqual(process.control.seen, cluster.model.verdicts)
  }
  // The heartbeat.
  assert.equal(cluster.clock.pending, 1)
  await manager.stop(0)
  assert.equal(cluster.clock.pending, 0)
})

test('a process that cannot listen at the start ends it all, with its reason', async () => {
  const cluster = new FakeCluster()
  cluster.faults = { cannotListen: 'first' }
  await assert.rejects(cluster.open(), { name: 'RefusedError', message: 'the address is in use' })
  assert.deepEqual(cluster.living, [])
  assert.equal(cluster.spawned.length, 3)
})

test('so does one that dies, or says nothing', async () => {
  const dying = new FakeCluster()
  dying.faults = { diesAtStart: true }
  await assert.rejects(dying.open(), /process \d+ was ended by SIGSEGV before it served/)
  assert.deepEqual(dying.living, [])
  const silent = new FakeCluster()
  silent.faults = { silent: true }
  const opening = silent.open()
  silent.clock.advance(30_000)
  await assert.rejects(opening, /was not ready within 30 s before it served/)
  assert.deepEqual(silent.living, [])
})

test('a process of another version is not taken', async () => {
  const cluster = new FakeCluster()
  cluster.faults = { protocol: 99 }
  await assert.rejects(cluster.open(), /is of another version than the manager, which has to be started anew/)
})

test('a change is in force in every process when it resolves', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const slow = cluster.spawned[1]!
  slow.freeze()
  let resolved = false
  const change = manager.change(add).then((result) => {
    resolved = true
    return result
  })
  await settle()
  assert.equal(cluster.spawned[0]!.control.servers.has(server), true)
  assert.equal(resolved, false)
  slow.thaw()
  assert.deepEqual(await change, { changed: true, servers: [{ pool: 'a', server }] })
  assert.deepEqual(
    cluster.spawned.map(({ control }) => control.servers.get(server)),
    ['up', 'up', 'up'],
  )
  await manager.stop(0)
})

test('a refused change reaches nobody', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const before = cluster.spawned.map(({ told }) => told.length)
  await assert.rejects(manager.change({ kind: 'remove', server }), { name: 'ChangeError', code: 'not-found' })
  assert.deepEqual(
    cluster.spawned.map(({ told }) => told.length),
    before,
  )
  await manager.stop(0)
})

test('changes are made one after the other, in each process in the same order', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const urls = Array.from({ length: 5 }, (_, i) => `10.0.0.${i}:80`)
  cluster.spawned[2]!.freeze()
  const changes = urls.map((url) => manager.change({ kind: 'add', url }))
  await settle()
  assert.equal(cluster.model.applied.length, 1)
  cluster.spawned[2]!.thaw()
  await Promise.all(changes)
  for (const { control } of cluster.spawned) assert.deepEqual([...control.servers.keys()], urls)
  await manager.stop(0)
})

test('a process that dies during a change does not hold it up; its successor starts with the change', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  cluster.spawned[0]!.freeze()
  const change = manager.change(add)
  await settle()
  cluster.spawned[0]!.die('was ended by SIGKILL')
  await change
  await eventually(() => manager.pids.length === 3, 'the successor')
  assert.deepEqual(cluster.spawned[3]!.control.applied, [add])
  await manager.stop(0)
})

test('a process that does not answer a change within 10 s is killed and replaced', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const stuck = cluster.spawned[0]!
  stuck.freeze()
  const change = manager.change(add)
  await elapse(cluster, 9_999)
  assert.equal(stuck.alive, true)
  await elapse(cluster, 1)
  await change
  await eventually(() => !stuck.alive && manager.pids.length === 3, 'another process')
  assert.match(
    cluster.lines[0]!,
    /^error process \d+ was killed: no answer to "change" within 10000 ms; another one takes/,
  )
  await manager.stop(0)
})

test('a process that refuses what the manager took finishes its requests and is replaced', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  await manager.change(add)
  cluster.spawned[1]!.control.servers.clear()
  await manager.change({ kind: 'server', server, weight: 3 })
  await eventually(() => cluster.living.length === 3 && manager.pids.length === 3, 'another process')
  assert.match(cluster.lines[0]!, /refused a change that the manager took: no server/)
  assert.deepEqual(cluster.spawned[3]!.control.applied.length, 2)
  await manager.stop(0)
})

test('a drain: all processes at the same time, other changes meanwhile, and gone when the last one is done', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  await manager.change(add)
  const finish = cluster.spawned.map(({ control }) => {
    let over = (): void => {}
    control.drained = new Promise((resolve) => {
      over = resolve
    })
    return () => over()
  })
  const removal = manager.change({ kind: 'remove', server, drain: 30_000 })
  await eventually(() => cluster.spawned.every(({ control }) => control.servers.get(server) === 'draining'), 'drains')
  await manager.change({ kind: 'add', url: '10.0.0.2:80' })
  finish[0]!()
  finish[1]!()
  await settle()
  await elapse(cluster, 20_000)
  assert.equal(cluster.model.servers.get(server), 'draining')
  assert.equal((await manager.snapshot()).pools[0]!.servers.length, 2)
  cluster.spawned[0]!.die('was ended by SIGKILL')
  await eventually(() => manager.pids.length === 3, 'the successor')
  assert.equal(cluster.spawned[3]!.control.servers.get(server), 'draining')
  finish[2]!()
  assert.deepEqual(await removal, { changed: true, servers: [{ pool: 'a', server }] })
  for (const control of [cluster.model, ...cluster.living.map((process) => process.control)]) {
    assert.deepEqual([...control.servers.keys()], ['10.0.0.2:80'])
  }
  assert.equal(cluster.lines.filter((line) => line.startsWith('error')).length, 1)
  await assert.rejects(manager.change({ kind: 'remove', server, drain: 1 }), { code: 'not-found' })
  await manager.stop(0)
})

/** A cluster in which only the last process still has requests at a server that is about to be removed. */
async function leavingServer() {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  await manager.change(add)
  let over = (): void => {}
  const { control } = cluster.spawned[2]!
  control.drained = new Promise((resolve) => {
    over = resolve
  })
  const removal = manager.change({ kind: 'remove', server, drain: 30_000 })
  const there = () => cluster.living.map((process) => process.control.servers.get(server) ?? 'gone').join(' ')
  await eventually(() => there() === 'gone gone draining', 'the drains')
  return { cluster, manager, removal, there, over }
}

test('a removal that waits is done when somebody else removes the server meanwhile', async () => {
  const { cluster, manager, removal, there, over } = await leavingServer()
  await manager.change({ kind: 'remove', server })
  assert.equal(there(), 'gone gone gone')
  over()
  assert.deepEqual(await removal, { changed: true, servers: [{ pool: 'a', server }] })
  assert.deepEqual(cluster.lines, [`warn ${server} is draining, was up: asked for`])
  await manager.stop(0)
})

test('a server that is about to be removed stays when it is added again, and cannot come back otherwise', async () => {
  const { cluster, manager, removal, there, over } = await leavingServer()
  const up = { kind: 'server', server, state: 'up' } as const
  await assert.rejects(manager.change(up), { code: 'invalid', message: /is about to be removed; add it again/ })
  // Some processes do not have it any more, and are no worse for that.
  await manager.change({ kind: 'server', server, weight: 2 })
  assert.equal((await manager.change(add)).changed, true)
  assert.equal(there(), 'up up up')
  over()
  await removal
  assert.equal(there(), 'up up up')
  assert.equal(cluster.model.servers.get(server), 'up')
  await manager.change(up)
  assert.deepEqual([cluster.spawned.length, cluster.lines.filter((line) => line.startsWith('error'))], [3, []])
  await manager.stop(0)
})

test('two removals of one server that wait, and one whose server a reload has dropped', async () => {
  const { cluster, manager, removal, over } = await leavingServer()
  const second = manager.change({ kind: 'remove', server, drain: 60_000 })
  await settle()
  cluster.model.servers.delete(server)
  over()
  const done = { changed: true, servers: [{ pool: 'a', server }] }
  assert.deepEqual(await Promise.all([removal, second]), [done, done])
  assert.deepEqual([cluster.spawned.length, cluster.lines.filter((line) => line.startsWith('error'))], [3, []])
  // Nothing of it is left: it can be added, and be changed.
  await manager.change(add)
  await manager.change({ kind: 'server', server, state: 'disabled' })
  await manager.stop(0)
})

test('a verdict goes to every process at once, even while a change waits', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  cluster.spawned[2]!.freeze()
  const change = manager.change(add)
  const verdict = { check: 'c', up: false, reason: '500', last: null }
  cluster.model.check(verdict)
  await settle()
  assert.deepEqual(cluster.spawned[0]!.control.seen, [verdict])
  cluster.spawned[2]!.thaw()
  await change
  await settle()
  assert.deepEqual(cluster.spawned[2]!.control.seen, [verdict])
  await manager.stop(0)
})

test('a dead process is replaced: at once, then with delays, with one line each', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open({ processes: 1 })
  cluster.spawned[0]!.die('was ended by SIGKILL')
  assert.equal(manager.ready, false)
  assert.equal(cluster.spawned.length, 2)
  await eventually(() => manager.ready, 'the second process')
  cluster.spawned[1]!.die('ended with exit code 7')
  cluster.clock.advance(99)
  assert.equal(cluster.spawned.length, 2)
  cluster.clock.advance(1)
  assert.equal(cluster.spawned.length, 3)
  await eventually(() => manager.ready, 'the third process')
  await elapse(cluster, 10_000)
  cluster.spawned[2]!.die('was ended by SIGKILL')
  assert.equal(cluster.spawned.length, 4)
  const [first, second, third] = cluster.spawned.map(({ pid }) => pid)
  assert.deepEqual(cluster.lines, [
    `error process ${first} was ended by SIGKILL; another one takes its place at once`,
    `error process ${second} ended with exit code 7; another one takes its place in 0.1 s`,
    `error process ${third} was ended by SIGKILL; another one takes its place at once`,
  ])
  await manager.stop(0)
})

test('what a process finds offline is told once for all of them', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  const told: StateChange[] = []
  const stop = manager.watch((change) => void told.push(change))
  for (const { control } of cluster.spawned) control.setState(server, 'offline', 'refused')
  await settle()
  for (const { control } of cluster.spawned) control.setState(server, 'up', 'answered')
  await settle()
  assert.deepEqual(told, [
    { pool: 'a', server, from: 'up', to: 'offline', reason: 'refused' },
    { pool: 'a', server, from: 'offline', to: 'up', reason: 'answered' },
  ])
  assert.deepEqual(cluster.lines, [
    `warn ${server} is offline, was up: refused`,
    `info ${server} is up, was offline: answered`,
  ])
  stop()
  await manager.change(add)
  await manager.change({ kind: 'server', server, state: 'disabled' })
  await settle()
  assert.equal(told.length, 2)
  assert.deepEqual(cluster.lines.slice(2), [`warn ${server} is disabled, was up: asked for`])
  await manager.stop(0)
})

test('a snapshot sums all processes, does not wait for a busy one, and never goes backwards', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  await manager.change(add)
  cluster.spawned.forEach(({ control }, i) => {
    control.success = 10 * (i + 1)
  })
  assert.equal((await manager.snapshot()).client.success, 60)
  cluster.spawned[2]!.freeze()
  cluster.spawned[0]!.control.success = 11
  const waiting = manager.snapshot()
  await settle()
  cluster.clock.advance(500)
  assert.equal((await waiting).client.success, 61)
  cluster.spawned[1]!.die('was ended by SIGKILL')
  cluster.spawned[2]!.thaw()
  const after = await manager.snapshot()
  assert.equal(after.client.success, 61)
  assert.equal(after.pools[0]!.servers[0]!.success, 61)
  await manager.stop(0)
})

test('a reload goes from process to process, and then to the model', async () => {
  const cluster = new FakeCluster()
  const order: string[] = []
  const manager = await cluster.open({
    read: async () => ({
      configuration: 'second',
      commit: async ({ urls }) => {
        order.push(...cluster.spawned.map(({ configuration }) => String(configuration)), ...urls)
      },
    }),
  })
  cluster.spawned[1]!.freeze()
  const reload = manager.reload()
  await settle()
  assert.deepEqual(
    cluster.spawned.map(({ configuration }) => configuration),
    ['second', 'first', 'first'],
  )
  cluster.spawned[1]!.thaw()
  await reload
  assert.deepEqual(order, ['second', 'second', 'second', 'http://localhost:8080'])
  cluster.spawned[0]!.die('was ended by SIGKILL')
  await eventually(() => manager.pids.length === 3, 'the successor')
  assert.equal(cluster.spawned[3]!.configuration, 'second')
  await manager.stop(0)
})

test('where one process cannot take a configuration, those that have taken it go back', async () => {
  const cluster = new FakeCluster()
  let committed = false
  const opening = cluster.open({
    read: async () => ({
      configuration: 'second',
      commit: async () => {
        committed = true
      },
    }),
  })
  const manager = await opening
  await manager.change(add)
  cluster.faults = { cannotListen: 'second' }
  cluster.spawned[2]!.die('was ended by SIGKILL')
  await eventually(() => manager.pids.length === 3, 'the one that cannot')
  await assert.rejects(manager.reload(), { name: 'RefusedError', message: 'the address is in use' })
  assert.equal(committed, false)
  assert.deepEqual(
    cluster.living.map(({ configuration }) => configuration),
    ['first', 'first', 'first'],
  )
  // With what was changed since the start, which the other configuration may have dropped.
  for (const { control } of cluster.living) assert.equal(control.servers.has(server), true)
  cluster.faults = {}
  cluster.living[0]!.die('was ended by SIGKILL')
  await eventually(() => manager.pids.length === 3, 'the successor')
  assert.equal(cluster.spawned.at(-1)!.configuration, 'first')
  await manager.stop(0)
})

test('a configuration that does not load reaches nobody; without a file there is nothing to reload', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open({
    read: async () => {
      throw new Error('bad line 3')
    },
  })
  await assert.rejects(manager.reload(), /bad line 3/)
  assert.deepEqual(
    cluster.spawned.map(({ told }) => told.includes('reload')),
    [false, false, false],
  )
  await manager.stop(0)
  const other = await new FakeCluster().open()
  await assert.rejects(other.reload(), { name: 'ChangeError', code: 'invalid' })
  await other.stop(0)
})

test('stop: not ready any more, all processes at the same time, nobody is replaced', async () => {
  const cluster = new FakeCluster()
  cluster.slowToClose = true
  const manager = await cluster.open()
  const stopped = manager.stop(5_000)
  assert.equal(manager.stop(1), stopped)
  assert.equal(manager.ready, false)
  await assert.rejects(manager.change(add), /about to stop/)
  await settle()
  for (const process of cluster.spawned) assert.equal(process.told.at(-1), 'stop')
  for (const process of cluster.spawned) process.finish()
  await within(stopped, 'the end')
  assert.deepEqual([cluster.living.length, cluster.spawned.length, cluster.clock.pending], [0, 3, 0])
  assert.deepEqual(cluster.lines, [])
})

test('a process that has not ended a second after its time is killed', async () => {
  const cluster = new FakeCluster()
  cluster.slowToClose = true
  const manager = await cluster.open()
  const stopped = manager.stop(5_000)
  await settle()
  cluster.spawned[0]!.finish()
  cluster.spawned[1]!.finish()
  cluster.clock.advance(5_999)
  await settle()
  assert.equal(cluster.living.length, 1)
  cluster.clock.advance(1)
  await within(stopped, 'the end')
  assert.match(cluster.lines[0]!, /^warn process \d+ had not ended after 6 s, and is killed$/)
})

test('stopping while a process is due to be started starts none', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open({ processes: 1 })
  cluster.spawned[0]!.die('was ended by SIGKILL')
  cluster.spawned[1]!.die('was ended by SIGKILL')
  // The heartbeat, and the start.
  assert.equal(cluster.clock.pending, 2)
  await within(manager.stop(1_000), 'the end')
  cluster.clock.advance(60_000)
  assert.equal(cluster.spawned.length, 2)
  assert.equal(cluster.clock.pending, 0)
})

test('what requests tell one process about a server the others hear, and those that begin later', async () => {
  const cluster = new FakeCluster()
  cluster.model.servers.set(server, 'up')
  const opening = cluster.open()
  for (const process of cluster.spawned) process.control.servers.set(server, 'up')
  const manager = await opening
  const told: string[] = []
  manager.watch(({ to, reason }) => told.push(`${to}: ${reason}`))
  const [first, second, third] = cluster.spawned
  const states = () => cluster.living.map(({ control }) => control.servers.get(server)).join(' ')
  second!.control.setState(server, 'offline', 'it refused')
  await eventually(() => states() === 'offline offline offline', 'all to leave it alone')
  first!.kill()
  await eventually(
    () => cluster.spawned.length === 4 && states() === 'offline offline offline',
    'the successor to know',
  )
  third!.control.setState(server, 'up', 'it answered a request')
  await eventually(() => states() === 'up up up', 'all to come back')
  assert.deepEqual(told, ['offline: it refused', 'up: it answered a request'])
  await manager.stop(0)
})

test('what requests told about a server that is gone those that begin later do not hear', async () => {
  const cluster = new FakeCluster()
  const manager = await cluster.open()
  await manager.change({ kind: 'add', url: 'http://a:80' })
  cluster.spawned[0]!.control.setState('http://a:80', 'offline', 'it refused')
  await settle()
  await manager.change({ kind: 'remove', server: 'http://a:80' })
  await manager.change({ kind: 'add', url: 'http://a:80' })
  cluster.spawned[0]!.die('was ended by SIGKILL')
  await settle()
  assert.equal(cluster.spawned.at(-1)!.control.servers.get('http://a:80'), 'up')
  await manager.stop(0)
})

const worker = (instance: string) => ({ service: 'api', instance, weight: 1 })

/** The servers that a source was last told to have. */
function told(control: StubControl): string {
  const last = control.applied.findLast((change) => change.kind === 'source')
  return last === undefined ? 'nothing' : last.servers.map(({ url }) => url).join(' ')
}

test('a worker is there, for all processes, as long as one of them has it', async () => {
  const cluster = new FakeCluster()
  cluster.model.sources = [{ id: 'worker:api', kind: 'worker', name: 'api', port: 0, scheme: 'worker' }]
  const manager = await cluster.open()
  const [first, second, third] = cluster.spawned as [FakeProcess, FakeProcess, FakeProcess]
  const everybody = () => [cluster.model, ...cluster.living.map(({ control }) => control)].map(told)
  first.dial([worker('b')])
  second.dial([worker('b'), worker('a'), { ...worker('x'), service: 'other' }])
  await settle()
  assert.deepEqual(everybody(), Array(4).fill('worker:api/a worker:api/b'))
  second.dial([worker('b')])
  await settle()
  assert.deepEqual(everybody(), Array(4).fill('worker:api/b'))
  first.die('was ended by SIGKILL')
  await settle()
  assert.deepEqual(new Set(everybody()), new Set(['worker:api/b']))
  second.die('was ended by SIGKILL')
  await settle()
  assert.equal(told(cluster.model), '')
  assert.equal(told(third.control), '')
  await manager.stop(0)
})

test('after a reload the workers are told of again: another service may be wanted', async () => {
  const cluster = new FakeCluster()
  const commit = async () => {
    cluster.model.sources = [{ id: 'worker:*', kind: 'worker', name: '*', port: 0, scheme: 'worker' }]
  }
  const manager = await cluster.open({ read: async () => ({ configuration: 'second', commit }) })
  cluster.spawned[0]!.dial([worker('a')])
  await settle()
  assert.equal(told(cluster.model), 'nothing')
  await manager.reload()
  assert.equal(told(cluster.model), 'worker:api/a')
  assert.equal(told(cluster.spawned[2]!.control), 'worker:api/a')
  await manager.stop(0)
})
