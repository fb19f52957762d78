/**
 * The servers: each has some workers, and a line in front of them. A server whose line is full, or that is down, refuses
 * the connection.
 */

import { Agenda } from './queues.mjs'

/** @typedef {import('./request.mjs').Request} Request */

export class Stations {
  /** Requests served or waiting. */
  present
  /** How fast each works; 1 is as fast as most. */
  speed
  /** 1: it takes no new requests. */
  down
  /** 1: it answers everything with an error, at once. */
  broken
  /** @type {Agenda<Request>} */
  #ends = new Agenda()
  /** @type {(Request | undefined)[]} */
  #firstWaiting
  /** @type {(Request | undefined)[]} */
  #lastWaiting
  #workers
  #room
  #brokenTime

  /**
   * @param {object} parts
   * @param {number} parts.count
   * @param {number} parts.workers requests that one serves at once
   * @param {number} parts.line how many may wait at one
   * @param {(server: number) => number} parts.speed
   * @param {number} parts.brokenTime milliseconds that the answer of a broken one takes
   */
  constructor({ count, workers, line, speed, brokenTime }) {
    this.present = new Int32Array(count)
    this.speed = Float64Array.from({ length: count }, (_, server) => speed(server))
    this.down = new Uint8Array(count)
    this.broken = new Uint8Array(count)
    this.#firstWaiting = new Array(count).fill(undefined)
    this.#lastWaiting = new Array(count).fill(undefined)
    this.#workers = workers
    this.#room = workers + line
    this.#brokenTime = brokenTime
  }

  /** When the next request is done. */
  get time() {
    return this.#ends.time
  }

  /**
   * @param {Request} request
   * @param {number} now
   * @returns {boolean} false: it was refused
   */
  arrive(request, now) {
    const { server } = request
    if (this.down[server] === 1) return false
    if (this.broken[server] === 1) {
      request.erroneous = true
      this.#ends.push(now + this.#brokenTime, request)
      return true
    }
    if (this.present[server] >= this.#room) return false
    if (this.present[server]++ < this.#workers) {
      this.#serve(request, now)
    } else {
      const last = this.#lastWaiting[server]
      if (last === undefined) this.#firstWaiting[server] = request
      else last.behind = request
      this.#lastWaiting[server] = request
    }
    return true
  }

  /**
   * The next request is done, and another one begins.
   *
   * @param {number} now
   * @returns {Request}
   */
  finish(now) {
    const request = this.#ends.shift()
    if (request.erroneous) return request
    const { server } = request
    this.present[server]--
    const next = this.#firstWaiting[server]
    if (next !== undefined) {
      this.#firstWaiting[server] = next.behind
      if (next.behind === undefined) this.#lastWaiting[server] = undefined
      next.behind = undefined
      this.#serve(next, now)
    }
    return request
  }

  #serve(request, now) {
    this.#ends.push(now + request.work / this.speed[request.server], request)
  }
}
