/** Several processes with a proxy each: what a user sees of them. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/network.js'
import { httpServer } from '../support/upstream.js'
import { eventually, Wire, within } from '../support/wire.js'
import { patiently } from './patience.js'
import { Several } from './several.js'

/** A server that answers with its name. */
async function named(t: TestContext, name: string): Promise<string> {
  const { url } = await httpServer(t, (_, res) => res.end(name))
  return url.replace('http://', '')
}

/** One request on a connection of its own: status and body. */
function ask(url: string, agent: Agent | false = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url)
    const req = get({ hostname, port, path: pathname, agent }, (res: IncomingMessage) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      res.on('end', () => resolve(`${res.statusCode} ${text}`))
      res.on('error', reject)
    })
    req.on('error', reject)
  })
}

function conf(servers: string, listen = '127.0.0.1:0', more = ''): string {
  return `[PROXY_ENTRY a]\nMatch /*\nServerList ${servers}\n${more}\n[LISTEN]\nAddress ${listen}\nShutdownTimeout 5\n`
}

test('a change is in force in every process before it answers', async (t) => {
  const [first, second] = [await named(t, 'first'), await named(t, 'second')]
  const proxy = new Several(t, conf(first), 3)
  const url = await proxy.url()
  assert.equal(await ask(url), '200 first')
  for (let round = 0; round < 5; round++) {
    await proxy.change({ kind: 'add', url: second })
    await proxy.change({ kind: 'server', server: first, state: 'disabled' })
    const after = await Promise.all(Array.from({ length: 12 }, () => ask(url)))
    assert.deepEqual(new Set(after), new Set(['200 second']))
    await proxy.change({ kind: 'server', server: first, state: 'up' })
    await proxy.change({ kind: 'remove', server: second })
    const back = await Promise.all(Array.from({ length: 12 }, () => ask(url)))
    assert.deepEqual(new Set(back), new Set(['200 first']))
  }
  assert.match(String((await proxy.change({ kind: 'remove', server: second })).error), /no server/)
})

test('under load, killed five times: only requests on their own connections are lost, and the picture stays', async (t) => {
  const [first, second] = [await named(t, 'first'), await named(t, 'second')]
  const proxy = new Several(t, conf(first))
  const url = await proxy.url()
  await proxy.change({ kind: 'add', url: second })
  await proxy.change({ kind: 'server', server: first, state: 'disabled' })
  let over = false
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  const client = async (kept: boolean): Promise<void> => {
    const agent = kept ? new Agent({ keepAlive: true, maxSockets: 1 }) : false
    while (!over) {
      await within(
        ask(url, agent).then(count, (error: NodeJS.ErrnoException) => count(error.code ?? 'error')),
        'an answer',
      )
    }
    if (agent !== false) agent.destroy()
  }
  const clients = [false, false, false, true, true, true].map(client)
  const killed: number[] = []
  for (let round = 0; round < 5; round++) {
    const [victim = 0] = await proxy.serving(2, killed)
    const before = outcomes.get('200 second') ?? 0
    await eventually(() => (outcomes.get('200 second') ?? 0) > before + 50, 'some traffic')
    process.kill(victim, 'SIGKILL')
    killed.push(victim)
  }
  await proxy.serving(2, killed)
  over = true
  await Promise.all(clients)
  const answered = outcomes.get('200 second') ?? 0
  outcomes.delete('200 second')
  // A connection that breaks is the only loss: no other answer, no refusal, no server that was not to be asked.
  assert.deepEqual(
    [...outcomes.keys()].filter((outcome) => outcome !== 'ECONNRESET'),
    [],
  )
  assert.ok((outcomes.get('ECONNRESET') ?? 0) <= 5 * 6)
  for (const pid of killed)
    await proxy.line(new RegExp(`process ${pid} was ended by SIGKILL; another one takes its place`))
  const { client: counted } = await proxy.snapshot()
  assert.ok(counted.success <= answered)
})

test('counts are sums, and do not go back when a process dies', async (t) => {
  const proxy = new Several(t, conf(await named(t, 'first')))
  const url = await proxy.url()
  for (let n = 0; n < 10; n++) await ask(url)
  const before = await proxy.snapshot()
  assert.deepEqual([before.client.success, before.pools[0]!.servers[0]!.success, before.processes.length], [10, 10, 2])
  const [victim = 0] = await proxy.pids()
  process.kill(victim, 'SIGKILL')
  await proxy.serving(2, [victim])
  const after = await proxy.snapshot()
  assert.deepEqual([after.client.success, after.pools[0]!.servers[0]!.success, after.processes.length], [10, 10, 2])
  assert.deepEqual(
    after.processes.map(({ pid }) => pid),
    await proxy.pids(),
  )
})

