import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { scriptedRandom } from '../support/random.js'
import { eventually } from '../support/wire.js'
import { middling, patience, Rig } from './rig.js'

test('the servers of a name are its A and AAAA records, in one order everywhere', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    api.test 100 A 10.0.0.10
    api.test 100 AAAA 2001:DB8::1
    api.test 100 A 10.0.0.9
    api.test 100 A 9.255.0.1
  `
  await rig.first('dns:https://api.test:8443')
  assert.deepEqual(rig.told, [
    {
      id: 'dns:https://api.test:8443',
      servers: [
        'https://9.255.0.1:8443',
        'https://10.0.0.9:8443',
        'https://10.0.0.10:8443',
        'https://[2001:db8::1]:8443',
      ],
    },
  ])
  assert.deepEqual(rig.log, [])
})

test('it is asked for again by TTL, and only what has changed is told', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1\napi.test 100 A 10.0.0.2'
  await rig.first('dns:api.test:80')
  rig.clock.advance(94_000)
  assert.equal(rig.server.count('A api.test'), 1)
  // The same in another order, as most servers rotate their answers.
  rig.server.records = 'api.test 20 A 10.0.0.2\napi.test 20 A 10.0.0.1'
  await rig.next()
  assert.equal(rig.server.count('A api.test'), 2)
  assert.equal(rig.server.count('AAAA api.test'), 2)
  assert.equal(rig.told.length, 1)
  rig.server.records = 'api.test 20 A 10.0.0.2\napi.test 20 A 10.0.0.3'
  await rig.next()
  assert.equal(rig.told.length, 2)
  assert.deepEqual(rig.last, ['http://10.0.0.2:80', 'http://10.0.0.3:80'])
  assert.deepEqual(rig.clock.waits, [95_000, 19_000, 19_000])
})

test('the least TTL of all records counts, those of aliases too', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    www.test 300 CNAME lb.test
    lb.test 40 CNAME node.test
    node.test 200 A 10.0.0.1
    node.test 100 AAAA ::1
  `
  await rig.first('dns:www.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80', 'http://[::1]:80'])
  assert.deepEqual(rig.clock.waits, [38_000])
})

test('a TTL counts as 1 s at least and 1 h at most, up to a tenth less', async (t) => {
  for (const [ttl, chance, wait] of [
    [0, 0, 1_000],
    [604_800, 0, 3_600_000],
    [3_000_000_000, 0, 1_000],
    [100, 0, 100_000],
    [100, 0.999, 90_010],
  ] as const) {
    const rig = await Rig.start(t, { random: { ...scriptedRandom(chance), bytes: middling.bytes } })
    rig.server.records = `api.test ${ttl} A 10.0.0.1`
    await rig.first('dns:api.test:80')
    assert.deepEqual(rig.clock.waits, [wait], `TTL ${ttl}`)
  }
})

test('a circle of aliases leads to no servers', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'a.test 60 CNAME b.test\nb.test 60 CNAME a.test'
  await rig.first('dns:a.test:80')
  assert.deepEqual(rig.last, [])
})

test('one family is enough when the other cannot be asked for', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1'
  rig.server.behave = ({ type }) => (type === 'AAAA' ? 'SERVFAIL' : undefined)
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.clock.waits, [95_000])
  assert.deepEqual(rig.log, [])
})

test('one family is enough when the name is told not to exist in the other', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1'
  rig.server.behave = ({ type }) => (type === 'AAAA' ? 'NXDOMAIN' : undefined)
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.log, [])
})

test('a family that was known goes on while it cannot be asked for', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1\napi.test 100 AAAA ::1'
  await rig.first('dns:api.test:80')
  rig.server.records = 'api.test 100 A 10.0.0.2\napi.test 100 AAAA ::1'
  rig.server.behave = ({ type }) => (type === 'AAAA' ? 'SERVFAIL' : undefined)
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:80', 'http://[::1]:80'])
  assert.deepEqual(rig.log, [
    `warn dns:http://api.test:80 cannot be looked up (${rig.server.address}: SERVFAIL); 2 servers kept`,
  ])
  rig.server.behave = () => undefined
  rig.server.records = 'api.test 100 A 10.0.0.2'
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:80'])
  assert.equal(rig.log.at(-1), 'info dns:http://api.test:80 is looked up again: 1 server')
  assert.deepEqual(rig.clock.waits, [95_000, 950, 95_000])
})

