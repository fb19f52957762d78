import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { found, ManagedCommand } from '../support/managed-command.js'
import { httpServer } from '../support/upstream.js'
import { eventually, Wire } from '../support/wire.js'

const count = 100
const half = 'x'.repeat(20_000)

interface Downloads {
  readonly proxy: ManagedCommand
  /** The clients' ends; each has got the head and the first half. */
  readonly wires: readonly Wire[]
  /** The server's ends. */
  readonly answers: readonly ServerResponse[]
}

/** So many downloads that are half done, and stay so until the test goes on with them. */
async function downloads(t: TestContext, listen = ''): Promise<Downloads> {
  const answers: ServerResponse[] = []
  const { url } = await httpServer(t, (_, res) => {
    res.writeHead(200, { 'Content-Length': 2 * half.length })
    res.write(half)
    answers.push(res)
  })
  const conf = `[PROXY_ENTRY all]\nMatch /*\nServerList ${url}\n`
  const proxy = await ManagedCommand.start(t, conf, { listen })
  const wires = await Promise.all(Array.from({ length: count }, () => Wire.connect(proxy.port)))
  t.after(() => {
    for (const wire of wires) wire.destroy()
  })
  for (const wire of wires) wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  for (const wire of wires) {
    assert.equal((await wire.head()).status, 200)
    await wire.bytes(half.length)
  }
  return { proxy, wires, answers }
}

/** Tries to connect; what came of it. */
async function attempt(port: number): Promise<'accepted' | 'refused'> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return 'accepted'
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    return 'refused'
  } finally {
    socket.destroy()
  }
}

test('TERM: /readyz says it first, nothing new is accepted, and a hundred downloads end well', async (t) => {
  const { proxy, wires, answers } = await downloads(t)
  assert.equal((await proxy.call('GET', '/readyz')).status, 200)
  proxy.command.signal('SIGTERM')
  await found(async () => ((await attempt(proxy.port)) === 'refused' ? true : undefined), 'the end of accepting')
  // The management API goes on, to the end.
  const ready = await proxy.call('GET', '/readyz')
  assert.deepEqual([ready.status, ready.json.error.code], [503, 'not_ready'])
  assert.equal((await proxy.call('GET', '/healthz')).status, 200)
  assert.equal((await proxy.servers())[0]?.connections, count)
  const reload = await proxy.call('POST', '/reload')
  assert.deepEqual([reload.status, reload.json.error.message], [400, 'the proxy is about to stop'])
  // Nor does a signal to reload disturb it.
  proxy.command.signal('SIGHUP')
  await proxy.command.output(/was not reloaded; what was in force goes on/)
  assert.match(proxy.command.stderr, /^the proxy is about to stop\n$/)
  for (const answer of answers) answer.end(half)
  for (const wire of wires) assert.equal((await wire.bytes(half.length)).toString(), half)
  for (const wire of wires) await wire.atEnd()
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  assert.doesNotMatch(proxy.command.stdout, /had not ended/)
  assert.match(proxy.command.stdout, /stopped\n$/)
})

test('ShutdownTimeout: what has ended by then is whole, the rest is cut, and it ends', async (t) => {
  const { proxy, wires, answers } = await downloads(t, 'ShutdownTimeout 1\n')
  const begun = performance.now()
  proxy.command.signal('SIGTERM')
  await proxy.command.output(/SIGTERM: finishing/)
  await found(async () => ((await proxy.call('GET', '/readyz')).status === 503 ? true : undefined), 'the 503')
  const [ending, staying] = [wires.slice(0, 10), wires.slice(10)]
  // Which answer is whose download the server cannot know: their order is theirs.
  for (const answer of answers.slice(0, 10)) answer.end(half)
  await eventually(() => wires.filter(({ ended }) => ended).length >= 10, 'ten to end')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  const took = performance.now() - begun
  assert.ok(took > 900 && took < 15_000, `it took ${took} ms`)
  for (const wire of [...ending, ...staying]) await wire.atClose()
  assert.equal(wires.filter(({ unread }) => unread.length === half.length).length, 10)
  assert.equal(wires.filter(({ unread }) => unread.length === 0).length, count - 10)
  await proxy.command.output(/90 requests had not ended after 1000 ms: cut/)
})

test('checks that wait for an answer and clients of the management API do not hold up the end', async (t) => {
  let asked = 0
  const { url } = await httpServer(t, () => {
    asked++
  })
  const conf = `[PROXY_ENTRY all]\nMatch /*\nServerList ${url}\nHealthCheck /health\nHealthInterval 100ms\nHealthTimeout 1h\n`
  const proxy = await ManagedCommand.start(t, conf)
  await eventually(() => asked === 1, 'the check')
  const { port } = new URL(proxy.url)
  const [events, idle, silent] = await Promise.all([1, 2, 3].map(() => Wire.connect(Number(port))))
  events!.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await events!.until('event: stats')
  idle!.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await idle!.message()
  silent!.write('POST /servers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{')
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  for (const wire of [events, idle, silent]) await wire!.atClose()
  assert.equal(proxy.command.stderr, '')
})
