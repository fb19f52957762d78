/** How DNS servers are asked, and what is believed of what comes back. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import dns from 'node:dns'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { decode, encode } from 'dns-packet'
import { DnsDiscovery } from '#lib/discovery/dns.js'
import { type DnsQuery, DnsServer, respond } from '../support/dns-server.js'
import { freePorts, noIPv6 } from '../support/network.js'
import { eventually, within } from '../support/wire.js'
import { patience, Rig } from './rig.js'

const api = 'api.test 100 A 10.0.0.1'
const isUdp = ({ over }: DnsQuery): boolean => over === 'udp'

/** An answer to a question that was not asked like that. */
function forged(query: DnsQuery, changes: { id?: number; name?: string; type?: 'A' | 'AAAA' }): Buffer {
  const { id = query.id, name = query.name, type = query.type as 'A' } = changes
  const data = type === 'A' ? '6.6.6.6' : '6::6'
  return respond({ id, questions: [{ name, type }] }, 0, [{ name, type, ttl: 60, data }], [])
}

/** Stops at nothing that a network can do to a packet. */
function asQuery(message: Buffer): Buffer {
  return encode({ ...decode(message), type: 'query' })
}

test('ids and ports are drawn anew for each question', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = 'api.test 1 A 10.0.0.1'
  await rig.first('dns:api.test:80')
  for (let lookups = 0; lookups < 15; lookups++) await rig.next()
  const { queries } = rig.server
  assert.equal(queries.length, 32)
  assert.ok(new Set(queries.map(({ id }) => id)).size > 28, 'ids repeat themselves')
  assert.ok(new Set(queries.map(({ port }) => port)).size > 16, 'ports repeat themselves')
  assert.ok(queries.every(({ edns }) => edns === 1232))
})

test('what does not fit is asked for over TCP', async (t) => {
  const rig = await Rig.start(t)
  const addresses = Array.from({ length: 200 }, (_, index) => `10.0.0.${index + 1}`)
  rig.server.records = addresses.map((address) => `api.test 100 A ${address}`).join('\n')
  rig.server.behave = (query) => (isUdp(query) && query.type === 'A' ? 'truncated' : undefined)
  await rig.first('dns:api.test:80')
  assert.deepEqual(
    rig.last,
    addresses.map((address) => `http://${address}:80`),
  )
  assert.deepEqual(
    rig.server.queries.filter(({ type }) => type === 'A').map(({ over }) => over),
    ['udp', 'tcp'],
  )
  await eventually(() => rig.server.connections === 0, 'the end of the connection')
})

test('a truncated answer is worth nothing when TCP fails', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = (query) => (isUdp(query) ? 'truncated' : 'close')
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.told, [])
  assert.match(rig.log[0]!, /the connection was closed before the answer|ECONNRESET/)
})

test('TCP has its time too', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = (query) => (isUdp(query) ? 'truncated' : 'silence')
  rig.want('dns:api.test:80')
  for (const round of [1, 2]) {
    await eventually(() => rig.server.connections === 2, `connections of round ${round}`)
    await eventually(() => rig.server.queries.length === 4 * round, `questions of round ${round}`)
    rig.clock.advance(patience)
    await eventually(() => rig.server.connections === 0, `their end in round ${round}`)
  }
  await rig.lookups(1)
  assert.match(rig.log[0]!, /no answer within 2 s/)
})

test('an answer over TCP to another question is worth nothing', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = (query) => (isUdp(query) ? 'truncated' : [forged(query, { id: query.id ^ 1 })])
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.told, [])
  assert.match(rig.log[0]!, /an answer to another question/)
})

test('packets that are not the answer are passed over', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = api
  rig.server.behave = (query) => [
    Buffer.alloc(0),
    randomBytes(200).fill(0, 2, 3),
    forged(query, { id: query.id ^ 1 }),
    forged(query, { name: 'evil.test' }),
    forged(query, { type: query.type === 'A' ? 'AAAA' : 'A' }),
    asQuery(forged(query, {})),
    respond({ id: query.id, questions: [] }, 0, [{ name: query.name, type: 'A', ttl: 60, data: '6.6.6.6' }], []),
    undefined,
  ]
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
})