for (const failure of ['SERVFAIL', 'REFUSED'] as const) {
  test(`${failure} keeps what is known, and is told once, as is its end`, async (t) => {
    const rig = await Rig.start(t)
    rig.server.records = 'api.test 100 A 10.0.0.1'
    await rig.first('dns:api.test:80')
    rig.server.behave = () => failure
    for (let failures = 0; failures < 8; failures++) await rig.next()
    assert.equal(rig.told.length, 1)
    assert.deepEqual(rig.clock.waits.slice(1), [950, 1900, 3800, 7600, 15_200, 28_500, 28_500, 28_500])
    assert.deepEqual(rig.log, [
      `warn dns:http://api.test:80 cannot be looked up (${rig.server.address}: ${failure}); 1 server kept`,
    ])
    rig.server.behave = () => undefined
    await rig.next()
    assert.equal(rig.told.length, 1)
    assert.deepEqual(rig.log.slice(1), ['info dns:http://api.test:80 is looked up again: 1 server'])
    assert.equal(rig.clock.waits.at(-1), 95_000)
    rig.server.behave = () => failure
    await rig.next()
    assert.equal(rig.clock.waits.at(-1), 950)
    assert.equal(rig.log.length, 3)
  })
}

test('a first look-up that fails tells nothing, and the first that does not tells all', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = () => 'SERVFAIL'
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.told, [])
  assert.deepEqual(rig.log, [
    `warn dns:http://api.test:80 cannot be looked up (${rig.server.address}: SERVFAIL); it has no servers`,
  ])
  rig.server.records = 'api.test 100 A 10.0.0.1'
  rig.server.behave = () => undefined
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
})

test('a name that does not exist the first time is told at once, with one warning', async (t) => {
  const rig = await Rig.start(t)
  await rig.first('dns:api.test:80')
  await rig.next()
  assert.deepEqual(rig.told, [{ id: 'dns:http://api.test:80', servers: [] }])
  assert.deepEqual(rig.log, ['warn dns:http://api.test:80 leads to no servers (NXDOMAIN); it has no servers'])
  rig.server.records = 'api.test 100 A 10.0.0.1'
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.log.slice(1), ['info dns:http://api.test:80 is looked up again: 1 server'])
})

const gone = { NXDOMAIN: '', 'no addresses': 'api.test 60 SRV 1 1 1 api.test' }

for (const [reason, records] of Object.entries(gone)) {
  test(`${reason}: believed when it has held for 30 s`, async (t) => {
    const rig = await Rig.start(t)
    rig.server.records = 'api.test 100 A 10.0.0.1'
    await rig.first('dns:api.test:80')
    rig.server.records = records
    await rig.next()
    const since = rig.clock.now()
    while (rig.told.length === 1) await rig.next()
    assert.deepEqual(rig.last, [])
    // Each look-up is awaited 1 ms longer than it has to be.
    const held = rig.clock.now() - since
    assert.ok(held >= 30_000 && held < 30_100, `${held} ms`)
    assert.deepEqual(rig.clock.waits.slice(1, 6), [950, 1900, 3800, 7600, 15_200])
    assert.deepEqual(rig.log, [
      `warn dns:http://api.test:80 leads to no servers any more (${reason}); 1 server kept`,
      `warn dns:http://api.test:80 has led to no servers for 30 s (${reason}); it has none now`,
    ])
    await rig.next()
    rig.server.records = 'api.test 100 A 10.0.0.1'
    await rig.next()
    assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
    assert.equal(rig.log.length, 3)
  })
}

test('a name that comes back in time has lost nothing', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1'
  await rig.first('dns:api.test:80')
  for (let times = 0; times < 2; times++) {
    rig.server.records = ''
    for (let lookups = 0; lookups < 5; lookups++) await rig.next()
    rig.server.records = 'api.test 100 A 10.0.0.1'
    await rig.next()
  }
  assert.equal(rig.told.length, 1)
  assert.equal(rig.log.length, 4)
})

test('a failure is no evidence that a name is gone: the 30 s begin anew', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 100 A 10.0.0.1'
  await rig.first('dns:api.test:80')
  rig.server.records = ''
  for (let lookups = 0; lookups < 5; lookups++) await rig.next()
  rig.server.behave = () => 'SERVFAIL'
  await rig.next()
  rig.server.behave = () => undefined
  await rig.next()
  await rig.next()
  assert.equal(rig.told.length, 1)
  await rig.next()
  assert.deepEqual(rig.last, [])
  assert.equal(rig.log.length, 2)
})

test('a source that is still wanted goes on undisturbed, a new one is asked at once, others are dropped', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'a.test 100 A 10.0.0.1\nb.test 100 A 10.0.0.2\nc.test 100 A 10.0.0.3'
  rig.want('dns:a.test:80', 'dns:b.test:80')
  await rig.lookups(2)
  rig.want('dns:b.test:80', 'dns:c.test:80', 'dns:c.test:80')
  await rig.lookups(3)
  assert.deepEqual(rig.told.map(({ servers }) => servers[0]).sort(), [
    'http://10.0.0.1:80',
    'http://10.0.0.2:80',
    'http://10.0.0.3:80',
  ])
  assert.deepEqual(
    ['A a.test', 'A b.test', 'A c.test'].map((each) => rig.server.count(each)),
    [1, 1, 1],
  )
  rig.clock.advance(95_001)
  await rig.lookups(5)
  assert.deepEqual(
    ['A a.test', 'A b.test', 'A c.test'].map((each) => rig.server.count(each)),
    [1, 2, 2],
  )
  rig.want()
  assert.equal(rig.clock.pending, 0)
})

