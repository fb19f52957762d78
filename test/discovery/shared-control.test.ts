import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SharedControl } from '#lib/discovery/shared-control.js'
import { ChangeError } from '#lib/forward/control.js'
import { ManualClock } from '../support/clock.js'
import { MemoryControl } from '../support/control.js'
import { MemoryRegistry, MemoryStore } from '../support/registry.js'
import { eventually } from '../support/wire.js'

interface Shared {
  readonly shared: SharedControl
  readonly control: MemoryControl
  readonly registry: MemoryRegistry
  readonly store: MemoryStore
  readonly clock: ManualClock
  readonly log: string[]
}

async function open(t: TestContext, pools: Record<string, string[]>, store = new MemoryStore()): Promise<Shared> {
  const control = new MemoryControl(pools)
  const registry = new MemoryRegistry(store)
  const clock = new ManualClock()
  const log: string[] = []
  const say = (message: string): void => void log.push(message)
  const logger = { info: say, warn: say, error: say }
  const shared = await SharedControl.open({ control, registry, clock, logger })
  t.after(() => shared.close())
  return { shared, control, registry, store, clock, log }
}

/** Servers of a pool as `url*weight state`. */
function servers(control: MemoryControl, pool = 'web'): string[] {
  return control.pools.get(pool)!.servers.map(({ id, weight, state }) => `${id}*${weight} ${state}`)
}

const key = (server: string, pool = 'web'): string => `pools/${pool}/servers/${encodeURIComponent(server)}`

function refusal(code: ChangeError['code'], message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ChangeError)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
}

test('a server that is added through one proxy is there in both when the call ends or soon after', async (t) => {
  const one = await open(t, { web: [] })
  const other = await open(t, { web: [] }, one.store)
  const result = await one.shared.change({ kind: 'add', url: '10.0.0.1:80', weight: 3 })
  assert.deepEqual(result, { changed: true, servers: [{ pool: 'web', server: 'http://10.0.0.1:80' }] })
  assert.deepEqual(servers(one.control), ['http://10.0.0.1:80*3 up'])
  await eventually(() => servers(other.control).length === 1, 'the server in the other proxy')
  assert.deepEqual(JSON.parse(one.store.entries.get(key('http://10.0.0.1:80'))!.value), {
    url: 'http://10.0.0.1:80',
    weight: 3,
  })
  assert.equal((await one.shared.change({ kind: 'add', url: 'http://10.0.0.1/' })).changed, false)
  await other.shared.change({ kind: 'remove', server: '10.0.0.1:80' })
  assert.deepEqual(servers(other.control), [])
  await eventually(() => servers(one.control).length === 0, 'its end in the first')
})

test('what is in the registry before the start is told when the control opens', async (t) => {
  const store = new MemoryStore()
  store.put(key('a'), { url: '10.0.0.1:80', weight: 2, state: 'draining' })
  store.put(key('10.0.0.2:80'), '')
  store.put(key('c'), 'https://h*4\n')
  store.put('pools/web/settings', { loadBalance: 'naive', health: { path: '/up' } })
  const { control } = await open(t, { web: [] }, store)
  assert.deepEqual(servers(control), ['http://10.0.0.1:80*2 draining', 'http://10.0.0.2:80*1 up', 'https://h:443*4 up'])
  assert.equal(control.pools.get('web')?.balancer, 'Naive')
  assert.equal(control.pools.get('web')?.health?.path, '/up')
})

test('pools that this proxy has not are left out, and come with a reload', async (t) => {
  const { shared, control, store, log } = await open(t, { web: [] })
  store.put(key('10.0.0.1:80', 'api'), '')
  store.put(key('10.0.0.2:80', 'web'), '')
  await eventually(() => servers(control).length === 1, 'the server of the other pool')
  control.pools.set('api', control.pools.get('web')!)
  control.pools.get('api')!.servers = []
  await shared.reload()
  assert.equal(control.reloads, 1)
  assert.ok(servers(control, 'api').includes('http://10.0.0.1:80*1 up'))
  assert.deepEqual(log, [])
})