test('records of other names than the one asked for are passed over', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = ({ id, name, type }) => {
    const answers = [{ name: 'evil.test', type: 'A' as const, ttl: 60, data: '6.6.6.6' }]
    return [respond({ id, questions: [{ name, type: type as 'A' }] }, 0, answers, [])]
  }
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, [])
})

test('a malformed answer is a failure', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = api
  await rig.first('dns:api.test:80')
  for (const cut of [1, 3, 5, 15]) {
    rig.server.behave = (query) => [forged(query, {}).subarray(0, -cut)]
    await rig.next()
    assert.equal(rig.told.length, 1, `${cut} bytes less`)
  }
  assert.deepEqual(rig.log, [
    `warn dns:http://api.test:80 cannot be looked up (${rig.server.address}: a malformed answer); 1 server kept`,
  ])
})

test('a name in upper case is the same name', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = ({ id, name, type }) => {
    if (type !== 'A') return undefined
    const written = name.toUpperCase()
    const answers = [
      { name: written, type: 'CNAME' as const, ttl: 60, data: 'Node.Test' },
      { name: 'nODE.tEST', type: 'A' as const, ttl: 60, data: '10.0.0.1' },
    ]
    return [respond({ id, questions: [{ name: written, type }] }, 0, answers, [])]
  }
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
})

test('a server without EDNS0 is asked without', async (t) => {
  for (const refusal of ['FORMERR', 'NOTIMP'] as const) {
    const rig = await Rig.start(t)
    rig.server.records = api
    rig.server.behave = ({ edns }) => (edns === undefined ? undefined : refusal)
    await rig.first('dns:api.test:80')
    assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  }
})

test('a server that says nothing is asked twice', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = api
  rig.server.behave = () => 'silence'
  rig.want('dns:api.test:80')
  await eventually(() => rig.server.queries.length === 2, 'the first questions')
  rig.clock.advance(patience)
  await eventually(() => rig.server.queries.length === 4, 'the second questions')
  rig.clock.advance(patience)
  await rig.lookups(1)
  assert.deepEqual(rig.told, [])
  assert.deepEqual(rig.log, [
    `warn dns:http://api.test:80 cannot be looked up (${rig.server.address}: no answer within 2 s); it has no servers`,
  ])
})

test('a lost packet costs a second try, and nothing else', async (t) => {
  const rig = await Rig.start(t)
  rig.server.records = api
  rig.server.behave = () => (rig.server.queries.length <= 2 ? 'silence' : undefined)
  rig.want('dns:api.test:80')
  await eventually(() => rig.server.queries.length === 2, 'the first questions')
  rig.clock.advance(patience)
  await rig.lookups(1)
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.deepEqual(rig.log, [])
})

test('the next server is asked when one fails, and the one that answers is asked first from then on', async (t) => {
  const good = await DnsServer.start()
  t.after(() => good.close())
  const bad = await DnsServer.start()
  t.after(() => bad.close())
  good.records = api
  bad.behave = () => 'SERVFAIL'
  const [nobody] = await freePorts(1)
  const rig = await Rig.start(t, { servers: [`127.0.0.1:${nobody}`, bad.address, good.address] })
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
  assert.equal(bad.queries.length, 2)
  await rig.next()
  assert.equal(bad.queries.length, 2)
  assert.equal(good.queries.length, 4)
  good.behave = () => 'REFUSED'
  bad.behave = () => undefined
  bad.records = 'api.test 100 A 10.0.0.2'
  await rig.next()
  assert.deepEqual(rig.last, ['http://10.0.0.2:80'])
})

test('a port at which nobody listens fails at once', async (t) => {
  const [nobody] = await freePorts(1)
  const rig = await Rig.start(t, { servers: [`127.0.0.1:${nobody}`] })
  await rig.first('dns:api.test:80')
  assert.match(rig.log[0]!, /ECONNREFUSED/)
})

