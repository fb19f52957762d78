/** Free ports, below those that the system gives to outgoing connections: nothing else takes one in between. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const lowest = 10_240
const [ephemeral = 32_768] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number)
const highest = Math.max(ephemeral, lowest + 4096)
/** @type {Set<number>} */
const given = new Set()

/** @returns {Promise<number>} a port of 127.0.0.1 on which nobody listens, each time another one */
export async function freePort() {
  for (let tries = 0; tries < 1000; tries++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error('no free port on 127.0.0.1')
}

/** @param {number} count */
export async function freePorts(count) {
  const ports = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

/** @param {number} port */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
