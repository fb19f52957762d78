import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Load } from '../support/load.js'
import { found, ManagedCommand } from '../support/managed-command.js'
import { httpServer } from '../support/upstream.js'

/** A server that counts what it is asked. */
class Asked {
  readonly port: number
  requests = 0
  /** The result of each check, in order. */
  readonly checks: boolean[] = []
  /** Whether the next check, by its number, passes. */
  passes: (check: number) => boolean = () => true

  private constructor(port: number) {
    this.port = port
  }

  static async listen(t: TestContext): Promise<Asked> {
    const { port } = await httpServer(t, (req, res) => {
      if (req.url !== '/health') asked.requests++
      else asked.checks.push(asked.passes(asked.checks.length))
      res.statusCode = req.url === '/health' && !asked.checks.at(-1) ? 500 : 200
      res.end('answer')
    })
    const asked: Asked = new Asked(port)
    return asked
  }

  /** It was checked so often again, and each but the last has been taken in by the proxy. */
  async checked(count: number): Promise<void> {
    const wanted = this.checks.length + count
    await found(() => (this.checks.length >= wanted ? true : undefined), `${count} checks`)
  }
}

interface Checked {
  readonly proxy: ManagedCommand
  readonly server: Asked
  readonly load: Load
}

/** Two servers under a light load; one of them is `server`. */
async function checked(t: TestContext): Promise<Checked> {
  const [server, other] = [await Asked.listen(t), await Asked.listen(t)]
  const conf = `[PROXY_ENTRY all]
Match /*
ServerList 127.0.0.1:${server.port} 127.0.0.1:${other.port}
HealthCheck /health
HealthInterval 100ms
`
  const proxy = await ManagedCommand.start(t, conf)
  return { proxy, server, load: new Load(t, proxy.port, ['/#'], { connections: 4 }) }
}

test('a server whose check fails three times gets nothing more, and after two passes it does', async (t) => {
  const { proxy, server, load } = await checked(t)
  await load.more()
  assert.ok(server.requests > 0)
  const failing = server.checks.length
  server.passes = () => false
  const { reason } = await proxy.isIn('down', server.port)
  assert.equal(reason, '3 checks in a row failed: it answered 500')
  assert.ok(server.checks.length - failing >= 3)
  // Those that were on their way to it.
  await load.more()
  const { requests } = server
  await Promise.all([load.more(1000), server.checked(3)])
  assert.equal(server.requests, requests)
  const passing = server.checks.length
  server.passes = () => true
  const up = await proxy.isIn('up', server.port)
  assert.equal(up.reason, '2 checks in a row passed')
  assert.ok(server.checks.length - passing >= 2)
  await load.more()
  assert.ok(server.requests > requests)
  const { answered, results } = await load.stop()
  assert.deepEqual(results, { 200: answered })
  const told = proxy.command.stdout.match(new RegExp(`127\\.0\\.0\\.1:${server.port} is \\w+, was \\w+: .*`, 'g'))
  assert.deepEqual(
    told?.map((line) => line.replace(/^\S+ /, '')),
    ['is down, was up: 3 checks in a row failed: it answered 500', 'is up, was down: 2 checks in a row passed'],
  )
})

test('a server that fails and passes its checks in turn stays as it is, up or down', async (t) => {
  const { proxy, server, load } = await checked(t)
  const state = async (): Promise<string | undefined> =>
    (await proxy.servers()).find(({ id }) => id.endsWith(`:${server.port}`))?.state
  // Two of three fail: never three in a row.
  server.passes = (check) => check % 3 === 0
  await server.checked(10)
  assert.equal(await state(), 'up')
  server.passes = () => false
  await proxy.isIn('down', server.port)
  // Every other passes: never two in a row.
  server.passes = (check) => check % 2 === 0
  await server.checked(10)
  assert.equal(await state(), 'down')
  const { requests } = server
  await load.more()
  assert.equal(server.requests, requests)
  assert.equal(proxy.command.stdout.match(/ is \w+, was \w+/g)?.length, 1)
  const { answered, results } = await load.stop()
  assert.deepEqual(results, { 200: answered })
})
