import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scaleWeights } from '#lib/discovery/srv.js'
import { Rig } from './rig.js'

test('weights keep their proportions, as small as they can be', () => {
  for (const [given, scaled] of [
    [[1], [1]],
    [
      [33, 33, 33],
      [1, 1, 1],
    ],
    [
      [10, 20, 30],
      [1, 2, 3],
    ],
    [
      [65_535, 1],
      [1000, 1],
    ],
    [
      [60_000, 40_000, 50_001],
      [1000, 667, 833],
    ],
    [
      [0, 0],
      [1, 1],
    ],
    [
      [0, 1],
      [1, 100],
    ],
    [
      [0, 5, 10],
      [1, 100, 200],
    ],
    [
      [0, 1, 65_535],
      [1, 1, 1000],
    ],
  ] as const) {
    assert.deepEqual(scaleWeights(given), scaled, String(given))
  }
})

test('servers, ports, weights and backups are those of the SRV records', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    _http._tcp.api.test 300 SRV 20 0 8083 c.test
    _http._tcp.api.test 300 SRV 10 60 8082 b.test
    _http._tcp.api.test 300 SRV 10 20 8081 a.test
    _http._tcp.api.test 300 SRV 30 7 8084 a.test
    a.test 300 A 10.0.0.9
    a.test 200 AAAA ::1
    b.test 300 A 10.0.0.10
    c.test 300 A 10.0.0.11
  `
  await rig.first('srv:h2c://_http._tcp.api.test')
  assert.deepEqual(rig.told, [
    {
      id: 'srv:h2c://_http._tcp.api.test',
      servers: [
        'h2c://10.0.0.9:8081',
        'h2c://10.0.0.10:8082*3',
        'h2c://[::1]:8081',
        'h2c://10.0.0.11:8083 backup',
        'h2c://10.0.0.9:8084 backup',
        'h2c://[::1]:8084 backup',
      ],
    },
  ])
  assert.deepEqual(rig.clock.waits, [190_000])
})

test('the order of the records changes nothing', async (t) => {
  const rig = await Rig.start(t)
  const records = ['_a.test 60 SRV 1 1 80 x.test', '_a.test 60 SRV 1 2 80 y.test', '_a.test 60 SRV 1 3 81 x.test']
  const rest = '\nx.test 60 A 10.0.0.1\ny.test 60 A 10.0.0.2'
  rig.server.records = records.join('\n') + rest
  await rig.first('srv:_a.test')
  rig.server.records = records.reverse().join('\n') + rest
  await rig.next()
  assert.equal(rig.told.length, 1)
  assert.deepEqual(rig.last, ['http://10.0.0.1:80', 'http://10.0.0.1:81*3', 'http://10.0.0.2:80*2'])
})

test('a changed weight or priority is told', async (t) => {
  const rig = await Rig.start(t)
  const rest = '\n_a.test 60 SRV 1 1 80 y.test\nx.test 60 A 10.0.0.1\ny.test 60 A 10.0.0.2'
  rig.server.records = `_a.test 60 SRV 1 1 80 x.test${rest}`
  await rig.first('srv:_a.test')
  rig.server.records = `_a.test 60 SRV 1 2 80 x.test${rest}`
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80*2', 'http://10.0.0.2:80'])
  rig.server.records = `_a.test 60 SRV 2 2 80 x.test${rest}`
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:80', 'http://10.0.0.1:80 backup'])
  rig.server.records =
    '_a.test 60 SRV 2 1 80 y.test\n_a.test 60 SRV 1 1 80 x.test\nx.test 60 A 10.0.0.1\ny.test 60 A 10.0.0.2'
  await rig.next()
  rig.server.records =
    '_a.test 60 SRV 1 1 80 y.test\n_a.test 60 SRV 1 1 80 x.test\nx.test 60 A 10.0.0.1\ny.test 60 A 10.0.0.2'
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80', 'http://10.0.0.2:80'])
})

test('a server that has several records counts once, as the most preferred says', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    _a.test 60 SRV 2 9 80 x.test
    _a.test 60 SRV 1 5 80 y.test
    _a.test 60 SRV 1 10 80 x.test
    _a.test 60 SRV 1 5 80 z.test
    x.test 60 A 10.0.0.1
    y.test 60 A 10.0.0.1
    z.test 60 A 10.0.0.2
  `
  await rig.first('srv:_a.test')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80*2', 'http://10.0.0.2:80'])
})

