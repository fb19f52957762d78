import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, startRig } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'

test('a reload tells no change of state, and keeps since when each holds', async (t) => {
  const [{ url: a }, { url: b }] = [await httpServer(t, () => {}), await httpServer(t, () => {})]
  const entry = { name: 'web', serverList: [a, b] }
  const rig = await startRig(t, 'http1', entry)
  const { control } = rig.proxy
  const told: string[] = []
  rig.proxy.on('serverStateChange', ({ server, from, to }) => told.push(`${server} ${from} ${to}`))
  const picture = async () =>
    (await control.snapshot()).pools.flatMap(({ servers }) => servers.map(({ state, since }) => [state, since]))
  await control.change({ kind: 'server', server: a, state: 'disabled' })
  rig.clock.advance(1000)
  await control.change({ kind: 'server', server: b, state: 'draining' })
  await control.change({ kind: 'server', server: b, state: 'up' })
  const before = await picture()
  assert.equal(told.length, 3)
  rig.clock.advance(1000)
  await rig.proxy.reload(configOf('http1', entry))
  assert.deepEqual(await picture(), before)
  assert.equal(told.length, 3)
})

test('a server that was added, and then written into the file, is removed for good', async (t) => {
  const [{ url: a }, { url: b }] = [await httpServer(t, () => {}), await httpServer(t, () => {})]
  const rig = await startRig(t, 'http1', { name: 'web', serverList: a })
  const { control } = rig.proxy
  const ids = async () => (await control.snapshot()).pools.flatMap(({ servers }) => servers.map(({ id }) => id))
  await control.change({ kind: 'add', url: b })
  const file = configOf('http1', { name: 'web', serverList: [a, b] })
  await rig.proxy.reload(file)
  await control.change({ kind: 'remove', server: b })
  await rig.proxy.reload(file)
  assert.deepEqual(await ids(), [`http://${a}`])
  // It can come back in the same way.
  await control.change({ kind: 'add', url: b })
  await rig.proxy.reload(file)
  assert.deepEqual(await ids(), [`http://${a}`, `http://${b}`])
  await control.change({ kind: 'remove', server: b })
  await rig.proxy.reload(file)
  assert.deepEqual(await ids(), [`http://${a}`])
})
