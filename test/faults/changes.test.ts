import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balancerNames } from '#lib/balancers/registry.js'
import { Load } from '../support/load.js'
import { ManagedCommand } from '../support/managed-command.js'
import { httpServer } from '../support/upstream.js'

test('no request is lost while servers are removed, added, weighed, disabled, and balancers change', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => httpServer(t, (_, res) => res.end('answer'))))
  const ports = servers.map(({ port }) => port)
  const conf = `[PROXY_ENTRY all]
Match /*
ServerList ${ports.map((port) => `127.0.0.1:${port}`).join(' ')}
HealthCheck /health
HealthInterval 100ms
`
  const proxy = await ManagedCommand.start(t, conf)
  const load = new Load(t, proxy.port, ['/#'])
  const change = async (method: string, path: string, body?: object): Promise<void> => {
    const { status, text } = await proxy.call(method, path, { body })
    assert.ok(status === 200 || status === 201, `${method} ${path}: ${status} ${text}`)
    await load.more(50)
  }
  for (const [i, balancer] of balancerNames().entries()) {
    const port = ports[i % ports.length]!
    const path = `/servers/127.0.0.1/${port}`
    await change('PATCH', '/pools/all', { balancer })
    await change('PATCH', path, { weight: (i % 5) + 1 })
    await change('PATCH', path, { state: i % 2 === 0 ? 'disabled' : 'draining' })
    await change('PATCH', path, { state: 'up' })
    await change('PATCH', path, { health: { path: `/health/${i}`, interval: '200ms' } })
    await change('DELETE', i % 2 === 0 ? path : `${path}?drain=20`)
    if (i % 3 === 0) await change('POST', '/reload')
    await change('POST', '/servers', { url: `http://127.0.0.1:${port}`, weight: 2, health: { path: '/other' } })
  }
  const { answered, results } = await load.stop()
  assert.deepEqual(results, { 200: answered })
  const left = await proxy.servers()
  assert.deepEqual(
    left.map(({ id, state, weight, connections }) => [id, state, weight, connections]).sort(),
    ports.map((port) => [`http://127.0.0.1:${port}`, 'up', 2, 0]).sort(),
  )
})