test('after a reload everything is told again, and otherwise only what has changed', async (t) => {
  const { shared, control, store } = await open(t, { web: [], api: [] })
  store.put(key('10.0.0.1:80'), '')
  store.put(key('10.0.0.2:80', 'api'), '')
  await eventually(() => control.applied.length === 2, 'both pools')
  store.put(key('10.0.0.1:80'), '   ')
  store.put(key('10.0.0.3:80'), '')
  await eventually(() => servers(control).length === 2, 'the next server')
  assert.deepEqual(
    control.applied.slice(2).map((change) => change.kind === 'source' && change.pool),
    ['web'],
  )
  control.applied.length = 0
  await shared.resync()
  assert.deepEqual(control.applied.map((change) => change.kind === 'source' && change.pool).sort(), ['api', 'web'])
})

test('a value that makes no sense is reported once, and leaves the rest as it is', async (t) => {
  const { control, store, log } = await open(t, { web: [] })
  store.put(key('10.0.0.1:80'), '')
  const bad: readonly [string, string | object, RegExp][] = [
    [key('json'), '{"url":', /no JSON/],
    [key('list'), '{"url": ["a"]}', /"url" is not a text/],
    [key('weight'), { url: '10.0.0.2:80', weight: 0 }, /bad weight 0/],
    [key('state'), { url: '10.0.0.2:80', state: 'gone' }, /"state" is none of/],
    [key('backup'), { url: '10.0.0.2:80', backup: 'yes' }, /"backup" is neither/],
    [key('health'), { url: '10.0.0.2:80', health: { interval: 'soon' } }, /health.interval/],
    [key('port'), '10.0.0.2:99999', /bad port/],
    [key('worker'), 'worker:api/1', /dials in/],
    ['pools/web/settings', { loadBalance: 'Rond-Robin' }, /unknown balancer "Rond-Robin"; did you mean/],
    ['pools/%zz/settings', '{}', /no key of a pool/],
    ['pools/web/servers/a/b', '', /no key of a pool/],
  ]
  for (const [name, value] of bad) store.put(name, value)
  store.put(key('10.0.0.3:80'), '')
  await eventually(() => servers(control).length === 2, 'the good ones')
  for (const [name, value] of bad) store.put(name, value)
  store.put(key('10.0.0.4:80'), '')
  await eventually(() => servers(control).length === 3, 'the next good one')
  for (const [name, , message] of bad) {
    const lines = log.filter((line) => line.includes(`${name} is left out`))
    assert.equal(lines.length, 1, `${name}: ${lines}`)
    assert.match(lines[0]!, message)
  }
  store.put(key('json'), '10.0.0.9:80')
  await eventually(() => servers(control).length === 4, 'the one that was mended')
})

test('two keys with one server make one server: that which was written last', async (t) => {
  const { shared, control, store } = await open(t, { web: [] })
  store.put(key('b'), { url: '10.0.0.1:80', weight: 2 })
  store.put(key('a'), { url: 'http://10.0.0.1', weight: 5 })
  await eventually(() => servers(control)[0] === 'http://10.0.0.1:80*5 up', 'the later weight')
  assert.equal(servers(control).length, 1)
  await shared.change({ kind: 'remove', server: '10.0.0.1:80' })
  assert.equal(store.entries.size, 0)
})

test('of two keys with one server that which adds it counts, whenever it was written', async (t) => {
  const { control, store } = await open(t, { web: ['10.0.0.2:80'] })
  store.put(key('a'), { url: '10.0.0.1:80', weight: 5 })
  store.put(key('b'), { url: '10.0.0.1:80', weight: 2, override: true })
  await eventually(() => servers(control).length === 2, 'the server')
  assert.deepEqual(servers(control)[1], 'http://10.0.0.1:80*5 up')
  store.put(key('a'), { url: '10.0.0.1:80', weight: 6 })
  await eventually(() => servers(control)[1] === 'http://10.0.0.1:80*6 up', 'the next weight')
})