test('a server that fails is told offline once, and is offline in the sum', async (t) => {
  const [port] = await freePorts(1)
  const proxy = new Several(t, conf(`127.0.0.1:${port} ${await named(t, 'second')}`, undefined, 'AttemptsCount 1'), 3)
  const url = await proxy.url()
  for (let n = 0; n < 12; n++) assert.equal(await ask(url), '200 second')
  await proxy.line(/is offline, was up/)
  const { pools } = await proxy.snapshot()
  assert.deepEqual(
    pools[0]!.servers.map(({ state }) => state),
    ['offline', 'up'],
  )
  assert.equal(proxy.lines.filter((line) => / is offline, was up/.test(line)).length, 1)
})

test('one process checks for all, and its verdicts reach all', async (t) => {
  let [probes, healthy] = [0, true]
  const { url: checked } = await httpServer(t, (req, res) => {
    if (req.url !== '/health') return res.end('checked')
    probes++
    res.statusCode = healthy ? 200 : 500
    return res.end()
  })
  // Three failures in a row take it out, two passes bring it back.
  const check = 'HealthCheck /health\nHealthInterval 100ms'
  const proxy = new Several(t, conf(`${checked} ${await named(t, 'other')}`, undefined, check), 3)
  const url = await proxy.url()
  await eventually(() => probes > 1, 'a probe')
  healthy = false
  await proxy.line(/is down, was up/)
  const down = await Promise.all(Array.from({ length: 12 }, () => ask(url)))
  assert.deepEqual(new Set(down), new Set(['200 other']))
  const { pools } = await proxy.snapshot()
  assert.deepEqual([pools[0]!.servers[0]!.state, pools[0]!.servers[0]!.lastCheck?.passed], ['down', false])
  // A successor knows before it serves.
  const [victim = 0] = await proxy.pids()
  process.kill(victim, 'SIGKILL')
  await proxy.serving(3, [victim])
  const still = await Promise.all(Array.from({ length: 12 }, () => ask(url)))
  assert.deepEqual(new Set(still), new Set(['200 other']))
  healthy = true
  await proxy.line(/is up, was down/)
  assert.equal(proxy.lines.filter((line) => / is down, was up/.test(line)).length, 1)
})

test('HUP reloads all processes under load without losing a request; what does not load changes nothing', async (t) => {
  const [first, second] = [await named(t, 'first'), await named(t, 'second')]
  const [port] = await freePorts(1)
  const proxy = new Several(t, conf(first, `127.0.0.1:${port}`))
  const url = await proxy.url()
  const pids = await proxy.pids()
  let over = false
  const outcomes = new Set<string>()
  const clients = Array.from({ length: 4 }, async () => {
    while (!over) outcomes.add(await ask(url))
  })
  for (let round = 0; round < 4; round++) {
    const from = proxy.lines.length
    writeFileSync(proxy.file, conf(round % 2 === 0 ? second : first, `127.0.0.1:${port}`))
    proxy.child.kill('SIGHUP')
    await proxy.line(/reloaded .*entry a: \+\S+ -\S+/, from)
    const after = await Promise.all(Array.from({ length: 8 }, () => ask(url)))
    assert.deepEqual(new Set(after), new Set([round % 2 === 0 ? '200 second' : '200 first']))
  }
  over = true
  await Promise.all(clients)
  assert.deepEqual(outcomes, new Set(['200 first', '200 second']))
  assert.deepEqual(await proxy.pids(), pids)
  writeFileSync(proxy.file, 'Nonsense')
  const from = proxy.lines.length
  proxy.child.kill('SIGHUP')
  await proxy.line(/was not reloaded; what was in force goes on/, from)
  assert.match(String((await proxy.reload()).error), /Nonsense|proxy.conf/)
  assert.equal(await ask(url), '200 first')
})

test('the status page of every process shows the sums over all', async (t) => {
  const server = await named(t, 'first')
  const proxy = new Several(t, `[PROXY_DEFAULTS]\nStatisticsURL /status\n${conf(server)}`, 3)
  const url = await proxy.url()
  for (let n = 0; n < 9; n++) assert.equal(await ask(url), '200 first')
  const pages = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const page = await fetch(`${url}/status`, { headers: { accept: 'application/json', connection: 'close' } })
      const { note, pools } = (await page.json()) as { note?: string; pools: { servers: { succeeded: number }[] }[] }
      return [note, pools[0]!.servers[0]!.succeeded]
    }),
  )
  assert.deepEqual(pages, Array(6).fill([undefined, 9]))
})

