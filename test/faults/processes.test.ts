import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Load } from '../support/load.js'
import { found, ManagedCommand } from '../support/managed-command.js'
import { Restartable } from '../support/restartable.js'

const total = 100_000
const reloads = 50
const kills = 5
const connections = 64

/** The processes that serve. */
async function pids(proxy: ManagedCommand): Promise<number[]> {
  const { text } = await proxy.call('GET', '/metrics')
  return [...text.matchAll(/^pointsman_process_start_time_seconds\{pid="(\d+)"\}/gm)].map(([, pid]) => Number(pid))
}

test('of two processes one is killed again and again, while files and servers change: only its own connections are lost', {
  timeout: 110_000,
}, async (t) => {
  const script = join(import.meta.dirname, '../support/logging-server.js')
  const servers = Array.from({ length: 3 }, () => new Restartable(script, ''))
  t.after(() => Promise.all(servers.map((server) => server.kill())))
  await Promise.all(servers.map((server) => server.start()))
  const list = servers.map(({ port }) => `127.0.0.1:${port}`)
  const conf = (at: number): string => `[CLUSTER]
Processes 2
[PROXY_ENTRY web]
Match /*
ServerList ${[...list.slice(at % 3), ...list.slice(0, at % 3)].join(' ')}
LoadBalance ${at % 2 === 0 ? 'Round-Robin' : 'Least-Connections'}
`
  const proxy = await ManagedCommand.start(t, conf(0))
  const load = new Load(t, proxy.port, ['/#'], { connections, reopens: true })
  const before = await found(async () => {
    const list = await pids(proxy)
    return list.length === 2 ? list : undefined
  }, 'two processes')

  const change = async (): Promise<void> => {
    for (let i = 1; i <= reloads; i++) {
      proxy.write(conf(i))
      assert.deepEqual((await proxy.call('POST', '/reload')).json, { reloaded: true })
      await load.reached((i * total) / (reloads + 1))
    }
  }
  const restart = async (): Promise<void> => {
    for (const [i, server] of servers.entries()) {
      await load.reached(((i + 1) * total) / 5)
      await server.kill()
      await load.more()
      await server.start()
    }
  }
  const kill = async (): Promise<void> => {
    for (let i = 1; i <= kills; i++) {
      await load.reached((i * total) / (kills + 1))
      const victim = (await pids(proxy))[i % 2]
      process.kill(victim!, 'SIGKILL')
      await found(async () => {
        const list = await pids(proxy)
        return list.length === 2 && !list.includes(victim!) ? list : undefined
      }, `another process in place of ${victim}`)
    }
  }
  await Promise.all([change(), restart(), kill()])
  await load.reached(total)
  const { answered, results } = await load.stop()
  const { 200: good = 0, ...lost } = results
  const count = Object.values(lost).reduce((sum, each) => sum + each, 0)
  assert.equal(good + count, answered)
  // A connection that was lost with its process, at most once with each; and no answer but 200.
  for (const what of Object.keys(lost))
    assert.match(what, /^(?:error ECONNRESET$|error EPIPE$|a connection ended, with "")/)
  assert.ok(count <= kills * connections, JSON.stringify(results))
  const after = await pids(proxy)
  assert.equal(after.filter((pid) => before.includes(pid)).length, 0)
  assert.equal(proxy.command.stdout.match(/was ended by SIGKILL/g)?.length, kills)
  proxy.command.signal('SIGTERM')
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
})
