/** The command line with one process and with several. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { askOnce, measureLoad } from '../harness/load.mjs'
import { freePort } from '../harness/ports.mjs'
import { smallBody } from '../harness/upstream.mjs'
import { wrk } from '../harness/wrk.mjs'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const path = '/small'

/** @type {import('./case.mjs').Case} */
export const processesCase = {
  name: 'processes',
  title: 'Several processes',
  about: () =>
    'Small GET, 64 connections, to `pointsman start` with `Processes` 1, 2 and 4. CPU time and memory are those of all its processes, the one that manages them included; the load generator and the servers need processors too.',
  columns: ['cost', 'throughput', 'p50', 'p99', 'memory'],
  ratio: { column: 'cost', label: '× one process' },
  run(context) {
    return measureLoad(
      [1, 2, 4].map((count) => variant(context, count)),
      context.plan,
      context.note,
    )
  },
}

function variant({ servers, programs, temp }, count) {
  return {
    name: `Processes ${count}`,
    base: 'Processes 1',
    async start() {
      const port = await freePort()
      const file = join(temp, `processes-${port}.conf`)
      const entry = `[PROXY_ENTRY web]\nMatch /*\nServerList ${servers.join(' ')}`
      writeFileSync(file, `[LISTEN]\nAddress 127.0.0.1:${port}\n[CLUSTER]\nProcesses ${count}\n${entry}\n`)
      const child = new Child(process.execPath, [program, 'start', '-c', file])
      await listening(child, port)
      return { child, port }
    },
    check: ({ port }) => askOnce(port, { path, length: smallBody.length }),
    async drive({ port }, duration) {
      const result = await wrk(programs.wrk, `http://127.0.0.1:${port}${path}`, { connections: 64, duration })
      return { ...result, count: result.requests }
    },
  }
}