test('a server is asked over IPv6', { skip: noIPv6 }, async (t) => {
  const server = await DnsServer.start('::1')
  t.after(() => server.close())
  server.records = api
  server.behave = (query) => (isUdp(query) && query.type === 'A' ? 'truncated' : undefined)
  const rig = await Rig.start(t, { servers: [server.address] })
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
})

// Other systems have one address on loopback.
const noOther = process.platform === 'linux' ? false : 'this machine has no address 127.0.0.11'

test("Docker's DNS server is believed for 10 s, whatever it says", { skip: noOther }, async (t) => {
  const server = await DnsServer.start('127.0.0.11')
  t.after(() => server.close())
  server.records = 'api 600 A 10.0.0.1\nshort 5 A 10.0.0.1'
  const rig = await Rig.start(t, { servers: [server.address] })
  await rig.first('dns:api:80')
  rig.want('dns:short:80')
  await rig.lookups(2)
  assert.deepEqual(rig.clock.waits, [9_500, 4_750])
})

test('without servers those of the system are asked, as they are at the moment', async (t) => {
  const rig = await Rig.start(t, { servers: 'system' })
  rig.server.records = api
  const before = dns.getServers()
  t.after(() => dns.setServers(before))
  dns.setServers([rig.server.address])
  await rig.first('dns:api.test:80')
  assert.deepEqual(rig.last, ['http://10.0.0.1:80'])
})

test('DNS servers are addresses', () => {
  const parts = { ...({} as ConstructorParameters<typeof DnsDiscovery>[0]) }
  for (const server of ['ns.test', '10.0.0.1:0', '10.0.0.1:x', 'fd00::1:53:', '']) {
    assert.throws(() => new DnsDiscovery({ ...parts, servers: [server] }), Error, server)
  }
  for (const server of ['10.0.0.1', '10.0.0.1:5353', 'fd00::1', '[fd00::1]', '[fd00::1]:5353', 'fe80::1%eth0']) {
    new DnsDiscovery({ ...parts, servers: [server] }).close()
  }
})

/** How many sockets, files and pipes this process has open; undefined where that cannot be told. */
function openFiles(): number | undefined {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : undefined
}

test('close ends what is under way, and leaves nothing', async (t) => {
  const rig = await Rig.start(t)
  rig.server.behave = (query) => (isUdp(query) && query.name === 'a.test' ? 'truncated' : 'silence')
  const before = openFiles()
  rig.want('dns:a.test:80', 'dns:b.test:80', 'srv:c.test')
  await eventually(() => rig.server.queries.length === 7, 'all questions')
  assert.equal(rig.server.connections, 2)
  rig.discovery.close()
  rig.discovery.close()
  rig.want('dns:d.test:80')
  assert.equal(rig.clock.pending, 0)
  await eventually(() => rig.server.connections === 0 && openFiles() === before, 'the end of all sockets')
  assert.equal(rig.server.queries.length, 7)
  assert.deepEqual([rig.told, rig.log, rig.clock.waits], [[], [], []])
})

test('a look-up under way does not keep the process', async (t) => {
  const server = await DnsServer.start()
  t.after(() => server.close())
  server.behave = () => 'silence'
  const program = `
    import { systemClock } from '#lib/clock.js'
    import { DnsDiscovery } from '#lib/discovery/dns.js'
    import { systemRandom } from '#lib/random.js'
    const parts = { clock: systemClock, random: systemRandom, logger: console, found: console.log }
    const files = { hosts: '/nowhere', resolvConf: '/nowhere' }
    const source = { id: 'dns:http://a.test:80', kind: 'dns', name: 'a.test', port: 80, scheme: 'http' }
    new DnsDiscovery({ ...parts, files, servers: ['${server.address}'] }).want([source])
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const [code] = await within(once(child, 'exit'), 'the end of the process')
  assert.deepEqual({ code, output }, { code: 0, output: '' })
})