test('weight and state of a server are merged into what stands there, and keep its lease', async (t) => {
  const { shared, control, store, registry } = await open(t, { web: [] })
  store.put(key('app-1'), { url: '10.0.0.1:80', weight: 2, health: { path: '/up', fails: 1 } }, 30)
  await eventually(() => servers(control).length === 1, 'the server')
  registry.meanwhile = () => store.put(key('app-1'), { url: '10.0.0.1:80', weight: 7, health: { path: '/up' } }, 30)
  await shared.change({ kind: 'server', server: '10.0.0.1:80', state: 'draining', health: { passes: 4 } })
  assert.deepEqual(servers(control), ['http://10.0.0.1:80*7 draining'])
  assert.deepEqual(JSON.parse(store.entries.get(key('app-1'))!.value), {
    url: 'http://10.0.0.1:80',
    weight: 7,
    state: 'draining',
    health: { path: '/up', passes: 4 },
  })
  assert.equal(store.entries.get(key('app-1'))?.lease, 30)
})

test('notes that stand beside what is changed stay', async (t) => {
  const { shared, control, store } = await open(t, { web: [] })
  store.put(key('app-1'), { url: '10.0.0.1:80', owner: 'kim', tags: ['a'] })
  store.put('pools/web/settings', { loadBalance: 'naive', owner: 'kim' })
  await eventually(() => servers(control).length === 1, 'the server')
  await shared.change({ kind: 'server', server: '10.0.0.1:80', weight: 4 })
  await shared.change({ kind: 'pool', pool: 'web', health: { path: '/up' } })
  assert.deepEqual(JSON.parse(store.entries.get(key('app-1'))!.value), {
    url: 'http://10.0.0.1:80',
    weight: 4,
    owner: 'kim',
    tags: ['a'],
  })
  assert.deepEqual(JSON.parse(store.entries.get('pools/web/settings')!.value), {
    loadBalance: 'Naive',
    health: { path: '/up' },
    owner: 'kim',
  })
})

test('what somebody has written is one line of the log', async (t) => {
  const { store, log } = await open(t, { web: [] })
  store.put(key('a'), '10.0.0.1:80\r\n2026-01-01 info  \u001b[2Jall is well')
  store.put('pools/web\nx/settings/y', '')
  await eventually(() => log.length === 2, 'both lines')
  log.sort()
  assert.match(
    log[0]!,
    /is left out: bad server address "10\.0\.0\.1:80\\r\\n2026-01-01 info {2}\\u001b\[2Jall is well"/,
  )
  assert.match(log[1]!, /^registry: pools\/web\\nx\/settings\/y is left out/)
})

test('a server of the file: its state is shared with those who have it, and nobody else gets it', async (t) => {
  const one = await open(t, { web: ['10.0.0.1:80*3'] })
  const same = await open(t, { web: ['10.0.0.1:80*3'] }, one.store)
  const without = await open(t, { web: ['10.0.0.9:80'] }, one.store)
  await one.shared.change({ kind: 'server', server: '10.0.0.1:80', state: 'disabled' })
  assert.deepEqual(servers(one.control), ['http://10.0.0.1:80*3 disabled'])
  await eventually(() => servers(same.control)[0] === 'http://10.0.0.1:80*3 disabled', 'the state in the second')
  await without.shared.resync()
  assert.deepEqual(servers(without.control), ['http://10.0.0.9:80*1 up'])
  // Only what was said: the rest remains that of each file.
  const [stored] = [...one.store.entries.values()].map(({ value }) => JSON.parse(value))
  assert.deepEqual(stored, { url: 'http://10.0.0.1:80', state: 'disabled', override: true })
  await assert.rejects(
    one.shared.change({ kind: 'remove', server: '10.0.0.1:80' }),
    refusal('invalid', /stands in the file of each proxy/),
  )
  // Added, it is a server of all.
  await one.shared.change({ kind: 'add', url: '10.0.0.1:80' })
  await eventually(() => servers(without.control).length === 2, 'the server in the third')
  assert.deepEqual(servers(without.control)[1], 'http://10.0.0.1:80*1 disabled')
  assert.deepEqual(servers(one.control), ['http://10.0.0.1:80*3 disabled'])
})

test('servers that something else has told of are changed in this proxy alone', async (t) => {
  const { shared, control, store } = await open(t, { web: [] })
  await control.change({ kind: 'source', source: 'dns:http://h:80', servers: [{ url: '10.0.0.7:80' }] })
  await shared.change({ kind: 'server', server: '10.0.0.7:80', weight: 4 })
  assert.deepEqual(servers(control), ['http://10.0.0.7:80*4 up'])
  assert.equal(store.entries.size, 0)
})