test('a successor starts with what is in force, not with what the file has become', async (t) => {
  const proxy = new Several(t, conf(await named(t, 'first')))
  const url = await proxy.url()
  writeFileSync(proxy.file, 'Nonsense')
  const [victim = 0] = await proxy.pids()
  process.kill(victim, 'SIGKILL')
  await proxy.serving(2, [victim])
  const after = await Promise.all(Array.from({ length: 8 }, () => ask(url)))
  assert.deepEqual(new Set(after), new Set(['200 first']))
})

test('an address that is taken keeps a reload from all processes, and can be had later on', async (t) => {
  const server = await named(t, 'first')
  const [own, taken] = await freePorts(2)
  const { server: blocker } = await httpServer(t, (_, res) => res.end())
  const address = blocker.address() as { port: number }
  const proxy = new Several(t, conf(server, `127.0.0.1:${own}`), 3)
  await proxy.url()
  writeFileSync(proxy.file, conf(server, `127.0.0.1:${own} 127.0.0.1:${address.port}`))
  assert.match(String((await proxy.reload()).error), /cannot listen on .*the address is in use/)
  writeFileSync(proxy.file, conf(server, `127.0.0.1:${own} 127.0.0.1:${taken}`))
  assert.deepEqual(await proxy.reload(), { reloaded: true })
  await proxy.line(new RegExp(`listening on http://127.0.0.1:${taken} too`))
  const replies = await Promise.all(Array.from({ length: 9 }, () => ask(`http://127.0.0.1:${taken}`)))
  assert.deepEqual(new Set(replies), new Set(['200 first']))
})

test('TERM: all processes finish what is under way, and it exits 0', async (t) => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const { url: slow } = await httpServer(t, (_, res) => {
    res.write('begun ')
    void held.then(() => res.end('done'))
  })
  const proxy = new Several(t, conf(slow))
  const { port } = new URL(await proxy.url())
  const wires = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const wire = await Wire.connect(Number(port))
      wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await wire.head()
      return wire
    }),
  )
  proxy.child.kill('SIGTERM')
  await proxy.line(/SIGTERM: finishing what is under way/)
  release()
  for (const wire of wires) await wire.atEnd()
  for (const wire of wires) assert.match(wire.unread, /begun [\s\S]*done/)
  assert.deepEqual(await patiently(proxy.exited, 'the end'), [0, null])
  assert.equal(proxy.lines.filter((line) => /SIGKILL|had not ended/.test(line)).length, 0)
})

test('a second signal ends it all at once', async (t) => {
  const { url: slow } = await httpServer(t, (_, res) => void res.write('begun'))
  const proxy = new Several(t, conf(slow))
  const { port } = new URL(await proxy.url())
  const pids = await proxy.pids()
  const wire = await Wire.connect(Number(port))
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await wire.head()
  proxy.child.kill('SIGTERM')
  await proxy.line(/SIGTERM: finishing/)
  proxy.child.kill('SIGINT')
  assert.deepEqual(await patiently(proxy.exited, 'the end'), [1, null])
  await wire.atClose()
  for (const pid of pids) {
    await eventually(() => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    }, 'the end of each')
  }
})

test('an address that is taken ends the start with its reason', async (t) => {
  const { server } = await httpServer(t, (_, res) => res.end())
  const { port } = server.address() as { port: number }
  const proxy = new Several(t, conf('127.0.0.1:1', `127.0.0.1:${port}`))
  assert.deepEqual(await patiently(proxy.exited, 'the end'), [1, null])
  assert.match(proxy.stderr, /^cannot listen on http:\/\/127.0.0.1:\d+: the address is in use; .*\n$/)
})

test('MaxConnections is divided among the processes', async (t) => {
  const server = await named(t, 'first')
  const proxy = new Several(t, `${conf(server)}MaxConnections 4\n`)
  const { port } = new URL(await proxy.url())
  const wires: Wire[] = []
  // One after the other, so that they are dealt out in turn.
  for (let n = 0; n < 4; n++) {
    const wire = await Wire.connect(Number(port))
    wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.equal((await wire.message()).text, 'first')
    wires.push(wire)
  }
  const beyond = await Wire.connect(Number(port))
  await beyond.atClose()
  wires[0]!.end()
  await wires[0]!.atClose()
  const deadline = performance.now() + 5_000
  let got = ''
  while (got !== '200 first' && performance.now() < deadline)
    got = await ask(`http://127.0.0.1:${port}`).catch(() => '')
  assert.equal(got, '200 first')
})
