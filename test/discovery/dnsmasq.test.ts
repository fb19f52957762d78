/** The same against a DNS server that others have written. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/network.js'
import { within } from '../support/wire.js'
import { Rig } from './rig.js'

// Debian keeps it where only root looks.
const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`
const noDnsmasq =
  spawnSync('dnsmasq', ['--version'], { env: { PATH: path } }).status === 0
    ? false
    : 'there is no dnsmasq on this machine'

/** Starts dnsmasq with these lines of configuration; returns its address. */
async function dnsmasq(t: TestContext, lines: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-dnsmasq-'))
  const [port] = await freePorts(1)
  const file = join(folder, 'dnsmasq.conf')
  const own = ['no-resolv', 'no-hosts', 'bind-interfaces', 'listen-address=127.0.0.1', `port=${port}`, 'local=/test/']
  writeFileSync(file, `${[...own, ...lines].join('\n')}\n`)
  const args = ['--keep-in-foreground', '--log-facility=-', '--user=', `--conf-file=${file}`, '--pid-file=']
  const child: ChildProcess = spawn('dnsmasq', args, { env: { PATH: path }, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill()
    await ended
    rmSync(folder, { recursive: true })
  })
  let output = ''
  const started = new Promise<void>((resolve) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      output += chunk
      if (output.includes('started')) resolve()
    })
  })
  const early = ended.then(([code]) => Promise.reject(new Error(`dnsmasq ended with ${code}: ${output}`)))
  await within(Promise.race([started, early]), 'dnsmasq')
  return `127.0.0.1:${port}`
}

test('dnsmasq: addresses of both families, aliases, TTLs', { skip: noDnsmasq }, async (t) => {
  const server = await dnsmasq(t, [
    'host-record=a.test,10.0.0.1,fd00::1,90',
    'host-record=b.test,10.0.0.2,90',
    'cname=www.test,a.test,40',
  ])
  const rig = await Rig.start(t, { servers: [server] })
  rig.want('dns:www.test:80', 'dns:b.test:81', 'dns:none.test:82')
  await rig.lookups(3)
  assert.deepEqual(
    [...rig.told].sort((a, b) => (a.id < b.id ? -1 : 1)),
    [
      { id: 'dns:http://b.test:81', servers: ['http://10.0.0.2:81'] },
      { id: 'dns:http://none.test:82', servers: [] },
      { id: 'dns:http://www.test:80', servers: ['http://10.0.0.1:80', 'http://[fd00::1]:80'] },
    ],
  )
  assert.deepEqual([...rig.clock.waits].sort(), [38_000, 85_500, 950])
})

test('dnsmasq: SRV records, with the addresses that it adds', { skip: noDnsmasq }, async (t) => {
  const server = await dnsmasq(t, [
    'host-record=a.test,10.0.0.1,fd00::1',
    'host-record=b.test,10.0.0.2',
    'srv-host=_http._tcp.api.test,a.test,8081,10,50',
    'srv-host=_http._tcp.api.test,b.test,8082,10,100',
    'srv-host=_http._tcp.api.test,b.test,8083,20,0',
    'srv-host=_off._tcp.api.test',
  ])
  const rig = await Rig.start(t, { servers: [server] })
  await rig.first('srv:_http._tcp.api.test')
  assert.deepEqual(rig.last, [
    'http://10.0.0.1:8081',
    'http://10.0.0.2:8082*2',
    'http://[fd00::1]:8081',
    'http://10.0.0.2:8083 backup',
  ])
  rig.want('srv:_off._tcp.api.test')
  await rig.lookups(2)
  assert.deepEqual(rig.last, [])
})

test('dnsmasq: more than fits into a packet', { skip: noDnsmasq }, async (t) => {
  const addresses = Array.from({ length: 150 }, (_, index) => `10.0.0.${index + 1}`)
  const server = await dnsmasq(
    t,
    addresses.map((address) => `host-record=many.test,${address}`),
  )
  const rig = await Rig.start(t, { servers: [server] })
  await rig.first('dns:many.test:80')
  assert.deepEqual(
    rig.last,
    addresses.map((address) => `http://${address}:80`),
  )
})
