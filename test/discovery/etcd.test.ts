import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegistryDecision } from '#lib/discovery/registry.js'
import { RegistryError } from '#lib/discovery/registry.js'
import { Etcd, noEtcd } from '../support/etcd.js'
import { connect, registryAt, soon } from './etcd-rig.js'

const skip = noEtcd

test('what one writes the other knows within a second, and nothing of other prefixes', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.ctl('put', 'p/old', 'there before')
  await etcd.ctl('put', 'p0', 'of another')
  await etcd.ctl('put', 'pp/x', 'of another')
  const url = `etcd://127.0.0.1:${etcd.port}/p`
  const [one, other] = [await connect(t, url), await connect(t, url)]
  assert.deepEqual(one.values(), { old: 'there before' })
  const heard: (readonly string[])[] = []
  other.registry.watch((keys) => heard.push(keys))
  assert.equal(await one.registry.update('a', () => ({ value: 'ä 1' })), true)
  assert.deepEqual(one.values(), { old: 'there before', a: 'ä 1' })
  await soon(() => other.values().a === 'ä 1', 'the key', 1_000)
  assert.equal(await other.registry.update('a', () => ({ value: undefined })), true)
  assert.deepEqual(other.values(), { old: 'there before' })
  await soon(() => one.values().a === undefined, 'its end', 1_000)
  assert.deepEqual(heard, [['a'], ['a']])
  // What is as wanted is not written.
  assert.equal(await one.registry.update('old', () => ({ value: 'there before' })), false)
  assert.equal(await one.registry.update('none', () => ({ value: undefined })), false)
  assert.equal(await one.registry.update('old', () => undefined), false)
  const refusal = new Error('no')
  await assert.rejects(
    one.registry.update('old', () => {
      throw refusal
    }),
    refusal,
  )
})

test('nobody loses a write of another', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const url = `etcd://127.0.0.1:${etcd.port}/p`
  const writers = await Promise.all(Array.from({ length: 5 }, () => connect(t, url)))
  const increment: RegistryDecision = (before) => ({ value: String(Number(before?.value ?? 0) + 1) })
  await Promise.all(
    writers.map(async ({ registry }) => {
      for (let i = 0; i < 20; i++) assert.equal(await registry.update('count', increment), true)
    }),
  )
  for (const { values } of writers) await soon(() => values().count === '100', 'all of the counts', 1_000)
})

test('what has a lease leaves with it, and stays as long as it is renewed', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const url = `etcd://127.0.0.1:${etcd.port}/p`
  const [one, other] = [await connect(t, url), await connect(t, url)]
  await one.registry.update('kept', () => ({ value: 'k', lease: 2 }))
  await one.registry.update('left', () => ({ value: 'l', lease: 2 }))
  await one.registry.update('loose', () => ({ value: 'o', lease: 2 }))
  await etcd.ctl('put', '--lease', await etcd.lease(2), 'p/theirs', 't')
  assert.deepEqual([one.registry.entries.get('kept')?.leased, await one.registry.renew('kept', 3)], [true, false])
  // A new value keeps the lease, or takes it away.
  await other.registry.update('left', () => ({ value: 'changed', lease: 'keep' }))
  await other.registry.update('loose', (before) => ({ value: before!.value }))
  assert.equal(await other.registry.renew('loose', 2), false)
  assert.equal(await other.registry.renew('nothing', 2), false)
  const begin = performance.now()
  // Either of them may.
  for (let i = 0; performance.now() - begin < 5_000; i++) {
    assert.equal(await (i % 2 === 0 ? one : other).registry.renew('kept', 2), true)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  for (const { values } of [one, other]) assert.deepEqual(values(), { kept: 'k', loose: 'o' })
  await soon(() => one.values().kept === undefined && other.values().kept === undefined, 'the end of the lease', 8_000)
})

test('killed and started again: what was known stays, writes are refused, and it catches up', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.ctl('put', 'p/a', '1')
  const { registry, log, values } = await connect(t, `etcd://127.0.0.1:${etcd.port}/p`)
  const told: (readonly string[])[] = []
  registry.watch((keys) => told.push(keys))
  await etcd.kill()
  await soon(() => !registry.state.connected, 'the loss', 2_000)
  assert.match(registry.state.reason, new RegExp(`^127.0.0.1:${etcd.port}`))
  assert.deepEqual([values(), told], [{ a: '1' }, []])
  await assert.rejects(
    registry.update('b', () => ({ value: '2' })),
    (error) => error instanceof RegistryError && /out of reach: 127/.test(error.message),
  )
  await assert.rejects(registry.renew('a', 2), RegistryError)
  await etcd.start()
  await soon(() => registry.state.connected, 'the way back', 8_000)
  assert.deepEqual([values(), told], [{ a: '1' }, []])
  await etcd.ctl('put', 'p/a', '2')
  await soon(() => values().a === '2', 'the next change', 1_000)
  assert.equal(log.filter((line) => line.includes('goes on with what is known')).length, 1, log.join('\n'))
  assert.equal(log.filter((line) => line.endsWith('connected')).length, 2)
})