test('addresses that come with the records are not asked for, and their TTLs count', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    _a.test 300 SRV 1 1 80 x.test
    _a.test 300 SRV 1 1 80 y.test
    y.test 300 A 10.0.0.2
    additional
    x.test 50 A 10.0.0.1
    x.test 300 AAAA ::1
  `
  await rig.first('srv:_a.test')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://[::1]:80'])
  assert.equal(rig.server.count('A x.test'), 0)
  assert.equal(rig.server.count('A y.test'), 1)
  assert.deepEqual(rig.clock.waits, [47_500])
})

test('a target that cannot be looked up keeps its addresses, and the others are told', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = `
    _a.test 60 SRV 1 1 80 x.test
    _a.test 60 SRV 1 1 80 y.test
    y.test 60 A 10.0.0.2
    additional
    x.test 60 A 10.0.0.1
  `
  await rig.first('srv:_a.test')
  rig.server.records = `
    _a.test 60 SRV 1 1 80 x.test
    _a.test 60 SRV 1 1 80 y.test
    _a.test 60 SRV 1 1 80 z.test
    y.test 60 A 10.0.0.3
  `
  rig.server.behave = ({ name }) => (name === 'x.test' || name === 'z.test' ? 'SERVFAIL' : undefined)
  await rig.next()
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.1:80', 'http://10.0.0.3:80'])
  assert.deepEqual(rig.log, [
    `warn srv:http://_a.test cannot be looked up (${rig.server.address}: SERVFAIL); 2 servers kept`,
  ])
  assert.deepEqual(rig.clock.waits, [57_000, 950, 1900])
})

test('targets that cannot be looked up at all are a failure', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = '_a.test 60 SRV 1 1 80 x.test'
  rig.server.behave = ({ type }) => (type === 'SRV' ? undefined : 'SERVFAIL')
  await rig.first('srv:_a.test')
  assert.deepEqual(rig.told, [])
})

for (const [what, records, reason] of [
  ['the target "."', '_a.test 60 SRV 0 0 0 .', 'the service is not available ("." in its SRV record)'],
  [
    'targets without addresses',
    '_a.test 60 SRV 1 1 80 x.test',
    'the targets of its SRV records have no addresses (NXDOMAIN)',
  ],
  ['no SRV record', '_a.test 60 A 10.0.0.1', 'no SRV records'],
  ['no such name', '', 'NXDOMAIN'],
] as const) {
  test(`${what}: no servers`, async (t) => {
    const rig = await Rig.start(t)
    rig.server.records = records
    await rig.first('srv:_a.test')
    assert.deepEqual(rig.told, [{ id: 'srv:http://_a.test', servers: [] }])
    assert.deepEqual(rig.log, [`warn srv:http://_a.test leads to no servers (${reason}); it has no servers`])
  })
}

test('a target in /etc/hosts is what that says', async (t) => {
  const rig = await Rig.start(t, { hosts: '10.1.1.1 x.test\n' })
  rig.server.records = '_a.test 60 SRV 1 1 80 x.test\nx.test 60 A 10.0.0.1'
  await rig.first('srv:_a.test')
  assert.deepEqual(rig.last, ['http://10.1.1.1:80'])
})

test('SRV records behind an alias count', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = '_a.test 20 CNAME _b.test\n_b.test 60 SRV 1 1 80 x.test\nx.test 60 A 10.0.0.1'
  await rig.first('srv:_a.test')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.clock.waits, [19_000])
})

test('a completion that cannot be asked for does not lead to the services of another, until all are gone', async (t) => {
  const rig = await Rig.start(t, { resolvConf: 'search a.test b.test\n' })
  const other = '_x.b.test 60 SRV 1 1 82 x.b.test\nx.b.test 60 A 10.0.0.2'
  rig.server.records = `_x.a.test 60 SRV 1 1 81 x.a.test\nx.a.test 60 A 10.0.0.1\n${other}`
  await rig.first('srv:_x')
  rig.server.behave = ({ name }) => (name.endsWith('.a.test') ? 'SERVFAIL' : undefined)
  for (let lookups = 0; lookups < 10; lookups++) await rig.next()
  assert.deepEqual(rig.told.length, 1)
  rig.server.behave = () => undefined
  rig.server.records = ''
  while (rig.told.length === 1) await rig.next()
  rig.server.behave = ({ name }) => (name.endsWith('.a.test') ? 'SERVFAIL' : undefined)
  rig.server.records = other
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:82'])
})
