/** How fast a change through one proxy is in force on another, by an etcd of one member on this machine's disk. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { freePort } from '../harness/ports.mjs'
import { findProgram } from '../harness/programs.mjs'
import { percentile } from '../harness/statistics.mjs'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** @type {import('./case.mjs').Case} */
export const registryCase = {
  name: 'registry',
  title: 'Pools shared through etcd',
  about: ({ registered }) =>
    `${registered} servers added one after the other through the management API of one proxy: the time of a call, which is answered when the change is in force there, and until the other proxy lists the server; one etcd, on the same machine and its disk.`,
  columns: ['p50', 'p99'],
  async run({ plan, temp, note }) {
    const etcd = findProgram('etcd')
    if (etcd === undefined) {
      note('etcd is not installed: left out')
      return []
    }
    const [clients, peers] = [await freePort(), await freePort()]
    const [url, peer] = [`http://127.0.0.1:${clients}`, `http://127.0.0.1:${peers}`]
    const store = new Child(etcd, [
      ...['--data-dir', mkdtempSync(join(temp, 'etcd-')), '--name', 'm0', '--initial-cluster', `m0=${peer}`],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ])
    /** @type {Child[]} */
    const proxies = []
    try {
      await listening(store, clients)
      const apis = []
      for (let i = 0; i < 2; i++) {
        const [port, management] = [await freePort(), await freePort()]
        const file = join(temp, `registry-${port}.conf`)
        const sections = `[LISTEN]\nAddress 127.0.0.1:${port}\n[MANAGEMENT]\nListen 127.0.0.1:${management}\n`
        const cluster = `[CLUSTER]\nRegistry etcd://127.0.0.1:${clients}/bench\n`
        writeFileSync(file, `${sections}${cluster}[PROXY_ENTRY web]\nMatch /*\nServerList 127.0.0.1:1\n`)
        const child = new Child(process.execPath, [program, 'start', '-c', file])
        proxies.push(child)
        await listening(child, management)
        apis.push(management)
      }
      const { calls, arrivals } = await add(apis, plan.registered)
      const row = (name, times) => ({ name, values: { p50: percentile(times, 50), p99: percentile(times, 99) } })
      return [row('the call', calls), row('at the other proxy', arrivals)]
    } finally {
      await Promise.all([store, ...proxies].map((child) => child.stop()))
    }
  },
}

async function add([one, other], count) {
  const [calls, arrivals] = [[], []]
  for (let i = 1; i <= count; i++) {
    const begun = performance.now()
    const arrived = call(other, 'GET', `/servers/10.0.0.1/${i}`).then(async function again({ status }) {
      if (status === 200) return arrivals.push(performance.now() - begun)
      return again(await call(other, 'GET', `/servers/10.0.0.1/${i}`))
    })
    const { status } = await call(one, 'POST', '/servers', JSON.stringify({ url: `10.0.0.1:${i}` }))
    if (status !== 201) throw new Error(`a call was answered with ${status}`)
    calls.push(performance.now() - begun)
    await arrived
  }
  return { calls, arrivals }
}

function call(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', method, path }, (res) => {
      res.resume().once('end', () => resolve({ status: res.statusCode }))
    })
    req.once('error', reject)
    req.end(body)
  })
}
