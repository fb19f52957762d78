/** A pick of each balancer, and what it is told about the request until that is over. */

import { balancerNames, findBalancer } from '../../dist/balancers/registry.js'
import { systemClock } from '../../dist/clock.js'
import { systemRandom } from '../../dist/random.js'
import { written } from '../report/columns.mjs'

const counts = [3, 1000]
/** Requests under way at any time. */
const underWay = 64

/** @returns {import('./loop.mjs').Operation[]} */
export function pickOperations() {
  return balancerNames().flatMap((name) => counts.map((count) => pick(name, count)))
}

/** @returns {import('./loop.mjs').Operation} */
function pick(name, count) {
  const factory = findBalancer(name)
  if (factory === undefined) throw new Error(`no balancer ${name}`)
  const balancer = factory({ clock: systemClock, random: systemRandom })
  const { candidates, slots } = servers(count, name === 'Weighted')
  const request = new Client(slots)
  /** The servers of the requests under way, oldest at `at`. */
  const pending = Array.from({ length: underWay }, () => undefined)
  const outcome = { latency: 1, failed: false }
  let at = 0
  return {
    name: row(name, count),
    base: row(name, 3),
    run(times) {
      for (let i = 0; i < times; i++) {
        const oldest = pending[at]
        if (oldest !== undefined) {
          balancer.answered?.(oldest, outcome)
          oldest.active--
          balancer.finished?.(oldest)
        }
        request.number = at
        const server = balancer.pick(candidates, request)
        if (server === undefined) throw new Error(`${name} picked none`)
        server.active++
        balancer.started?.(server)
        pending[at] = server
        at = (at + 1) % underWay
      }
    },
  }
}

function row(name, count) {
  return `${name}, ${written(count, 0)}`
}

/** Weights from 1 to 3, or 1 each. */
function servers(count, weighted) {
  let slots = 0
  const candidates = Array.from({ length: count }, (_, i) => {
    const places = Array.from({ length: weighted ? 1 + (i % 3) : 1 }, () => slots++)
    return { id: `127.0.${i >> 8}.${i & 255}:80`, slots: places, weight: places.length, active: 0 }
  })
  return { candidates, slots }
}

/** The request of one of as many clients as there are requests under way. */
class Client {
  attempt = 0
  number = 0
  #addresses = Array.from({ length: underWay }, (_, i) => `192.0.2.${i}`)

  constructor(slots) {
    this.slots = slots
  }

  connectionNumber() {
    return this.number
  }

  clientAddress() {
    return this.#addresses[this.number]
  }

  hashKey() {
    return this.#addresses[this.number]
  }
}