test('frozen: it is noticed, a write fails in time, and all goes on when it thaws', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.ctl('put', 'p/a', '1')
  const { registry, values } = await connect(t, `etcd://127.0.0.1:${etcd.port}/p`)
  await etcd.freeze()
  const begin = performance.now()
  await assert.rejects(
    registry.update('a', () => ({ value: '2' })),
    /did not answer in time/,
  )
  assert.ok(performance.now() - begin < 8_000)
  await soon(() => !registry.state.connected, 'the loss', 10_000)
  assert.deepEqual(values(), { a: '1' })
  etcd.thaw()
  await soon(() => registry.state.connected, 'the way back', 15_000)
  await registry.update('a', () => ({ value: '3' }))
  assert.deepEqual(values(), { a: '3' })
})

test('started before etcd: it says so, and connects when it is there', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  await etcd.kill()
  const { registry, log } = await registryAt(t, `etcd://127.0.0.1:${etcd.port}/p`)
  assert.deepEqual([registry.state.connected, registry.state.reason], [false, 'not connected yet'])
  await registry.start()
  assert.match(registry.state.reason, /ECONNREFUSED/)
  assert.match(log.join('\n'), /^registry etcd:\/\/127.0.0.1:\d+\/p: 127.0.0.1:\d+: connect ECONNREFUSED/)
  await etcd.start()
  await soon(() => registry.state.connected, 'the connection', 8_000)
})

test('it comes back without its data: what was known stays until something is written', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  for (const name of ['a', 'b', 'c']) await etcd.ctl('put', `p/${name}`, name)
  const { registry, log, values } = await connect(t, `etcd://127.0.0.1:${etcd.port}/p`)
  await etcd.kill()
  await soon(() => !registry.state.connected, 'the loss', 2_000)
  etcd.wipe()
  await etcd.start()
  await soon(() => registry.state.reason.includes('without what was stored'), 'the finding', 8_000)
  assert.equal(registry.state.connected, false)
  assert.deepEqual(values(), { a: 'a', b: 'b', c: 'c' })
  await assert.rejects(
    registry.update('a', () => ({ value: '' })),
    RegistryError,
  )
  await etcd.ctl('put', 'p/d', 'd')
  await soon(() => registry.state.connected, 'the connection', 1_000)
  assert.deepEqual(values(), { d: 'd' })
  assert.equal(log.filter((line) => line.includes('without what was stored')).length, 1)
  // An end that is told is an end.
  await etcd.ctl('del', '--prefix', 'p/')
  await soon(() => registry.entries.size === 0, 'the end of all', 1_000)
  assert.equal(registry.state.connected, true)
})

test('three members: it goes to another one when its own ends, and refuses writes without a majority', {
  skip,
}, async (t) => {
  const members = await Etcd.startThree(t)
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const { registry, values } = await connect(t, `etcd://${hosts}/p`)
  await registry.update('a', () => ({ value: '1' }))
  await members[0]!.kill()
  await soon(() => !registry.state.connected, 'the loss', 2_000)
  await soon(() => registry.state.connected, 'another member', 10_000)
  await registry.update('a', () => ({ value: '2' }))
  await members[2]!.kill()
  // The member that is left is asked, and has no leader.
  await soon(() => !registry.state.connected, 'the loss of the majority', 15_000)
  await assert.rejects(
    registry.update('a', () => ({ value: '3' })),
    RegistryError,
  )
  assert.deepEqual(values(), { a: '2' })
  await Promise.all([members[0]!.start(), members[2]!.start()])
  await soon(() => registry.state.connected, 'the majority', 20_000)
  await registry.update('a', () => ({ value: '4' }))
  assert.deepEqual(values(), { a: '4' })
})

test('close leaves nothing, whether connected or not, and as often as it is called', { skip }, async (t) => {
  const etcd = await Etcd.start(t)
  const handles = (): string[] => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|DNS/.test(name))
  const before = handles().length
  const { registry } = await connect(t, `etcd://127.0.0.1:${etcd.port}/p`)
  const pending = registry.update('a', () => ({ value: '1' })).catch((error: unknown) => error)
  await Promise.all([registry.close(), registry.close()])
  await pending
  await soon(() => handles().length <= before, 'the end of all handles', 2_000)
  await assert.rejects(
    registry.update('a', () => ({ value: '2' })),
    /it is closed/,
  )
  await etcd.kill()
  const other = (await registryAt(t, `etcd://127.0.0.1:${etcd.port}/p`)).registry
  await other.start()
  await other.close()
  await soon(() => handles().length <= before, 'the end of the other', 2_000)
})
