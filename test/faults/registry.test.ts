import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Etcd, noEtcd } from '../support/etcd.js'
import { Load } from '../support/load.js'
import { found, ManagedCommand } from '../support/managed-command.js'

/** A server that answers with its name. */
async function named(t: TestContext, name: string): Promise<string> {
  const server = createServer((_, res) => res.end(name))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answer(proxy: ManagedCommand): Promise<string> {
  return (await fetch(`http://127.0.0.1:${proxy.port}/`)).text()
}

async function readyz(proxy: ManagedCommand): Promise<string> {
  const { status, text } = await proxy.call('GET', '/readyz')
  return `${status} ${text}`
}

for (const processes of [1, 2]) {
  test(`two proxies, ${processes} serving in each, share what is added through one, and go on without etcd`, {
    skip: noEtcd,
    timeout: 90_000,
  }, async (t) => {
    const etcd = await Etcd.start(t)
    const conf = `[CLUSTER]\nRegistry etcd://127.0.0.1:${etcd.port}/test\nProcesses ${processes}\n[PROXY_ENTRY web]\nMatch /*\n`
    const one = await ManagedCommand.start(t, conf)
    const other = await ManagedCommand.start(t, conf)
    const a = await named(t, 'a')
    const begun = performance.now()
    assert.equal((await one.call('POST', '/servers', { body: { url: a } })).status, 201)
    // It waits for its server, if that is not there yet.
    assert.equal(await answer(other), 'a')
    assert.ok(performance.now() - begun < 1_000)
    assert.equal(await answer(one), 'a')

    const loads = [one, other].map(({ port }) => new Load(t, port, ['/'], { connections: 16 }))
    await Promise.all(loads.map((load) => load.reached(1_000)))
    await etcd.kill()
    const gone = performance.now()
    for (const proxy of [one, other]) {
      await found(async () => (/"disconnected"/.test(await readyz(proxy)) ? true : undefined), '/readyz to tell of it')
      assert.match(await readyz(proxy), /^200 /)
      const { text } = await proxy.call('GET', '/metrics')
      assert.match(text, /^pointsman_registry_connected(?:\{[^}]*\})? 0$/m)
    }
    const refused = await one.call('POST', '/servers', { body: { url: 'http://127.0.0.1:1' } })
    assert.equal(refused.status, 503)
    while (performance.now() - gone < 10_000) await Promise.all(loads.map((load) => load.more(500)))
    await etcd.start()
    const b = await named(t, 'b')
    await found(async () => {
      const { status } = await other.call('POST', '/servers', { body: { url: b } })
      return status < 300 ? true : undefined
    }, 'the registry to be written again')
    for (const proxy of [one, other]) {
      await found(async () => ((await answer(proxy)) === 'b' ? true : undefined), 'the server that was added')
    }
    for (const load of loads) {
      await load.more()
      const { answered, results } = await load.stop()
      assert.deepEqual(results, { 200: answered })
    }

    // What one takes out nobody asks any more.
    const [, port] = /:(\d+)$/.exec(b)!
    assert.equal((await one.call('DELETE', `/servers/127.0.0.1/${port}`)).status, 200)
    await found(async () => ((await other.servers()).length === 1 ? true : undefined), 'the removal')
  })
}

test('a server that somebody else has registered with a lease is there as long as its lease', {
  skip: noEtcd,
  timeout: 60_000,
}, async (t) => {
  const etcd = await Etcd.start(t)
  const proxy = await ManagedCommand.start(
    t,
    `[CLUSTER]\nRegistry etcd://127.0.0.1:${etcd.port}/test\n[PROXY_ENTRY web]\nMatch /*\nServerList 127.0.0.1:1\n`,
  )
  const a = await named(t, 'a')
  await etcd.ctl('put', '--lease', await etcd.lease(2), 'test/pools/web/servers/a', `{"url":"${a}"}`)
  await found(async () => ((await proxy.servers()).length === 2 ? true : undefined), 'the server')
  await found(async () => ((await proxy.servers()).length === 1 ? true : undefined), 'the end of the lease')
})

test('a pool that a reload brings has what the registry knew of it already', {
  skip: noEtcd,
  timeout: 60_000,
}, async (t) => {
  const etcd = await Etcd.start(t)
  const conf = `[CLUSTER]\nRegistry etcd://127.0.0.1:${etcd.port}/test\n[PROXY_ENTRY web]\nMatch /web\nServerList 127.0.0.1:1\n`
  const proxy = await ManagedCommand.start(t, conf)
  const a = await named(t, 'a')
  await etcd.ctl('put', 'test/pools/other/servers/a', a)
  await etcd.ctl('put', 'test/pools/web/servers/a', a)
  await found(
    async () => ((await proxy.servers()).length === 2 ? true : undefined),
    'the server of the pool that is there',
  )
  proxy.write(`${conf}[PROXY_ENTRY other]\nMatch /*\n`)
  await proxy.hangUp()
  await found(async () => ((await proxy.servers()).length === 3 ? true : undefined), 'that of the new one')
  assert.equal(await answer(proxy), 'a')
})
