/** Memory that open connections hold. */

import { setTimeout as sleep } from 'node:timers/promises'
import { median, rotated } from '../harness/statistics.mjs'
import { processTree, residentMemory } from '../harness/usage.mjs'
import { startClient } from './case.mjs'

/** More looks than this say nothing new. */
const mostRounds = 3

/**
 * What connections that do nothing add to the resident memory of each proxy: the difference between before and after.
 *
 * @param {readonly import('../rivals/registry.mjs').Rival[]} rivals
 * @param {{ servers: readonly string[], keepIdle?: boolean }} settings
 * @param {{ what: 'websocket' | 'request', count: number, column: import('./case.mjs').Column, rounds: number }} plan
 *   `column` is that of the memory of one connection
 * @param {(text: string) => void} note
 * @returns {Promise<import('./case.mjs').Row[]>}
 */
export async function heldMemory(rivals, settings, { what, count, column, rounds }, note) {
  const trials = rivals.map((rival) => ({ rival, looks: /** @type {Held[]} */ ([]) }))
  for (let round = 0; round < Math.min(rounds, mostRounds); round++) {
    for (const { rival, looks } of rotated(trials, round)) {
      try {
        looks.push(await look(rival, settings, what, count, note))
      } catch (error) {
        note(`${rival.name}: ${/** @type {Error} */ (error).message}`)
      }
    }
  }
  const done = trials.filter(({ looks }) => looks.length > 0)
  const base = done.some(({ rival }) => rival.name === 'http-proxy') ? { base: 'http-proxy' } : {}
  return done.map(({ rival, looks }) => {
    const each = looks.map((held) => held.each / 1024)
    const memory = Math.max(...looks.map((held) => held.whole)) / 2 ** 20
    return { name: rival.name, ...base, values: { [column]: median(each), memory }, rounds: each }
  })
}

/** @typedef {{ each: number, whole: number }} Held in bytes */

/** @returns {Promise<Held>} */
async function look(rival, settings, what, count, note) {
  const { child, port } = await rival.start(settings, { collectable: true })
  try {
    // What is made at the first connections is there already at the first look.
    await (await open(port, 200, what)).stop()
    const before = await settledMemory(child, rival)
    const client = await open(port, count, what)
    try {
      const after = await settledMemory(child, rival)
      client.send({ count: true })
      const alive = await client.message('alive')
      if (alive < count) note(`${rival.name}: ${count - alive} of ${count} connections were closed meanwhile`)
      return { each: (after - before) / count, whole: after }
    } finally {
      await client.stop()
    }
  } finally {
    await child.stop()
  }
}

async function open(port, count, what) {
  const client = startClient('clients/idle.mjs', [port, count, what])
  try {
    await client.message('open')
    return client
  } catch (error) {
    await client.stop()
    throw error
  }
}

async function settledMemory(child, { kind }) {
  await sleep(500)
  if (kind !== 'native') {
    child.send({ collect: true })
    await child.message('collected')
    await sleep(200)
  }
  return residentMemory(processTree(child.pid))
}
