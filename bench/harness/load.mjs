/** Variants of something under the same load, in turn, again and again. */

import { request } from 'node:http'
import { median, rotated } from './statistics.mjs'
import { cpuTime, PeakMemory, processTree } from './usage.mjs'

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} [base] the variant that it is compared with
 * @property {() => Promise<import('../rivals/registry.mjs').Running>} start
 * @property {(running: import('../rivals/registry.mjs').Running, duration: number, meter: Meter) => Promise<Driven>} drive
 * @property {(running: import('../rivals/registry.mjs').Running) => Promise<void>} [check] throws when it does not do
 *   what is to be measured
 *
 * @typedef {object} Driven what the load generator counted
 * @property {number} count requests, or messages
 * @property {number} throughput a second
 * @property {number} p50 in milliseconds
 * @property {number} p99 in milliseconds
 * @property {number} failed
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} [base]
 * @property {Record<string, number>} values
 * @property {number[]} [rounds] the costs of the rounds
 * @property {string} [note]
 */

/**
 * @param {readonly Variant[]} variants
 * @param {{ rounds: number, duration: number, warmUp: number }} plan durations in seconds
 * @param {(text: string) => void} note
 * @returns {Promise<Row[]>} in the order of the variants, without those that failed
 */
export async function measureLoad(variants, { rounds, duration, warmUp }, note) {
  /** @type {Trial[]} */
  const trials = []
  try {
    for (const variant of variants) {
      try {
        trials.push(await Trial.begin(variant, warmUp))
      } catch (error) {
        note(`${variant.name} is left out: ${/** @type {Error} */ (error).message}`)
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const trial of rotated(trials, round)) {
        if (trial.broken) continue
        try {
          await trial.run(duration)
        } catch (error) {
          trial.broken = true
          note(`${trial.variant.name} is left out: ${/** @type {Error} */ (error).message}`)
        }
      }
    }
    return trials.filter(({ broken }) => !broken).map((trial) => trial.row())
  } finally {
    await Promise.all(trials.map((trial) => trial.running.child.stop()))
  }
}

/** CPU time of processes, from here to there. */
class Meter {
  /** @param {readonly number[]} pids */
  constructor(pids) {
    this.pids = pids
    /** @type {number | undefined} */
    this.to = undefined
    this.start()
  }

  /** Counts from now on; a load generator that has to prepare something says so. */
  start() {
    this.from = cpuTime(this.pids)
  }

  /** Counts up to now; the first time is the one that counts. */
  stop() {
    this.to ??= cpuTime(this.pids)
  }

  /** In microseconds. */
  get spent() {
    return (this.to ?? cpuTime(this.pids)) - (this.from ?? 0)
  }
}

class Trial {
  /**
   * @param {Variant} variant
   * @param {import('../rivals/registry.mjs').Running} running
   */
  constructor(variant, running) {
    this.variant = variant
    this.running = running
    this.pids = processTree(running.child.pid)
    this.broken = false
    /** @type {(Driven & { cost: number, memory: number })[]} */
    this.rounds = []
  }

  /**
   * @param {Variant} variant
   * @param {number} warmUp
   */
  static async begin(variant, warmUp) {
    const running = await variant.start()
    try {
      await variant.check?.(running)
      if (warmUp > 0) await variant.drive(running, warmUp, new Meter([]))
      return new Trial(variant, running)
    } catch (error) {
      await running.child.stop()
      throw error
    }
  }

  /** @param {number} duration */
  async run(duration) {
    const memory = new PeakMemory(this.pids)
    const meter = new Meter(this.pids)
    try {
      const driven = await this.variant.drive(this.running, duration, meter)
      meter.stop()
      if (!this.running.child.alive) throw new Error(this.running.child.complaint)
      if (driven.count === 0) throw new Error('nothing was answered')
      this.rounds.push({ ...driven, cost: meter.spent / driven.count, memory: memory.stop() })
    } finally {
      memory.stop()
    }
  }

  /** @returns {Row} */
  row() {
    const { name, base } = this.variant
    const middle = (/** @type {keyof typeof this.rounds[0]} */ key) => median(this.rounds.map((round) => round[key]))
    const failed = this.rounds.reduce((sum, round) => sum + round.failed, 0)
    return {
      name,
      ...(base === undefined ? {} : { base }),
      values: {
        cost: middle('cost'),
        throughput: middle('throughput'),
        p50: middle('p50'),
        p99: middle('p99'),
        memory: Math.max(...this.rounds.map((round) => round.memory)) / 2 ** 20,
      },
      rounds: this.rounds.map(({ cost }) => cost),
      ...(failed === 0 ? {} : { note: `${failed} failed` }),
    }
  }
}

/**
 * Asks once, and throws unless the answer is as it should be.
 *
 * @param {number} port
 * @param {{ path: string, length: number, method?: string, body?: string, headers?: Record<string, string> }} expected
 * @returns {Promise<import('node:http').IncomingHttpHeaders>}
 */
export function askOnce(port, { path, length, method = 'GET', body, headers = {} }) {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', path, method, headers, agent: false, timeout: 5000 }, (res) => {
      let received = 0
      res.on('data', (chunk) => {
        received += chunk.length
      })
      res.once('error', reject)
      res.once('end', () => {
        if (res.statusCode === 200 && received === length) resolve(res.headers)
        else reject(new Error(`${method} ${path}: ${res.statusCode}, ${received} bytes instead of ${length}`))
      })
    })
    req.once('error', reject)
    req.once('timeout', () => req.destroy(new Error(`${method} ${path}: no answer`)))
    req.end(body)
  })
}
