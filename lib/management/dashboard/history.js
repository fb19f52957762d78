/** What was measured in the last five minutes. */

/** Milliseconds that the plots show. */
export const span = 300_000

/** Measurements that are kept: one a second, and some more, for those that come early and for gaps. */
const capacity = 330

/** What is kept of each pool, in the order in which it is kept. */
const metrics = /** @type {const} */ (['requests', 'errors', 'p50', 'p90', 'p99'])

/** @typedef {typeof metrics[number]} Metric */
/** @typedef {{ requestsPerSecond: number, errorsPerSecond: number, latency: { p50: number | null, p90: number | null, p99: number | null } }} Measured */

/** Five numbers a second for each pool, in memory that is taken once: there may be thousands of pools. */
export class History {
  #count = 0
  /** Seconds since the Unix epoch, in a ring. */
  #times = new Float64Array(capacity)
  /** @type {Map<string, Float32Array>} by the name of the pool; of all pools together under the empty name */
  #rings = new Map()

  /**
   * @param {Measured & { at: string, pools: readonly (Measured & { name: string })[] }} stats
   */
  add(stats) {
    const time = Date.parse(stats.at) / 1000
    const last = this.#count === 0 ? time : (this.#times[(this.#count - 1) % capacity] ?? time)
    // The clock of the proxy was set back, or another proxy answers now.
    if (time < last) this.#count = 0
    // Nothing was heard for a while: a hole in the line, not a slope.
    else if (time - last > 3) this.#slot(last + 1)
    const slot = this.#slot(time)
    this.#write('', slot, stats)
    for (const pool of stats.pools) this.#write(pool.name, slot, pool)
    const names = new Set(stats.pools.map((pool) => pool.name))
    for (const name of this.#rings.keys()) if (name !== '' && !names.has(name)) this.#rings.delete(name)
  }

  /**
   * The times in seconds, oldest first, and a list of values for each metric; null where there is none.
   * @param {string} pool empty: all pools together
   * @param {readonly Metric[]} wanted
   * @returns {[number[], ...(number | null)[][]]}
   */
  read(pool, wanted) {
    const ring = this.#rings.get(pool)
    const size = Math.min(this.#count, capacity)
    const slots = Array.from({ length: size }, (_, index) => (this.#count - size + index) % capacity)
    const values = wanted.map((metric) => {
      const offset = metrics.indexOf(metric)
      return slots.map((slot) => {
        const value = ring?.[slot * metrics.length + offset] ?? Number.NaN
        return Number.isNaN(value) ? null : value
      })
    })
    return [slots.map((slot) => this.#times[slot] ?? 0), ...values]
  }

  /**
   * A new place for a measurement, with no values yet.
   * @param {number} time
   */
  #slot(time) {
    const slot = this.#count % capacity
    this.#count += 1
    this.#times[slot] = time
    for (const ring of this.#rings.values()) ring.fill(Number.NaN, slot * metrics.length, (slot + 1) * metrics.length)
    return slot
  }

  /**
   * @param {string} name
   * @param {number} slot
   * @param {Measured} measured
   */
  #write(name, slot, { requestsPerSecond, errorsPerSecond, latency }) {
    let ring = this.#rings.get(name)
    if (ring === undefined) {
      ring = new Float32Array(capacity * metrics.length).fill(Number.NaN)
      this.#rings.set(name, ring)
    }
    const values = [requestsPerSecond, errorsPerSecond, latency.p50, latency.p90, latency.p99]
    ring.set(
      values.map((value) => value ?? Number.NaN),
      slot * metrics.length,
    )
  }
}
