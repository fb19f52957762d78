/** The requests: when each comes, to which proxy, from whom, and how much work it is. */

import { exponential, logNormal, stream, zipf } from './chance.mjs'

const services = { exponential, 'log-normal': logNormal, constant: (_, mean) => () => mean }

/** @typedef {keyof typeof services} Service */

export class Traffic {
  #gap
  #work
  #key
  #names
  #random
  #proxies
  #connections

  /**
   * @param {object} settings
   * @param {number} settings.seed
   * @param {number} settings.rate requests a millisecond, of all proxies together
   * @param {Service} settings.service
   * @param {number} settings.mean milliseconds of work
   * @param {number} settings.proxies
   * @param {number} settings.connections client connections of each proxy
   * @param {number} settings.keys how many keys there are, and clients
   * @param {number} settings.skew of the keys and clients
   */
  constructor({ seed, rate, service, mean, proxies, connections, keys, skew }) {
    this.#gap = exponential(stream(seed, 'arrivals'), 1 / rate)
    this.#work = services[service](stream(seed, 'work'), mean)
    this.#key = zipf(stream(seed, 'keys'), keys, skew)
    this.#names = keyNames(keys)
    this.#random = stream(seed, 'clients')
    this.#proxies = proxies
    this.#connections = connections
  }

  /** Milliseconds to the next request. */
  gap() {
    return this.#gap()
  }

  /** @param {import('./request.mjs').Request} request */
  fill(request) {
    request.work = this.#work()
    const key = this.#key()
    request.key = this.#names.keys[key]
    request.client = this.#names.clients[key]
    request.proxy = Math.floor(this.#random.next() * this.#proxies)
    request.connection = Math.floor(this.#random.next() * this.#connections)
  }
}

const known = new Map()

/**
 * @param {number} count
 * @returns {{ keys: string[], clients: string[] }}
 */
export function keyNames(count) {
  let names = known.get(count)
  if (names === undefined) {
    const indices = Array.from({ length: count }, (_, index) => index)
    names = {
      keys: indices.map((index) => `/item/${index}`),
      clients: indices.map((index) => `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`),
    }
    known.set(count, names)
  }
  return names
}