test('settings of a pool are shared, and go back when the registry has them no more', async (t) => {
  const one = await open(t, { web: ['10.0.0.1:80'] })
  const other = await open(t, { web: ['10.0.0.1:80'] }, one.store)
  const before = one.control.pools.get('web')!.balancer
  await one.shared.change({ kind: 'pool', pool: 'web', loadBalance: 'naive' })
  await one.shared.change({ kind: 'pool', pool: 'web', health: { path: '/up', interval: 2 } })
  for (const { control } of [one, other]) {
    await eventually(() => control.pools.get('web')?.health?.interval === 2000, 'the settings')
    assert.equal(control.pools.get('web')?.balancer, 'Naive')
  }
  one.store.put('pools/web/settings', { health: { path: '/up' } })
  await eventually(() => other.control.pools.get('web')?.balancer === before, 'the balancer of the file')
  assert.equal(other.control.pools.get('web')?.health?.path, '/up')
  one.store.delete('pools/web/settings')
  await eventually(() => other.control.pools.get('web')?.health === null, 'no check, as in the file')
  // The file as it is by then counts.
  one.store.put('pools/web/settings', { loadBalance: 'Naive' })
  await eventually(() => other.control.pools.get('web')?.balancer === 'Naive', 'the balancer')
  other.control.pools.get('web')!.written.balancer = 'Weighted'
  await other.shared.reload()
  assert.equal(other.control.pools.get('web')?.balancer, 'Naive')
  one.store.delete('pools/web/settings')
  await eventually(() => other.control.pools.get('web')?.balancer === 'Weighted', 'the balancer of the new file')
})

test('changes are checked before anything is written', async (t) => {
  const { shared, control, registry } = await open(t, { web: ['10.0.0.1:80'], api: [] })
  const refused: readonly [Parameters<SharedControl['change']>[0], ChangeError['code'], RegExp][] = [
    [{ kind: 'add', url: '10.0.0.2:80' }, 'invalid', /2 pools: say which one/],
    [{ kind: 'add', pool: 'wbe', url: '10.0.0.2:80' }, 'not-found', /unknown pool "wbe"/],
    [{ kind: 'add', pool: 'web', url: '10.0.0.2:0' }, 'invalid', /bad port/],
    [{ kind: 'add', pool: 'web', url: 'worker:a/b' }, 'invalid', /dials in/],
    [{ kind: 'add', pool: 'web', url: '10.0.0.2:80', weight: 0 }, 'invalid', /bad weight 0/],
    [{ kind: 'add', pool: 'web', url: '10.0.0.2:80', lease: 1.5 }, 'invalid', /bad lease 1.5/],
    [{ kind: 'add', pool: 'web', url: '10.0.0.2:80', health: { path: 'x' } }, 'invalid', /health.path/],
    [{ kind: 'server', server: '10.0.0.2:80', weight: 2 }, 'not-found', /no server 10.0.0.2:80 in any pool/],
    [{ kind: 'server', server: '10.0.0.1:80', weight: 1001 }, 'invalid', /bad weight 1001/],
    [{ kind: 'remove', pool: 'api', server: '10.0.0.1:80' }, 'not-found', /in the pool api/],
    [{ kind: 'pool', pool: 'web', loadBalance: 'fastest' }, 'invalid', /unknown balancer "fastest"/],
  ]
  for (const [change, code, message] of refused) await assert.rejects(shared.change(change), refusal(code, message))
  assert.equal(registry.writes, 0)
  assert.deepEqual(control.applied, [])
})

test('while the registry is out of reach changes are refused, and snapshots say so', async (t) => {
  const { shared, control, registry } = await open(t, { web: ['10.0.0.1:80'] })
  registry.disconnect('connect ECONNREFUSED 10.0.0.9:2379')
  await assert.rejects(
    shared.change({ kind: 'add', url: '10.0.0.2:80' }),
    refusal('unavailable', /out of reach: connect ECONNREFUSED/),
  )
  assert.deepEqual((await shared.snapshot()).registry, registry.state)
  assert.deepEqual(servers(control), ['http://10.0.0.1:80*1 up'])
})

