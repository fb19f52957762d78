import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from '../support/process.js'
import { eventually } from '../support/wire.js'
import { ask, openYard, upload, type Yard } from '../workers/support.js'

const noPython: string | false =
  spawnSync('python3', ['--version']).status === 0 ? false : 'there is no Python on this machine'
const workerCommand = fileURLToPath(new URL('../workers/worker-command.js', import.meta.url))

/** Starts an example; it is killed with the test, and so are the processes that it has started. */
function start(t: TestContext, command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
    detached: true,
  })
  const exited = once(child, 'exit')
  t.after(async () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL')
    } catch {
      // All of them have ended.
    }
    await exited
  })
  return child
}

/** A copy of an example, for which `pointsman` is what was built here. */
function example(t: TestContext, name: string): string {
  const path = folder(t)
  const own = join(path, 'node_modules', 'pointsman')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'package.json'), '{ "type": "module", "exports": { "./worker": "./dist/workers/join.js" } }')
  symlinkSync(resolve('dist'), join(own, 'dist'), 'junction')
  for (const each of ['express', 'ws']) {
    symlinkSync(resolve('node_modules', each), join(dirname(own), each), 'junction')
  }
  copyFileSync(join('examples', name), join(path, name))
  return join(path, name)
}

/** Comes back with the names of the workers once there are so many. */
async function found(yard: Yard, count: number): Promise<readonly string[]> {
  await eventually(() => yard.gate.workers.length === count, `${count} workers`)
  return yard.gate.workers.map(({ instance }) => instance)
}

test('worker: any number of them, each answers, and one that is told to leave does', async (t) => {
  const yard = await openYard(t)
  const names = ['worker-1', 'worker-2', 'worker-3']
  const children = names.map((name) =>
    start(t, process.execPath, [example(t, 'worker.mjs'), name], { PROXY: yard.url }),
  )
  const answers = await Promise.all((await found(yard, 3)).map(async (instance) => (await ask(yard, instance)).body))
  assert.deepEqual(
    answers.sort(),
    names.map((name) => `Hello from ${name}\n`),
  )
  const [first] = children as [ChildProcess]
  const exited = once(first, 'exit')
  first.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  await found(yard, 2)
})

test('worker-express: an app with routes and bodies', async (t) => {
  const yard = await openYard(t, { services: ['api'], options: { token: 'secret' } })
  start(t, process.execPath, [example(t, 'worker-express.mjs')], { PROXY: yard.url, POINTSMAN_TOKEN: 'secret' })
  const [instance = ''] = await found(yard, 1)
  const api = yard.upstream(instance, 'api')
  const hello = yard.sendTo(api, { target: '/api/hello', headers: ['Host', 'h', 'X-Forwarded-For', '192.0.2.1'] })
  await hello.over()
  assert.equal(hello.body, 'Hello, 192.0.2.1\n')
  const body = Buffer.from('{"name":"Ada"}')
  const headers = ['Host', 'h', 'Content-Type', 'application/json', 'Content-Length', String(body.length)]
  const post = yard.sendTo(api, { method: 'POST', target: '/api/users', headers, hasBody: true })
  await upload(post, body, 1)
  await post.over()
  assert.deepEqual([post.head?.status, post.body], [201, '{"created":"Ada"}'])
})

test('worker.py: a server in Python, and the sidecar', { skip: noPython }, async (t) => {
  const yard = await openYard(t)
  const child = start(t, 'python3', ['examples/worker.py', 'worker-p'], {
    PROXY: yard.url,
    POINTSMAN: `${process.execPath} ${workerCommand}`,
  })
  const [instance = ''] = await found(yard, 1)
  assert.equal((await ask(yard, instance)).body, 'Hello from worker-p\n')
  const post = yard.send(instance, { method: 'POST', headers: ['Host', 'h', 'Content-Length', '1000'], hasBody: true })
  await upload(post, Buffer.alloc(1_000), 1)
  await post.over()
  assert.equal(post.body, 'worker-p got 1000 bytes\n')
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})
