/**
 * Proxies that share servers, event by event:
 *
 *     a request comes ──▶ pool.lease ──▶ network ──▶ server: line, work ──▶ network ──▶ answered
 *                            ▲                          │ refused                          │
 *                            └──────────────────────────┴── network ◀──────────────────────┘
 *
 * What chooses, counts, learns and rests is the product's own code (`dist/pool`, `dist/balancers`); time, chance, servers
 * and clients are simulated.
 */

import { takeFleet } from './fleet.mjs'
import { Measurement } from './measurement.mjs'
import { Delay } from './queues.mjs'
import { Request } from './request.mjs'
import { Stations } from './stations.mjs'
import { Traffic } from './traffic.mjs'

/**
 * @typedef {object} Settings
 * @property {number} seed
 * @property {string} balancer
 * @property {number} proxies
 * @property {number} servers
 * @property {number} listed how many of the servers each proxy lists
 * @property {number} workers requests that a server serves at once
 * @property {number} line how many requests may wait at a server
 * @property {import('./traffic.mjs').Service} service
 * @property {number} mean milliseconds of service
 * @property {number} delay milliseconds on the network, one way
 * @property {number} brokenTime milliseconds that a broken server needs for its error
 * @property {number} load a part of what all servers can do
 * @property {number} requests
 * @property {number} warmUp the part of them that is not measured
 * @property {boolean} scattered the proxies have been running for a while
 * @property {number} connections client connections of each proxy
 * @property {number} keys
 * @property {number} skew of the keys: the exponent of Zipf's law
 * @property {Partial<import('../../dist/pool/options.js').PoolOptions>} options of each pool
 * @property {(server: number) => number} speed of each server; 1 is as fast as `mean` says
 * @property {(server: number) => number} weight of each server in the lists
 * @property {(world: World) => void} prepare what happens on the way
 */

/** @type {Settings} */
export const usual = {
  seed: 1,
  balancer: 'Round-Robin',
  proxies: 100,
  servers: 1000,
  listed: 1000,
  workers: 4,
  line: 100,
  service: 'log-normal',
  mean: 20,
  delay: 0.5,
  brokenTime: 1,
  load: 0.7,
  requests: 400_000,
  warmUp: 0.3,
  scattered: true,
  connections: 1500,
  keys: 100_000,
  skew: 0,
  options: {},
  speed: () => 1,
  weight: () => 1,
  prepare: () => {},
}

/** @typedef {Pick<Simulation, 'clock' | 'fleet' | 'stations' | 'duration' | 'warm' | 'settings'>} World */

/**
 * @param {Partial<Settings>} settings what is not usual
 * @returns {import('./measurement.mjs').Measured}
 */
export function simulate(settings) {
  return new Simulation({ ...usual, ...settings }).run()
}

class Simulation {
  settings
  clock
  fleet
  stations
  /** Milliseconds until the last request comes, about. */
  duration
  /** From when on is measured, in milliseconds. */
  warm
  #measurement
  #traffic
  /** On the way to servers, and on the way back. @type {Delay<Request>} */
  #out = new Delay()
  /** @type {Delay<Request>} */
  #back = new Delay()
  /** Objects that can be used again. @type {Request[]} */
  #free = []

  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings
    const { servers, workers, mean, load, requests, warmUp } = settings
    this.fleet = takeFleet(settings)
    this.clock = this.fleet.clock
    this.stations = new Stations({ ...settings, count: servers })
    const speed = this.stations.speed.reduce((sum, each) => sum + each, 0)
    const rate = (load * speed * workers) / mean
    this.duration = requests / rate
    this.warm = warmUp * this.duration
    this.#traffic = new Traffic({ ...settings, rate })
    this.#measurement = new Measurement(this)
    if (settings.scattered) this.fleet.scatter()
    settings.prepare(this)
  }

  run() {
    const { clock, stations } = this
    const [out, back, traffic] = [this.#out, this.#back, this.#traffic]
    let left = this.settings.requests
    let arrival = traffic.gap()
    for (;;) {
      const time = Math.min(arrival, out.time, stations.time, back.time)
      if (clock.due <= time && clock.due < Infinity) {
        // Without requests under way nothing that a timer does would be seen.
        if (time === Infinity) break
        clock.time = clock.due
        clock.fire()
      } else if (time === Infinity) {
        break
      } else {
        clock.time = time
        if (time === stations.time) this.#done()
        else if (time === out.time) this.#reach()
        else if (time === back.time) this.#answered()
        else {
          this.#come()
          arrival = --left > 0 ? time + traffic.gap() : Infinity
        }
      }
    }
    return this.#measurement.result()
  }

  #come() {
    const request = this.#free.pop() ?? new Request()
    this.#traffic.fill(request)
    request.begun = this.clock.time
    request.measured = request.begun >= this.warm
    if (request.measured) this.#measurement.came(request)
    this.#send(request)
  }

  #send(request) {
    const lease = this.fleet.pools[request.proxy].lease(request, request.tried)
    if (typeof lease === 'string') {
      if (request.measured) this.#measurement.failed()
      this.#over(request)
      return
    }
    request.lease = lease
    request.server = lease.member.carrier
    if (request.measured) this.#measurement.sent(request)
    this.#out.push(this.clock.time + this.settings.delay, request)
  }

  #reach() {
    const request = this.#out.shift()
    const { time } = this.clock
    if (this.stations.arrive(request, time)) return
    request.refused = true
    if (request.measured) this.#measurement.refused()
    this.#back.push(time + this.settings.delay, request)
  }

  #done() {
    const { time } = this.clock
    const request = this.stations.finish(time)
    this.#back.push(time + this.settings.delay, request)
  }

  /** The same as `forward/failover` does: where no connection stands, another server is tried; an answer is passed on. */
  #answered() {
    const request = this.#back.shift()
    const { lease } = request
    if (request.refused) {
      this.fleet.spoilt = true
      lease.failed('connection refused')
      lease.release()
      request.again()
      this.#send(request)
      return
    }
    const failed = request.erroneous && this.settings.options.failStatus !== undefined
    if (failed) {
      this.fleet.spoilt = true
      lease.failed('status 500')
    } else {
      lease.succeeded()
    }
    lease.release()
    if (request.measured) {
      if (request.erroneous) this.#measurement.failed()
      else this.#measurement.answered(request, this.clock.time)
    }
    this.#over(request)
  }

  #over(request) {
    request.clear()
    this.#free.push(request)
  }
}
