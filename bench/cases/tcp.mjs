/** TCP routing, against the two pipes that anybody would write. */

import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { freePort } from '../harness/ports.mjs'
import { median, rotated } from '../harness/statistics.mjs'
import { cpuTime, PeakMemory, processTree, residentMemory } from '../harness/usage.mjs'
import { startClient } from './case.mjs'

const kinds = /** @type {const} */ ({ pipe: 'bare pipes', router: 'pointsman' })
const warmUp = 200

/** @type {import('./case.mjs').Case} */
export const tcpCase = {
  name: 'tcp',
  title: 'TCP routing',
  about: ({ bodySize }) =>
    `${bodySize / 2 ** 20} MiB each way at once through one connection; then short connections, 32 at a time: one byte there, one byte back.`,
  columns: ['connectionCost', 'connections', 'rate', 'growth'],
  ratio: { column: 'connectionCost', label: '× bare pipes' },
  async run({ plan }) {
    const server = await start('upstreams/tcp.mjs', [], { ...process.env, BYTES: `${plan.bodySize}` })
    const trials = []
    try {
      for (const kind of /** @type {const} */ (['pipe', 'router'])) {
        trials.push({ kind, ...(await start('rivals/tcp.mjs', [server.port, kind])), rounds: [] })
      }
      for (const { port } of trials) await ask(port, ['connections', warmUp / 1000], 'count')
      for (let round = 0; round < plan.rounds; round++) {
        for (const trial of rotated(trials, round)) trial.rounds.push(await measure(trial, plan))
      }
      return trials.map(({ kind, rounds }) => {
        const middle = (column) => median(rounds.map((each) => each[column]))
        return {
          name: kinds[kind],
          base: kinds.pipe,
          values: {
            connectionCost: middle('cost'),
            connections: middle('connections'),
            rate: middle('rate'),
            // Of the first round: what has grown stays.
            growth: rounds[0].growth,
          },
        }
      })
    } finally {
      for (const { child } of [server, ...trials]) await child.stop()
    }
  },
}

async function measure({ child, port }, { bodySize, duration }) {
  const pids = processTree(child.pid)
  const before = residentMemory(pids)
  const memory = new PeakMemory(pids)
  const seconds = await ask(port, ['both', bodySize], 'seconds')
  const growth = (memory.stop() - before) / 2 ** 20
  const from = cpuTime(pids)
  const count = await ask(port, ['connections', duration], 'count')
  return {
    growth,
    rate: bodySize / 2 ** 20 / seconds,
    connections: count / duration,
    cost: (cpuTime(pids) - from) / count,
  }
}

async function ask(port, args, result) {
  const client = startClient('clients/tcp.mjs', [port, ...args])
  try {
    return await client.message(result)
  } finally {
    await client.stop()
  }
}

async function start(path, args, env = process.env) {
  const port = await freePort()
  const program = fileURLToPath(new URL(`../${path}`, import.meta.url))
  const child = new Child(process.execPath, [program, ...[port, ...args].map(String)], { ipc: true, env })
  await listening(child, port)
  return { child, port }
}
