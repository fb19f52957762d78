/** The proxies: each has a pool of the product, with states and a balancer of its own. */

import { findBalancer } from '../../dist/balancers/registry.js'
import { ActiveHealth } from '../../dist/pool/active-health.js'
import { parseServer } from '../../dist/pool/address.js'
import { Pool } from '../../dist/pool/pool.js'
import { ServerDirectory } from '../../dist/pool/server.js'
import { stream } from './chance.mjs'
import { VirtualClock } from './clock.mjs'

/** What the keys of an entry are by default, as far as a pool looks at them. Milliseconds. */
const defaults = {
  backupList: [],
  hashKey: { kind: 'header', name: 'x-key' },
  stickyCookie: undefined,
  highAvailability: true,
  offlineTimeOut: 60_000,
  attemptsCount: 2,
  failOpen: true,
  failStatus: undefined,
  maxConnections: 0,
  queueLength: 1000,
  queueTimeout: 5000,
  slowStart: 0,
  healthCheck: undefined,
}

/** @param {number} index @returns {string} */
export function addressOf(index) {
  return `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:80`
}

export class Fleet {
  /** @type {Pool<number>[]} */
  pools = []
  /** Some proxy knows of a failure, or was started anew: it is not as it was in the beginning. */
  spoilt = false
  clock
  #settings
  #specs
  /** Chance of each proxy; a balancer keeps the object, whose stream can be replaced. */
  #randoms = []

  /**
   * @param {object} settings
   * @param {number} settings.seed
   * @param {string} settings.balancer
   * @param {number} settings.proxies
   * @param {number} settings.servers
   * @param {number} settings.listed how many of the servers each proxy lists
   * @param {(server: number) => number} settings.weight
   * @param {Partial<import('../../dist/pool/options.js').PoolOptions>} settings.options
   * @param {import('./clock.mjs').VirtualClock} clock
   */
  constructor(settings, clock) {
    this.#settings = settings
    this.clock = clock
    this.#specs = Array.from({ length: settings.servers }, (_, index) =>
      parseServer(`${addressOf(index)}*${settings.weight(index)}`),
    )
    for (let proxy = 0; proxy < settings.proxies; proxy++) this.#make(proxy)
  }

  /**
   * As good as a new fleet, and made much faster.
   *
   * @param {number} seed
   * @param {string} balancer
   */
  renew(seed, balancer) {
    // A ring of hashes is always the same, and takes long to make.
    const keep = balancer === 'Consistent-Hash' && balancer === this.#settings.balancer
    this.#settings = { ...this.#settings, seed, balancer }
    for (const [proxy, pool] of this.pools.entries()) {
      Object.assign(this.#randoms[proxy], stream(seed, `proxy ${proxy}`))
      if (!keep) pool.setLoadBalance(named(balancer))
    }
  }

  /**
   * Starts a proxy anew: it knows nothing of what the one before had learnt.
   *
   * @param {number} proxy
   */
  restart(proxy) {
    this.spoilt = true
    this.#make(proxy)
  }

  #make(proxy) {
    const { seed, balancer, options } = this.#settings
    const { clock } = this
    const random = stream(seed, `proxy ${proxy}`)
    this.#randoms[proxy] = random
    this.pools[proxy] = new Pool({
      name: 'simulated',
      clock,
      random,
      directory: new ServerDirectory(clock, nothing),
      checks: new ActiveHealth({ clock, random, asks: () => false }),
      carriers: {
        take: indexOf,
        giveBack: nothing,
        key: () => '',
        probe: () => () => nothing,
        ready: () => true,
        limit: () => Number.POSITIVE_INFINITY,
        watch: () => nothing,
      },
      onChange: nothing,
      options: { ...defaults, ...options, serverList: this.#listOf(proxy), loadBalance: named(balancer) },
    })
  }

  /**
   * Lets each proxy choose some servers, a different number each, as if it had run for a while: started at the same moment
   * they would all stand at the same place of the list.
   */
  scatter() {
    const { seed, servers } = this.#settings
    const { next } = stream(seed, 'scatter')
    for (const pool of this.pools) {
      const picks = Math.floor(next() * servers)
      for (let i = 0; i < picks; i++) {
        const lease = pool.lease(somebody, nobody)
        if (typeof lease !== 'string') lease.release()
      }
    }
  }

  /** Neighbours in the list of all, so that each server is listed equally often. */
  #listOf(proxy) {
    const { listed, proxies, servers } = this.#settings
    if (listed === servers) return this.#specs
    const first = Math.floor((proxy * servers) / proxies)
    return Array.from({ length: listed }, (_, i) => this.#specs[(first + i) % servers])
  }
}

/** @param {string} name */
function named(name) {
  const factory = findBalancer(name)
  if (factory === undefined) throw new Error(`no balancer is named ${name}`)
  return { name, factory }
}

/** The last fleet that can be used again, and what it was made of. */
let kept = { of: '', fleet: undefined }

/**
 * A fleet that has not been used, or is as good.
 *
 * @param {ConstructorParameters<typeof Fleet>[0]} settings
 * @returns {Fleet}
 */
export function takeFleet({ seed, balancer, proxies, servers, listed, weight, options }) {
  const of = JSON.stringify([proxies, servers, listed, weight, options], (_, value) =>
    typeof value === 'function' ? `${value}` : value,
  )
  if (kept.of !== of || kept.fleet.spoilt) {
    // Two of them need not be in memory.
    kept = { of: '', fleet: undefined }
    kept = { of, fleet: new Fleet({ seed, balancer, proxies, servers, listed, weight, options }, new VirtualClock()) }
  } else {
    kept.fleet.clock.reset()
    kept.fleet.renew(seed, balancer)
  }
  return kept.fleet
}

/** @type {ReadonlySet<never>} */
const nobody = new Set()

/** @type {import('../../dist/pool/request.js').PoolRequest} */
const somebody = {
  attempt: 0,
  slots: 0,
  failedOpen: false,
  connectionNumber: () => 0,
  clientAddress: () => '',
  hashKey: () => '',
  stickyToken: () => undefined,
}

function nothing() {}

/** @param {{ host: string }} address */
function indexOf({ host }) {
  const [, high, middle, low] = host.split('.').map(Number)
  return (high << 16) | (middle << 8) | low
}
