/** A body that is larger than a proxy should ever hold. */

import { askOnce } from '../harness/load.mjs'
import { bodySizes } from '../harness/upstream.mjs'
import { PeakMemory, processTree, residentMemory } from '../harness/usage.mjs'
import { startClient, startServer } from './case.mjs'

/** @type {import('./case.mjs').Case} */
export const bodyCase = {
  name: 'body',
  title: 'A large body',
  about: ({ bodySize }) =>
    `${bodySize / 2 ** 20} MiB in one request, down and up; the reader stops for a second after the first MiB. How much the resident memory grows at most.`,
  columns: ['growth', 'rate'],
  async run({ rivals, servers, plan, note }) {
    const sink = await startServer('upstreams/sink.mjs')
    try {
      const rows = []
      // Those in Node that stream: nginx and haproxy write to files, or stop at their buffers.
      const able = rivals.filter(({ kind }) => kind === 'product' || kind === 'node')
      for (const rival of able) {
        for (const direction of /** @type {const} */ (['down', 'up'])) {
          const name = bodyRow(rival.name, direction)
          try {
            const to = direction === 'down' ? servers : [sink.address]
            rows.push({ name, values: await carry(rival, to, plan.bodySize, direction) })
          } catch (error) {
            note(`${name} is left out: ${/** @type {Error} */ (error).message}`)
          }
        }
      }
      return rows
    } finally {
      await sink.child.stop()
    }
  },
}

/**
 * @param {string} rival
 * @param {'down' | 'up'} direction
 */
export function bodyRow(rival, direction) {
  return `${rival}, ${direction}`
}

async function carry(rival, servers, bytes, direction) {
  const { child, port } = await rival.start({ servers })
  try {
    if (direction === 'down') {
      for (let times = 0; times < 20; times++) await askOnce(port, { path: '/1m', length: bodySizes['/1m'] })
    } else {
      const body = 'x'.repeat(2 ** 19)
      for (let times = 0; times < 20; times++) await askOnce(port, { path: '/', length: 0, method: 'POST', body })
    }
    const pids = processTree(child.pid)
    const before = residentMemory(pids)
    const memory = new PeakMemory(pids)
    const client = startClient('clients/body.mjs', [port, bytes, direction])
    try {
      const seconds = await client.message('seconds')
      return { growth: (memory.stop() - before) / 2 ** 20, rate: bytes / 2 ** 20 / seconds }
    } finally {
      memory.stop()
      await client.stop()
    }
  } finally {
    await child.stop()
  }
}