test('a source that is dropped while it is asked tells nothing', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'a.test 100 A 10.0.0.1\nb.test 100 A 10.0.0.2'
  rig.server.behave = () => 'silence'
  rig.want('dns:a.test:80')
  await eventually(() => rig.server.queries.length === 2, 'both questions')
  rig.want('dns:b.test:80')
  await eventually(() => rig.server.queries.length === 4, 'the questions for the other source')
  rig.server.behave = () => undefined
  rig.clock.advance(patience)
  await eventually(() => rig.server.queries.length === 8, 'all questions again')
  await rig.lookups(1)
  await eventually(() => rig.clock.pending === 1, 'the end of both look-ups')
  assert.deepEqual(rig.told, [{ id: 'dns:http://b.test:80', servers: ['http://10.0.0.2:80'] }])
  assert.deepEqual(rig.log, [])
})

test('/etc/hosts goes before DNS, and is read again when it has changed', async (t) => {
  const rig = await Rig.start(t, { hosts: '10.1.1.1  API.test other # api.test\n::1 api.test\n# 10.1.1.2 api.test\n' })
  rig.server.records = 'api.test 100 A 10.0.0.1'
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.1.1.1:80', 'http://[::1]:80'])
  rig.writeHosts('10.1.1.3 api.test\n')
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.1.1.3:80'])
  assert.equal(rig.server.queries.length, 0)
  rig.writeHosts('')
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.clock.waits, [9_500, 9_500, 95_000])
})

test('localhost is never asked for over the network', async (t) => {
  const rig = await Rig.start(t)
  await rig.first('dns:localhost:80')
  assert.deepEqual(rig.last, ['http://127.0.0.1:80', 'http://[::1]:80'])
  assert.equal(rig.server.queries.length, 0)
})

const kubernetes = 'search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n'

async function asked(t: TestContext, source: string, resolvConf: string): Promise<string[]> {
  const rig = await Rig.start(t, { resolvConf })
  await rig.first(source)
  return rig.server.queries.filter(({ type }) => type !== 'AAAA').map(({ name }) => name)
}

test('names are completed by the search list of resolv.conf, as everywhere on the machine', async (t) => {
  const ends = ['.shop.svc.cluster.local', '.svc.cluster.local', '.cluster.local', '']
  assert.deepEqual(
    await asked(t, 'dns:api:80', kubernetes),
    ends.map((end) => `api${end}`),
  )
  assert.deepEqual(
    await asked(t, 'srv:_http._tcp.api', kubernetes),
    ends.map((end) => `_http._tcp.api${end}`),
  )
  assert.deepEqual(await asked(t, 'dns:api.test:80', 'search lan\n'), ['api.test', 'api.test.lan'])
  assert.deepEqual(await asked(t, 'dns:api.test.:80', kubernetes), ['api.test'])
})

test('the first completion that exists is the one', async (t) => {
  const rig = await Rig.start(t, { resolvConf: kubernetes })
  rig.server.records = 'api.svc.cluster.local 100 A 10.0.0.1\napi 100 A 10.0.0.2'
  await rig.first('dns:api:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.equal(rig.server.count('A api'), 0)
})

test('a completion that cannot be asked for does not lead to the servers of another', async (t) => {
  const rig = await Rig.start(t, { resolvConf: 'search a.test b.test\n' })
  rig.server.records = 'api.a.test 100 A 10.0.0.1\napi.b.test 100 A 10.0.0.2'
  await rig.first('dns:api:80')
  rig.server.records = 'api.b.test 100 A 10.0.0.2'
  rig.server.behave = ({ name }) => (name === 'api.a.test' ? 'SERVFAIL' : undefined)
  for (let lookups = 0; lookups < 10; lookups++) await rig.next()
  assert.equal(rig.told.length, 1)
})

test('a search domain that never answers is passed over', async (t) => {
  const rig = await Rig.start(t, { resolvConf: 'search dead.test b.test\n' })
  rig.server.behave = ({ name }) => (name.endsWith('dead.test') ? 'SERVFAIL' : undefined)
  rig.server.records = 'api.b.test 100 A 10.0.0.1'
  await rig.first('dns:api:80')
  rig.server.records = 'api.b.test 100 A 10.0.0.2'
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:80'])
  assert.deepEqual(rig.log, [])
})

test('a name with a label that is too long is no question', async (t) => {
  const rig = await Rig.start(t)
  const name = `${'x'.repeat(64)}.test`
  await rig.first(`dns:${name}:80`)
  assert.equal(rig.server.queries.length, 0)
  assert.match(rig.log[0]!, /no name that DNS can have/)
})
