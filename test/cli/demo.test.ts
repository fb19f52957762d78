import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/network.js'
import { folder, launch, run } from '../support/process.js'
import { request } from '../support/rig.js'
import { eventually, within } from '../support/wire.js'

/** A copy of the example on other ports; returns its name and the ports in the order of 9001 … 9005, 8080. */
async function example(t: TestContext): Promise<{ file: string; ports: number[] }> {
  const ports = await freePorts(6)
  const known = ['9001', '9002', '9003', '9004', '9005', '8080']
  const text = readFileSync('proxy.conf.example', 'utf8').replace(/127\.0\.0\.1:(\d+)/g, (whole, port: string) =>
    known.includes(port) ? `127.0.0.1:${ports[known.indexOf(port)]}` : whole,
  )
  return { file: join(folder(t, { 'proxy.conf': text }), 'proxy.conf'), ports }
}

function gone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

test('the picture: servers that tell who they are, failover, and an end for all', async (t) => {
  const { file, ports } = await example(t)
  const command = launch(t, ['demo', '-c', file])
  await command.output(/Ctrl-C ends all of it/)
  const pids = [...command.stdout.matchAll(/process (\d+)$/gm)].map(([, pid]) => Number(pid))
  assert.equal(pids.length, 5)
  t.after(() => {
    for (const pid of pids) if (!gone(pid)) process.kill(pid, 'SIGKILL')
  })
  const [port] = ports.slice(-1) as [number]
  const ask = async (path: string): Promise<string> => {
    const { status, body, headers } = await request({ port, path })
    assert.equal(status, 200)
    assert.match(body, new RegExp(`^\\S+ \\(127\\.0\\.0\\.1:\\d+, pid \\d+\\) answered GET ${path}\\n$`))
    assert.equal(headers['x-server'], body.split(' ')[0])
    return body.split(' ')[0]!
  }
  assert.ok(command.stdout.includes(`curl http://127.0.0.1:${port}/index.php`))
  assert.ok(command.stdout.includes(`curl http://127.0.0.1:${port}/logo.png`))
  assert.ok(command.stdout.includes(`kill ${pids[0]} `))
  assert.deepEqual([await ask('/index.php'), await ask('/a/b.php')], ['dynamic-1', 'dynamic-1'])
  const turns = [await ask('/logo.png'), await ask('/a.css'), await ask('/b.js'), await ask('/c.html')]
  assert.deepEqual(turns, ['static-1', 'static-2', 'static-3', 'static-1'])

  process.kill(pids[0]!, 'SIGTERM')
  await command.output(/dynamic-1 \(.*\) has ended; to start it again/)
  for (let i = 0; i < 5; i++) assert.equal(await ask('/index.php'), 'dynamic-2')
  await command.output(new RegExp(`http://127\\.0\\.0\\.1:${ports[0]} is offline, was up`))
  // What is said to start it again does.
  const again = launch(t, (await command.output(/(demo-server dynamic-1 \S+)/))[1]!.split(' '))
  await again.output(/dynamic-1 listens on/)
  assert.match((await request({ port: ports[0]!, path: '/' })).body, /^dynamic-1 /)

  command.signal('SIGINT')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 0, signal: null })
  assert.ok(pids.every(gone))
})

test('the servers end with the demo, even when it is killed', async (t) => {
  const { file } = await example(t)
  const command = launch(t, ['demo', '-c', file])
  await command.output(/Ctrl-C ends all of it/)
  const pids = [...command.stdout.matchAll(/process (\d+)$/gm)].map(([, pid]) => Number(pid))
  command.signal('SIGKILL')
  await command.exited
  await eventually(() => pids.every(gone), 'the end of the servers')
})

test('a port in use is named, with what to do; nothing is left running', async (t) => {
  const { file, ports } = await example(t)
  for (const taken of [ports[1]!, ports[5]!]) {
    const other = createServer().listen(taken, '127.0.0.1')
    await once(other, 'listening')
    const { code, stderr } = await within(run(['demo', '-c', file]), 'the end')
    await once(other.close(), 'close')
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(`cannot listen on .*127\\.0\\.0\\.1:${taken}.* in use; "ss -ltnp sport = :${taken}"`),
    )
    assert.match(stderr, /take other ports: copy .*, change them there, and run "pointsman demo -c"/)
  }
  for (const port of ports) await assert.rejects(request({ port, path: '/' }), { code: 'ECONNREFUSED' })
})

test('only servers of this machine can be played', async (t) => {
  const cwd = folder(t, { 'proxy.conf': '[PROXY_ENTRY]\nMatch /*\nServerList 10.0.0.1:80\n' })
  const { code, stderr } = await run(['demo', '-c', 'proxy.conf'], { cwd })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /the demo can only be the server of http addresses of this machine, and not http:\/\/10\.0\.0\.1:80/,
  )
})
