import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { DnsServer } from '../support/dns-server.js'
import { found, ManagedCommand } from '../support/managed-command.js'

/** A server on any free port of its address that answers with its name. */
async function named(t: TestContext, name: string): Promise<number> {
  const server = createServer((_, res) => res.end(name)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

for (const processes of [1, 2]) {
  test(`start follows what DNS says of a name, ${processes} serving, and takes what a reload names`, async (t) => {
    const dns = await DnsServer.start()
    t.after(() => dns.close())
    const [a, b] = [await named(t, 'a'), await named(t, 'b')]
    const records = (port: number): string => `api.test 1 SRV 0 0 ${port} one.test\none.test 1 A 127.0.0.1`
    dns.records = records(a)
    const conf = (list: string) =>
      `[CLUSTER]\nProcesses ${processes}\n[PROXY_DEFAULTS]\nResolver ${dns.address}\n[PROXY_ENTRY web]\nMatch /*\nServerList ${list}\n`
    const proxy = await ManagedCommand.start(t, conf('srv:api.test'))
    const answer = async (): Promise<string> => (await fetch(`http://127.0.0.1:${proxy.port}/`)).text()
    // A request that comes before the answer of DNS waits for it.
    assert.equal(await answer(), 'a')
    const { json } = await proxy.call('GET', '/servers')
    assert.deepEqual(
      json.servers.map(({ id, source }: { id: string; source: string }) => [id, source]),
      [[`http://127.0.0.1:${a}`, 'srv:http://api.test']],
    )
    dns.records = records(b)
    await found(async () => ((await answer()) === 'b' ? true : undefined), 'what DNS says now')

    proxy.write(conf(`dns:one.test:${a}`))
    assert.match(await proxy.hangUp(), /\+dns:one\.test:\d+ -srv:api\.test/)
    assert.equal(await answer(), 'a')
  })
}
