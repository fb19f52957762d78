/** What it costs the proxy that its server has dialled in, or speaks HTTP/2, beside what a rival pays over TCP. */

import { fileURLToPath } from 'node:url'
import { Child } from '../harness/children.mjs'
import { askOnce, measureLoad } from '../harness/load.mjs'
import { freePort } from '../harness/ports.mjs'
import { smallBody } from '../harness/upstream.mjs'
import { wrk } from '../harness/wrk.mjs'
import { startServer } from './case.mjs'

const path = '/small'
const base = 'http-proxy'
const program = fileURLToPath(new URL('../upstreams/worker.mjs', import.meta.url))

/** @type {import('./case.mjs').Case} */
export const tunnelCase = {
  name: 'tunnel',
  title: 'Through a worker',
  about: () =>
    'Small GET, 64 connections; to a worker that has dialled in, and to a server of HTTP/2, each one Node process with one connection; and over TCP to nginx.',
  columns: /** @type {const} */ (['cost', 'throughput', 'p50', 'p99', 'memory']),
  ratio: { column: 'cost', label: '× http-proxy' },
  async run(context) {
    const { servers, plan, note } = context
    const h2c = await startServer('upstreams/h2c.mjs')
    /** @type {Child[]} */
    const workers = []
    const dialled = async () => {
      const workersPort = await freePort()
      const entries = [{ match: '/*', serverList: 'worker:default' }]
      const config = { entries, workers: { listen: `127.0.0.1:${workersPort}` } }
      const running = await rival(context, 'pointsman').start({ servers, config, workersPort })
      workers.push(new Child(process.execPath, [program, `http://127.0.0.1:${workersPort}`]))
      return running
    }
    const over = (serverList) => () =>
      rival(context, 'pointsman').start({ servers, config: { entries: [{ match: '/*', serverList }] } })
    const variants = [
      variant(context, 'a worker', dialled),
      variant(context, 'HTTP/2', over(`h2c://${h2c.address}`)),
      variant(context, 'HTTP/1.1', over(servers)),
      variant(context, base, () => rival(context, base).start({ servers })),
    ]
    try {
      return await measureLoad(variants, plan, note)
    } finally {
      await Promise.all([h2c.child, ...workers].map((child) => child.stop()))
    }
  },
}

function rival({ rivals }, wanted) {
  return rivals.find(({ name }) => name === wanted)
}

function variant(context, name, start) {
  return {
    name,
    base,
    start,
    check: ({ port }) => askOnce(port, { path, length: smallBody.length }),
    drive: async ({ port }, duration) => {
      const result = await wrk(context.programs.wrk, `http://127.0.0.1:${port}${path}`, { connections: 64, duration })
      return { ...result, count: result.requests }
    },
  }
}
