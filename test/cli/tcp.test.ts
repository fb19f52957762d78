import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { folder, Launched, launch } from '../support/process.js'
import { named, server } from '../support/tcp.js'
import { eventually, Wire, within } from '../support/wire.js'

async function started(
  t: TestContext,
  module: string,
  ...args: string[]
): Promise<{ command: Launched; port: number }> {
  const cwd = folder(t, { 'router.mjs': module })
  const command = launch(t, ['tcp', '-c', 'router.mjs', '-h', '127.0.0.1', '-p', '0', ...args], { cwd })
  const [, port] = await command.output(/listening on 127\.0\.0\.1:(\d+)/)
  return { command, port: Number(port) }
}

async function refused(t: TestContext, args: readonly string[], files: Record<string, string> = {}) {
  const command = new Launched(['tcp', ...args], { cwd: folder(t, files) })
  t.after(() => command.end())
  const { code } = await within(command.exited, 'the end')
  return `${code} ${command.stderr}`
}

const noPs = process.platform === 'linux' ? false : 'titles are read from /proc'

test('QUIT: nobody is accepted any more, and ten open connections finish', async (t) => {
  const echo = await named(t, 'x')
  const { command, port } = await started(t, `export default () => ({ remote: '${echo.address}' })`)
  const clients = await Promise.all(Array.from({ length: 10 }, () => Wire.connect(port)))
  for (const client of clients) client.write('1')
  for (const client of clients) await client.until('x:1')
  command.signal('SIGQUIT')
  await command.output(/SIGQUIT: finishing 10 connections\n/)
  await assert.rejects(Wire.connect(port), { code: 'ECONNREFUSED' })
  for (const client of clients) {
    client.end('2')
    assert.equal(await client.atEnd(), '2')
  }
  assert.deepEqual(await within(command.exited, 'the end'), { code: 0, signal: null })
  assert.match(command.stdout, /stopped\n$/)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: what is left after ten seconds is cut`, async (t) => {
    const silent = await server(t, (socket) => socket.write('!'))
    const { command, port } = await started(t, `export default () => ({ remote: '${silent.address}' })`)
    const client = await Wire.connect(port)
    client.write('1')
    await client.until('!')
    const begun = performance.now()
    command.signal(signal)
    await command.output(new RegExp(`${signal}: finishing 1 connection within 10 s`))
    assert.deepEqual(await within(command.exited, 'the end', 20_000), { code: 0, signal: null })
    const took = performance.now() - begun
    assert.ok(took > 9_500 && took < 15_000, `it took ${took} ms`)
    await client.atEnd()
  })
}

test('a second signal ends it at once', async (t) => {
  const silent = await server(t, (socket) => socket.write('!'))
  const { command, port } = await started(t, `export default () => ({ remote: '${silent.address}' })`)
  const client = await Wire.connect(port)
  client.write('1')
  await client.until('!')
  command.signal('SIGQUIT')
  await command.output(/SIGQUIT: finishing/)
  command.signal('SIGTERM')
  await command.output(/SIGTERM: finishing/)
  command.signal('SIGINT')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 1, signal: null })
})

test('the title tells current, peak and total connections', { skip: noPs }, async (t) => {
  const { command, port } = await started(t, 'export default () => ({ noop: true })')
  const title = (): string => readFileSync(`/proc/${command.pid}/cmdline`, 'latin1').split('\0')[0]!
  assert.equal(title(), 'pointsman tcp 0/0/0')
  const clients = [await Wire.connect(port), await Wire.connect(port)]
  await eventually(() => title() === 'pointsman tcp 2/2/2', 'two connections')
  clients[0]!.end()
  await eventually(() => title() === 'pointsman tcp 1/2/2', 'one of them to end')
})

test('the options of the module count, and what goes wrong is told', async (t) => {
  const module = `
    export const options = { decisionTimeout: 30, connectRetries: 0 }
    export default (data) => {
      if (data.toString() === 'throw') null.x
      return data.toString() === 'bad' ? { remote: 'nowhere' } : data.toString() === 'dead' ? { remote: '127.0.0.1:1' } : { noop: true }
    }`
  const { command, port } = await started(t, module)
  for (const [sent, told] of [
    ['', /127\.0\.0\.1: no decision within 30 ms/],
    ['throw', /the route threw: .*null.*\nTypeError.*\n.*router\.mjs:4/],
    ['bad', /bad remote: the port is missing in "nowhere"\n/],
    ['dead', /no connection to 127\.0\.0\.1:1: connect ECONNREFUSED/],
  ] as const) {
    const client = await Wire.connect(port)
    client.write(sent)
    await client.atEnd()
    await command.output(told)
  }
})

test('what cannot be started is told, and ends', async (t) => {
  const taken = await server(t, () => {})
  const route = { 'router.mjs': 'export default () => ({ noop: true })' }
  const args = ['-c', 'router.mjs', '-h', '127.0.0.1']
  assert.match(await refused(t, []), /^2 pointsman tcp: the module with the route is missing/)
  assert.match(await refused(t, ['-c', 'x.mjs']), /^1 cannot load x\.mjs: .*Cannot find module/s)
  assert.match(await refused(t, ['-c', 'x.mjs'], { 'x.mjs': 'export const a = 1' }), /^1 x\.mjs has no route/)
  assert.match(await refused(t, ['-c', 'x.mjs'], { 'x.mjs': 'throw new Error("oh")' }), /^1 cannot load x\.mjs: .*oh/s)
  const options = { 'x.mjs': 'export default () => {}; export const options = { maxBufer: 1 }' }
  assert.match(await refused(t, ['-c', 'x.mjs'], options), /^1 x\.mjs: options: .*did you mean "maxBuffer"/)
  assert.match(await refused(t, [...args, '-p', '70000'], route), /^2 pointsman tcp: --port: bad port "70000"/)
  const inUse = await refused(t, [...args, '-p', `${taken.port}`], route)
  assert.match(inUse, new RegExp(`^1 cannot listen on 127\\.0\\.0\\.1:${taken.port}: the address is in use`))
})
