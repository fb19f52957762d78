import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ChangeError } from '#lib/forward/control.js'
import { configOf, type Rig, settle, startRig } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'
import { eventually, type Wire } from '../support/wire.js'

interface Draining {
  readonly rig: Rig
  readonly url: string
  readonly answers: readonly ServerResponse[]
  /** What the removal came to. */
  readonly removal: Promise<unknown>
  readonly download: Wire
}

async function begin(rig: Rig, answers: readonly ServerResponse[]): Promise<Wire> {
  const count = answers.length
  const wire = await rig.connect()
  wire.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await wire.until('half ')
  assert.equal(answers.length, count + 1)
  return wire
}

/** A server that is removed within five seconds, and has a download until then. */
async function draining(t: TestContext): Promise<Draining> {
  const answers: ServerResponse[] = []
  const { url } = await httpServer(t, (_, res) => {
    res.write('half ')
    answers.push(res)
  })
  const rig = await startRig(t, 'http1', { name: 'web', serverList: url })
  const download = await begin(rig, answers)
  const removal = rig.proxy.control.change({ kind: 'remove', server: url, drain: 5000 })
  return { rig, url, answers, removal, download }
}

const states = async ({ proxy }: Rig) =>
  (await proxy.control.snapshot()).pools.flatMap(({ servers }) => servers.map(({ state }) => state))

for (const way of ['is removed at once', 'is gone over a reload', 'is draining']) {
  test(`a server that ${way} and is added again: the time to drain is not that of its new requests`, async (t) => {
    const { rig, url, answers, removal, download } = await draining(t)
    const { control } = rig.proxy
    if (way === 'is removed at once') await control.change({ kind: 'remove', server: url })
    if (way === 'is gone over a reload') await rig.proxy.reload(configOf('http1', { name: 'web', serverList: url }))
    assert.deepEqual(await control.change({ kind: 'add', url }), {
      changed: true,
      servers: [{ pool: 'web', server: `http://${url}` }],
    })
    assert.deepEqual(await states(rig), ['up'])
    const later = await begin(rig, answers)
    const cut = once(download.socket, 'close')
    rig.clock.advance(5000)
    await cut
    await removal
    assert.deepEqual(await states(rig), ['up'])
    await settle()
    answers[1]!.end('whole')
    await later.until('whole')
    later.destroy()
    // Nor does its end take the server away.
    await eventually(() => rig.ends.length === 2, 'the end')
    assert.deepEqual(await states(rig), ['up'])
  })
}

test('a server that is about to leave takes no other state', async (t) => {
  const { rig, url, answers, removal } = await draining(t)
  for (const state of ['up', 'disabled'] as const) {
    await assert.rejects(rig.proxy.control.change({ kind: 'server', server: url, state, weight: 7 }), (error) => {
      assert.ok(error instanceof ChangeError)
      assert.equal(error.code, 'invalid')
      assert.match(error.message, /is about to be removed; add it again to keep it/)
      return true
    })
  }
  assert.deepEqual(await states(rig), ['draining'])
  answers[0]!.end()
  await removal
  assert.deepEqual(await states(rig), [])
})

test('a request that the server has failed before, and that waits for another one, is not cut', async (t) => {
  const silent: ServerResponse[] = []
  const busy: ServerResponse[] = []
  const [{ url: a }, { url: b }] = [
    await httpServer(t, (_, res) => silent.push(res)),
    await httpServer(t, (_, res) => {
      res.write('half ')
      busy.push(res)
    }),
  ]
  const rig = await startRig(t, 'http1', {
    serverList: [a, b],
    loadBalance: 'First-Alive',
    maxConnections: 2,
    queueTimeout: 60,
  })
  const [first, second] = [rig.get('/1'), rig.get('/2')]
  await eventually(() => silent.length === 2, 'two requests to arrive')
  const others = [await begin(rig, busy), await begin(rig, busy)]
  const removal = rig.proxy.control.change({ kind: 'remove', server: a, drain: 5000 })
  silent[0]!.socket!.destroy()
  await eventually(() => rig.proxy.pools[0]!.servers[0]!.connections === 1, 'the failure')
  const cut = silent[1]!.req.url === '/2' ? second : first
  rig.clock.advance(5000)
  await removal
  assert.equal((await cut).status, 503)
  busy[0]!.end()
  await eventually(() => busy.length === 3, 'the other server to take it')
  busy[2]!.end('whole')
  assert.equal((await (silent[1]!.req.url === '/2' ? first : second)).body, 'half whole')
  for (const wire of others) wire.destroy()
})
