/** What a simulation tells: latencies, failures, and how even the load is. */

/**
 * @typedef {object} Measured
 * @property {number} requests that came while it was measured
 * @property {number} failed of these
 * @property {number} refusals connections that servers refused
 * @property {number} mean latency of those that were answered, in milliseconds
 * @property {number} p50
 * @property {number} p99
 * @property {number} p999
 * @property {number} most requests of the server that got the most, divided by the mean
 * @property {number} variation of the requests of servers: the standard deviation divided by the mean
 * @property {number} longest requests at the fullest server, the mean over looks at all servers
 * @property {number} present requests at a server, the mean over servers and looks
 * @property {readonly number[]} atLeast the part of servers with at least so many requests, the mean over looks
 * @property {(from: number, to: number, part: number) => number} quantileOf latencies of the requests that came between two
 *   times, which are milliseconds from where the measurement began
 * @property {Int32Array} sent requests of each server
 * @property {readonly Look[]} looks
 *
 * @typedef {object} Look
 * @property {number} time in milliseconds, from where the measurement began
 * @property {number} longest
 */

/** How often all servers are looked at while it is measured. */
const lookCount = 200

export class Measurement {
  #world
  /** Latency of each request that was answered, and when it came. */
  #latencies
  #begun
  #answered = 0
  #came = 0
  #failed = 0
  #refusals = 0
  #sent
  /** @type {Look[]} */
  #looks = []
  #present = 0
  #atLeast = new Float64Array(64)

  /** @param {import('./simulation.mjs').World} world */
  constructor(world) {
    this.#world = world
    const { settings, clock, duration, warm } = world
    this.#latencies = new Float64Array(settings.requests)
    this.#begun = new Float64Array(settings.requests)
    this.#sent = new Int32Array(settings.servers)
    const step = (duration - warm) / lookCount
    for (let i = 0; i < lookCount; i++) clock.setTimeout(() => this.#look(), warm + i * step)
  }

  came() {
    this.#came++
  }

  /** @param {import('./request.mjs').Request} request */
  sent({ server }) {
    this.#sent[server]++
  }

  refused() {
    this.#refusals++
  }

  failed() {
    this.#failed++
  }

  /**
   * @param {import('./request.mjs').Request} request
   * @param {number} time
   */
  answered({ begun }, time) {
    this.#begun[this.#answered] = begun - this.#world.warm
    this.#latencies[this.#answered++] = time - begun
  }

  /** @returns {Measured} */
  result() {
    const latencies = this.#latencies.slice(0, this.#answered).sort()
    const sent = this.#sent
    const mean = sent.reduce((a, b) => a + b, 0) / sent.length
    const variance = sent.reduce((sum, each) => sum + (each - mean) ** 2, 0) / sent.length
    const looks = this.#looks
    const servers = looks.length * sent.length
    return {
      requests: this.#came,
      failed: this.#failed,
      refusals: this.#refusals,
      mean: latencies.reduce((a, b) => a + b, 0) / latencies.length,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      p999: quantile(latencies, 0.999),
      most: sent.reduce((a, b) => Math.max(a, b), 0) / mean,
      variation: Math.sqrt(variance) / mean,
      longest: looks.reduce((sum, { longest }) => sum + longest, 0) / looks.length,
      present: this.#present / servers,
      atLeast: Array.from(this.#atLeast, (count) => count / servers),
      quantileOf: (from, to, part) => this.#quantileOf(from, to, part),
      sent,
      looks,
    }
  }

  #quantileOf(from, to, part) {
    const latencies = this.#latencies.slice(0, this.#answered).filter((_, at) => {
      const time = this.#begun[at]
      return time >= from && time < to
    })
    return quantile(latencies.sort(), part)
  }

  #look() {
    const { clock, warm, stations } = this.#world
    let longest = 0
    for (const present of stations.present) {
      this.#present += present
      if (present > longest) longest = present
      for (let i = Math.min(present, this.#atLeast.length - 1); i >= 0; i--) this.#atLeast[i]++
    }
    this.#looks.push({ time: clock.time - warm, longest })
  }
}

/**
 * @param {Float64Array} sorted ascending
 * @param {number} part
 */
export function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
}
