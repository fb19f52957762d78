/** What workers that have dialled in cost a proxy that sends them nothing. */

import { setTimeout as sleep } from 'node:timers/promises'
import { withinFileLimit } from '../harness/limits.mjs'
import { freePort } from '../harness/ports.mjs'
import { cpuTime, processTree, residentMemory } from '../harness/usage.mjs'
import { written } from '../report/columns.mjs'
import { startClient } from './case.mjs'

/** Seconds over which the PINGs are counted; each side sends one every five. */
const watched = 20

/** @type {import('./case.mjs').Case} */
export const joinedCase = {
  name: 'joined',
  title: 'Many workers, nothing to do',
  about: ({ servers }) =>
    `What each of ${written(servers, 0)} workers that have dialled in adds to the resident memory, after garbage was collected, and the CPU time of the PINGs in both directions, in µs a second for each worker.`,
  columns: ['workerMemory', 'pingCost', 'memory'],
  async run({ rivals, plan, servers, note }) {
    const count = withinFileLimit(plan.servers, 1, note)
    const workersPort = await freePort()
    const product = rivals.find(({ name }) => name === 'pointsman')
    const config = {
      entries: [{ match: '/*', serverList: 'worker:default' }],
      workers: { listen: `127.0.0.1:${workersPort}` },
    }
    const { child } = await product.start({ servers, config, workersPort }, { collectable: true })
    try {
      const pids = processTree(child.pid)
      const before = await collected(child, pids)
      const workers = startClient('clients/workers.mjs', [`http://127.0.0.1:${workersPort}`, count])
      try {
        await workers.message('open')
        const after = await collected(child, pids)
        const from = cpuTime(pids)
        await sleep(watched * 1000)
        const pingCost = (cpuTime(pids) - from) / watched / count
        const values = { workerMemory: (after - before) / count / 1024, pingCost, memory: after / 2 ** 20 }
        return [{ name: 'pointsman', values }]
      } finally {
        await workers.stop()
      }
    } finally {
      await child.stop()
    }
  },
}

async function collected(child, pids) {
  await sleep(1000)
  child.send({ collect: true })
  await child.message('collected')
  await sleep(200)
  return residentMemory(pids)
}