test('a lease: the same call renews it, another one says anew how long', async (t) => {
  const { shared, control, registry, store } = await open(t, { web: [] })
  const add = { kind: 'add', url: '10.0.0.1:80', lease: 30 } as const
  const at = key('http://10.0.0.1:80')
  assert.equal((await shared.change(add)).changed, true)
  assert.equal((await shared.change(add)).changed, false)
  assert.deepEqual([registry.writes, registry.renewed], [1, 1])
  assert.equal((await shared.change({ ...add, lease: 60 })).changed, false)
  assert.equal(store.entries.get(at)?.lease, 60)
  store.expire(at)
  await eventually(() => servers(control).length === 0, 'its end')
  await shared.change(add)
  await shared.change({ kind: 'add', url: '10.0.0.1:80' })
  assert.equal(store.entries.get(at)?.leased, false)
})

test('a removal with drain waits for the requests of this proxy', async (t) => {
  const { shared, control, store, clock } = await open(t, { web: [] })
  await shared.change({ kind: 'add', url: '10.0.0.1:80' })
  const server = control.at('web', '10.0.0.1:80')
  server.connections = 1
  let gone = false
  const removal = shared.change({ kind: 'remove', server: '10.0.0.1:80', drain: 5_000 }).then(() => {
    gone = true
  })
  await eventually(() => clock.pending > 0, 'the first look')
  assert.deepEqual(servers(control), ['http://10.0.0.1:80*1 draining'])
  // It goes without this proxy too.
  assert.equal(store.entries.get(key('http://10.0.0.1:80'))?.lease, 15)
  await assert.rejects(
    shared.change({ kind: 'server', server: '10.0.0.1:80', state: 'up' }),
    refusal('invalid', /about to be removed/),
  )
  clock.advance(100)
  await eventually(() => clock.pending > 0, 'the next look')
  assert.equal(gone, false)
  server.connections = 0
  clock.advance(100)
  await removal
  assert.deepEqual(servers(control), [])
  assert.equal(store.entries.size, 0)
})

test('a removal with drain ends when its time is over', async (t) => {
  const { shared, control, clock } = await open(t, { web: [] })
  await shared.change({ kind: 'add', url: '10.0.0.1:80' })
  control.at('web', '10.0.0.1:80').connections = 1
  const removal = shared.change({ kind: 'remove', server: '10.0.0.1:80', drain: 150 })
  for (const step of [100, 50]) {
    await eventually(() => clock.pending > 0, 'a look')
    clock.advance(step)
  }
  await removal
  assert.deepEqual(servers(control), [])
})

test('a server that is added again while it drains stays', async (t) => {
  const one = await open(t, { web: [] })
  const other = await open(t, { web: [] }, one.store)
  await one.shared.change({ kind: 'add', url: '10.0.0.1:80' })
  one.control.at('web', '10.0.0.1:80').connections = 1
  const removal = one.shared.change({ kind: 'remove', server: '10.0.0.1:80', drain: 100 })
  await eventually(() => one.clock.pending > 0, 'the first look')
  assert.equal((await other.shared.change({ kind: 'add', url: '10.0.0.1:80' })).changed, true)
  one.clock.advance(100)
  await removal
  assert.deepEqual(servers(one.control), ['http://10.0.0.1:80*1 up'])
  assert.equal(one.store.entries.get(key('http://10.0.0.1:80'))?.leased, false)
})

test('a control that cannot answer is told later', async (t) => {
  const { control, store, clock, log } = await open(t, { web: [] })
  control.snapshotError = new Error('a process hangs')
  store.put(key('10.0.0.1:80'), '')
  await eventually(() => clock.pending > 0, 'the wait')
  assert.deepEqual(log, ['registry: a process hangs'])
  control.snapshotError = undefined
  clock.advance(1_000)
  await eventually(() => servers(control).length === 1, 'the server')
})

test('close lets the registry go, and ends waiting', async (t) => {
  const { shared, control, registry, clock } = await open(t, { web: [] })
  await shared.change({ kind: 'add', url: '10.0.0.1:80' })
  control.at('web', '10.0.0.1:80').connections = 1
  const removal = shared.change({ kind: 'remove', server: '10.0.0.1:80', drain: 60_000 })
  await eventually(() => clock.pending > 0, 'the first look')
  await Promise.all([shared.close(), shared.close()])
  await removal
  assert.deepEqual([registry.closed, registry.listeners, clock.pending], [true, 0, 0])
})
