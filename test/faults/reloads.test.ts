import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Load } from '../support/load.js'
import { ManagedCommand } from '../support/managed-command.js'
import { Restartable } from '../support/restartable.js'
import { request } from '../support/rig.js'

const total = 100_000
const reloads = 50

/** Two configurations that differ in entries, weights and order. */
function variants(ports: readonly number[]): readonly [string, string] {
  const [a, b, c] = ports.map((port) => `127.0.0.1:${port}`)
  return [
    `[PROXY_ENTRY api]
Match /api/*
ServerList ${a} ${b}*2 ${c}
SetResponseHeader X-Variant first
[PROXY_ENTRY rest]
Match /*
ServerList ${c} ${a} ${b}
LoadBalance Least-Connections
SetResponseHeader X-Variant first
`,
    `[PROXY_ENTRY static]
Match /static/*
ServerList ${b} ${c}
BackupList ${a}
LoadBalance Weighted
SetResponseHeader X-Variant second
[PROXY_ENTRY rest]
Match /*
ServerList ${a}*3 ${b} ${c}*2
SetResponseHeader X-Variant second
`,
  ]
}

test('no request is lost while the file changes and servers are killed and started again', {
  timeout: 110_000,
}, async (t) => {
  const script = join(import.meta.dirname, '../support/logging-server.js')
  const servers = Array.from({ length: 3 }, () => new Restartable(script, ''))
  t.after(() => Promise.all(servers.map((server) => server.kill())))
  await Promise.all(servers.map((server) => server.start()))
  const confs = variants(servers.map(({ port }) => port))
  const proxy = await ManagedCommand.start(t, confs[0])
  const load = new Load(t, proxy.port, ['/api/#', '/static/#', '/#'])

  const change = async (): Promise<void> => {
    for (let i = 1; i <= reloads; i++) {
      proxy.write(confs[i % 2]!)
      if (i % 4 < 2) assert.match(await proxy.hangUp(), /^reloaded/)
      else assert.deepEqual((await proxy.call('POST', '/reload')).json, { reloaded: true })
      // Whoever is told of a reload finds it in force.
      const variant = (await request({ port: proxy.port, path: '/static/mine' })).headers['x-variant']
      assert.equal(variant, ['first', 'second'][i % 2])
      await load.reached((i * total) / (reloads + 1))
    }
  }
  const restart = async (): Promise<void> => {
    for (const [i, server] of servers.entries()) {
      await load.reached(((i + 1) * total) / 5)
      await server.kill()
      // Long enough for its connections to break, and for others to be tried.
      await load.more()
      await server.start()
    }
  }
  await Promise.all([change(), restart()])
  await load.reached(total)
  const { answered, sent, results } = await load.stop()
  assert.equal(answered, sent)
  assert.deepEqual(results, { 200: answered })
  const { json } = await proxy.call('GET', '/stats')
  assert.deepEqual(json.client, { success: answered + reloads, failed: 0 })
  // Each of them was missed while it was away.
  for (const { port } of servers)
    assert.match(proxy.command.stdout, new RegExp(`127\\.0\\.0\\.1:${port} is offline, was up`))
  for (const { connections } of await proxy.servers()) assert.equal(connections, 0)
  assert.equal(proxy.command.stdout.match(/reloaded proxy\.conf: entry/g)?.length, reloads)
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
  assert.equal(proxy.command.stderr, '')
})
